"""An entry's stored value, to be looked at, and to be replaced by a newer answer."""

import time
import zlib
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import router, transaction

from cachestats import config
from cachestats.models import Audit, CacheEntry, EntryUse
from cachestats.models.entries import row_id
from cachestats.services.removal import count, uncount


@dataclass(frozen=True, kw_only=True)
class StoredValue:
    """What is stored under a key. key: all 64 digits. value: JSON, as it was stored.

    damaged: its bytes are not those that were stored; no look-up would be answered with it.
    """

    key: str
    value: bytes
    cost_ms: float | None
    damaged: bool

    def decoded(self) -> Any:
        """Return the value; None of a damaged one."""
        return None if self.damaged else orjson.loads(self.value)


def stored_value(digits: str) -> StoredValue | None:
    """Return the value of the entry of these 16 digits; None when there is none."""
    entry = CacheEntry.objects.filter(id=row_id(bytes.fromhex(digits))).first()
    if entry is None:
        return None
    value = bytes(entry.value)
    return StoredValue(
        key=entry.key,
        value=value,
        cost_ms=entry.cost_ms,
        damaged=zlib.crc32(value) != entry.checksum,
    )


def replace_value(key: str, old: bytes, new: bytes, cost_ms: float, actor: str) -> bool:
    """Put a newer answer in an entry's place, as if it had just been computed; audit who did.

    Its hits begin anew, with its time to live.

    Args:
        key: all 64 digits.
        old: what it is to replace; if another is stored by now, nothing is written.

    Returns:
        Whether it was replaced.
    """
    # First, and in another database: whoever is killed in between leaves no answer replaced that
    # nobody is known to have replaced.
    audit = Audit.objects.create(
        actor=actor,
        filters={"keys": [key[:8]], "replaced": True},
        deleted=1,
        freed_bytes=len(old),
    )
    replaced = False
    try:
        replaced = _replace(bytes.fromhex(key), old, new, cost_ms)
    finally:
        if not replaced:
            audit.delete()
    return replaced


def _replace(digest: bytes, old: bytes, new: bytes, cost_ms: float) -> bool:
    found, now_ms = row_id(digest), int(time.time() * 1000)
    with transaction.atomic(using=router.db_for_write(CacheEntry)):
        same = CacheEntry.objects.filter(id=found, digest=digest, checksum=zlib.crc32(old))
        if (entry := same.select_for_update().first()) is None or bytes(entry.value) != old:
            return False
        changes = {
            "size_bytes": len(new),
            "cost_ms": cost_ms,
            "created_ms": now_ms,
            "expires_ms": now_ms + config.current().config.caching.ttl(entry.cache_type) * 1000,
        }
        uncount([found])
        same.update(value=new, checksum=zlib.crc32(new), **changes)
        EntryUse.objects.filter(id=found).update(hits=0, used_ms=now_ms, **changes)
        count([found])
    return True
