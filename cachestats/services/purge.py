"""Deleting what people ask to have deleted. Command, API and admin call this one service."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import F

from cachestats.durations import DURATION, parse_duration
from cachestats.errors import FieldError, InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.models import Audit, CacheEntry, Departure, EntryUse, Failure, Generation
from cachestats.models.entries import EntryQuerySet, row_id
from cachestats.services.removal import checkpoint, remove, remove_all

KEY = re.compile(r"[0-9a-f]{8,64}")
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
        if self.older_than is not None and not DURATION.fullmatch(self.older_than):
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
            age = parse_duration(self.older_than)
            assert age is not None  # noqa: S101  # it was looked at when it was given
            age_ms = int(age.total_seconds() * 1000)
            entries = entries.filter(created_ms__lte=now_ms - age_ms)
        if self.expired:
            entries = entries.filter(expires_ms__lte=now_ms)
        return entries


@dataclass(frozen=True, kw_only=True)
class PurgeResult:
    """What a purge matched and deleted, in entries and bytes of values."""

    matched: int
    deleted: int
    freed_bytes: int
    dry_run: bool


def purge(filters: PurgeFilter, actor: str, *, dry_run: bool = False) -> PurgeResult:
    """Delete what matches, in small batches, and write who did it to the audit.

    What is being computed meanwhile was asked for before the purge, and is not stored after it.
    """
    matching = filters.entries()
    if dry_run:
        matched = matching.count()
        return PurgeResult(matched=matched, deleted=0, freed_bytes=0, dry_run=True)
    if not (filters.expired or filters.older_than):
        _start_generation()
    asked = {name: value for name, value in asdict(filters).items() if value not in (None, False)}
    return _purge(matching, actor, asked)


def purge_entries(row_ids: Sequence[int], actor: str) -> PurgeResult:
    """Delete entries that somebody picked one by one, as `purge` does: one row of the audit."""
    picked = CacheEntry.objects.filter(id__in=row_ids)
    _start_generation()
    return _purge(picked, actor, {"keys": [entry.key[:8] for entry in picked.defer("value")]})


def _start_generation() -> None:
    Generation.objects.get_or_create(id=1)
    Generation.objects.update(number=F("number") + 1)


def _purge(matching: EntryQuerySet, actor: str, asked: dict[str, Any]) -> PurgeResult:
    audit = Audit(actor=actor, filters=asked, deleted=0, freed_bytes=0)
    try:
        for deleted, freed_bytes in remove_all(matching, Departure.PURGED):
            audit.deleted += deleted
            audit.freed_bytes += freed_bytes
    finally:
        # Also of one that broke off in the middle.
        audit.save()
    return PurgeResult(
        matched=audit.deleted,
        deleted=audit.deleted,
        freed_bytes=audit.freed_bytes,
        dry_run=False,
    )


def forget_failures() -> None:
    """Delete the errors that processes tell each other, without a trace; others then compute."""
    if Failure.objects.all().delete()[0]:
        checkpoint("cache")


def forget_entry(key: str) -> None:
    """Delete the entry of one whole key, as if it had never been: no audit, no bytes left."""
    forgotten = row_id(bytes.fromhex(key))
    remove([forgotten], None)
    EntryUse.objects.filter(id=forgotten).delete()
    checkpoint("cache")
