"""What changes the cache from outside a look-up: purge, expiry, eviction, revisions.

Command, API and admin call these, so that they cannot differ.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connections, transaction
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from cachestats import config
from cachestats.config.current import forget, read_file
from cachestats.config.schema import merge
from cachestats.errors import FieldError, InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.models import Audit, CacheEntry, ConfigRevision, EntryUse, Sample
from cachestats.models.entries import EntryQuerySet

# Small enough that a reader never waits long behind a batch.
BATCH_ROWS = 500
SAMPLE_DAYS = 30
AGE = re.compile(r"(\d{1,6})([smhd])")
AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
KEY = re.compile(r"[0-9a-f]{8,64}")
# What a cache file that is missing, locked or damaged makes Django raise; a damaged schema is no
# text any more.
UNUSABLE = (DatabaseError, UnicodeDecodeError)
# Half a character, as JSON's \ud800 or a shell's stray byte make it; no database takes one.
SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class PurgeFilter:
    """What to delete; the parts combine with AND.

    key: 8 to 64 of the key's hexadecimal digits. older_than: an age such as "7d" or "12h".
    """

    type: str | None = None
    model: str | None = None
    key: str | None = None
    older_than: str | None = None
    expired: bool = False
    all: bool = False

    def __post_init__(self) -> None:
        errors = []
        if not any(asdict(self).values()):
            accepted = "type, model, key, older_than, expired or all"
            errors.append(FieldError(field="filter", message=f"give at least one of: {accepted}"))
        if self.type is not None and not CACHE_TYPE.fullmatch(self.type):
            errors.append(FieldError(field="type", message="must be 1 to 40 of a-z, 0-9 and _"))
        if self.model is not None and SURROGATE.search(self.model):
            errors.append(FieldError(field="model", message="must be Unicode text"))
        if self.key is not None and not KEY.fullmatch(self.key):
            errors.append(FieldError(field="key", message="must be 8 to 64 hexadecimal digits"))
        if self.older_than is not None and not AGE.fullmatch(self.older_than):
            errors.append(
                FieldError(field="older_than", message="must be a number and s, m, h or d: 7d")
            )
        if errors:
            raise InvalidFilter(errors)

    def entries(self) -> EntryQuerySet:
        """Return the entries that match all parts."""
        now_ms = int(time.time() * 1000)
        entries = CacheEntry.objects.all()
        if self.type is not None:
            entries = entries.filter(cache_type=self.type)
        if self.model is not None:
            entries = entries.filter(model=self.model)
        if self.key is not None:
            entries = entries.with_key(self.key)
        if self.older_than is not None:
            number, unit = self.older_than[:-1], self.older_than[-1]
            age_ms = int(number) * AGE_SECONDS[unit] * 1000
            entries = entries.filter(created_ms__lte=now_ms - age_ms)
        if self.expired:
            entries = entries.expired(now_ms)
        return entries


@dataclass(frozen=True, kw_only=True)
class PurgeResult:
    """What a purge matched and deleted, in entries and bytes of values."""

    matched: int
    deleted: int
    freed_bytes: int
    dry_run: bool


def purge(filters: PurgeFilter, actor: str, *, dry_run: bool = False) -> PurgeResult:
    """Delete what matches, in small batches, and write who did it to the audit."""
    matching = filters.entries()
    if dry_run:
        matched = matching.count()
        return PurgeResult(matched=matched, deleted=0, freed_bytes=0, dry_run=True)
    deleted, freed_bytes = _delete(matching)
    asked = {name: value for name, value in asdict(filters).items() if value not in (None, False)}
    Audit.objects.create(actor=actor, filters=asked, deleted=deleted, freed_bytes=freed_bytes)
    return PurgeResult(matched=deleted, deleted=deleted, freed_bytes=freed_bytes, dry_run=False)


def forget_entry(key: str) -> None:
    """Delete the entry of one whole key, as if it had never been: no audit, no bytes left."""
    _delete(CacheEntry.objects.with_key(key))
    checkpoint("cache")


def expire() -> int:
    """Delete entries whose time is over and return how many."""
    return _delete(CacheEntry.objects.expired(int(time.time() * 1000)))[0]


def evict(max_bytes: int) -> int:
    """Delete the least recently used entries until the values fit; return how many."""
    total = CacheEntry.objects.aggregate(total=Sum("size_bytes"))["total"] or 0
    evicted = 0
    while total > max_bytes:
        used = EntryUse.objects.filter(id=OuterRef("id")).values("used_ms")
        oldest = (
            # An entry that was computed anew is as young as that, whatever its last use was.
            CacheEntry.objects.annotate(used=Greatest("created_ms", Coalesce(Subquery(used), 0)))
            .order_by("used")
            .values_list("id", "size_bytes")[:BATCH_ROWS]
        )
        batch = []
        for row_id, size_bytes in oldest:
            if total <= max_bytes:
                break
            batch.append(row_id)
            total -= size_bytes
        if not batch:
            break
        evicted += _delete_rows(batch)
    return evicted


def sweep() -> None:
    """Keep the cache and its samples within their bounds; run at start and on a schedule."""
    expire()
    evict(config.current().config.caching.max_bytes)
    Sample.objects.filter(at__lt=datetime.now(UTC) - timedelta(days=SAMPLE_DAYS)).delete()


def count_entries() -> int:
    """Return how many entries there are, expired ones included."""
    return CacheEntry.objects.count()


def check_overlay(overlay: Mapping[str, Any]) -> None:
    """Hold an overlay against the schema, by itself and over the tuning file.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    merge(read_file(settings.PERF_CONFIG), overlay)


def save_revision(
    overlay: Mapping[str, Any], author: User | None, reason: str = ""
) -> ConfigRevision:
    """Save an overlay over the tuning file; it is in force everywhere within a second.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
    """
    check_overlay(overlay)
    revision = ConfigRevision.objects.create(overlay=overlay, author=author, reason=reason)
    forget()
    return revision


def checkpoint(alias: str) -> None:
    """Move what the write-ahead log holds into the file, so that deleted bytes go from both."""
    with connections[alias].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _delete(entries: EntryQuerySet) -> tuple[int, int]:
    """Delete entries in batches; return how many went and the bytes of their values."""
    deleted = freed_bytes = 0
    while batch := list(entries.order_by("id").values_list("id", "size_bytes")[:BATCH_ROWS]):
        deleted += _delete_rows([row_id for row_id, _ in batch])
        freed_bytes += sum(size_bytes for _, size_bytes in batch)
    return deleted, freed_bytes


def _delete_rows(row_ids: list[int]) -> int:
    with transaction.atomic(using="cache"):
        EntryUse.objects.filter(id__in=row_ids).delete()
        return CacheEntry.objects.filter(id__in=row_ids).delete()[0]
