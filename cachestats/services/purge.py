"""Deleting what people ask to have deleted. Command, API and admin call this one service."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count, F, Sum

from cachestats.durations import DURATION, parse_duration
from cachestats.errors import FieldError, InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.models import Audit, CacheEntry, Departure, EntryUse, Failure, Generation
from cachestats.models.entries import ID_DIGITS, EntryQuerySet, row_id
from cachestats.services.removal import checkpoint, remove, remove_all

KEY = re.compile(r"[0-9a-f]{8,64}")
# By which lists name an entry.
ENTRY_KEY = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")
# NUL, and half a character, as JSON's \ud800 or a shell's stray byte make it: PostgreSQL takes
# neither, SQLite no half.
NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


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
        if self.model is not None and NO_TEXT.search(self.model):
            errors.append(FieldError(field="model", message="must be Unicode text"))
        if self.key is not None and not KEY.fullmatch(self.key):
            errors.append(FieldError(field="key", message="must be 8 to 64 hexadecimal digits"))
        if self.older_than is not None and not DURATION.fullmatch(self.older_than):
            errors.append(
                FieldError(field="older_than", message="must be a number and s, m, h or d: 7d")
            )
        if errors:
            raise InvalidFilter(errors)

    def given(self) -> dict[str, str | bool]:
        """Return the parts that were given, by name."""
        return {name: part for name, part in asdict(self).items() if part not in (None, False)}

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
class TypePurgePreview:
    """What a purge would delete of one type: entries, bytes of values, and their worth.

    cost_seconds: what computing them again would take. What was only stored costs nothing.
    """

    type: str
    matched: int
    bytes: int
    cost_seconds: float


@dataclass(frozen=True, kw_only=True)
class PurgePreview:
    """What a purge would delete: as `TypePurgePreview`, of all types and of each."""

    matched: int
    bytes: int
    cost_seconds: float
    by_type: tuple[TypePurgePreview, ...]


@dataclass(frozen=True, kw_only=True)
class PurgeResult:
    """What a purge matched and deleted, in entries and bytes of values.

    matched_bytes: of the values that matched. cost_seconds: what computing the matched entries
    again takes. audit_id: the number of its row in the audit; None for a dry run.
    """

    matched: int
    deleted: int
    freed_bytes: int
    dry_run: bool
    matched_bytes: int
    cost_seconds: float
    audit_id: int | None = None


def preview_purge(filters: PurgeFilter) -> PurgePreview:
    """Return what `purge` would delete now; nothing is deleted.

    It reads through all entries; none of their values is fetched.
    """
    return _preview(filters.entries())


def preview_purge_entries(row_ids: Sequence[int]) -> PurgePreview:
    """Return what `purge_entries` would delete now; nothing is deleted."""
    return _preview(CacheEntry.objects.filter(id__in=row_ids))


def _preview(entries: EntryQuerySet) -> PurgePreview:
    matching = entries.order_by("cache_type").values_list("cache_type")
    by_type = tuple(
        TypePurgePreview(
            type=name, matched=matched, bytes=size_bytes, cost_seconds=_cost_seconds(cost_ms)
        )
        for name, matched, size_bytes, cost_ms in matching.annotate(
            Count("id"), Sum("size_bytes"), Sum("cost_ms", default=0.0)
        )
    )
    return PurgePreview(
        matched=sum(found.matched for found in by_type),
        bytes=sum(found.bytes for found in by_type),
        cost_seconds=round(sum(found.cost_seconds for found in by_type), 3),
        by_type=by_type,
    )


def purge(filters: PurgeFilter, actor: str, *, dry_run: bool = False) -> PurgeResult:
    """Delete what matches, in small batches, and write who did it to the audit.

    What is being computed meanwhile was asked for before the purge, and is not stored after it.
    """
    if dry_run:
        found = preview_purge(filters)
        return PurgeResult(
            matched=found.matched,
            deleted=0,
            freed_bytes=0,
            dry_run=True,
            matched_bytes=found.bytes,
            cost_seconds=found.cost_seconds,
        )
    if not (filters.expired or filters.older_than):
        _start_generation()
    return _purge(filters.entries(), actor, filters.given())


def purge_entries(row_ids: Sequence[int], actor: str) -> PurgeResult:
    """Delete entries that somebody picked one by one, as `purge` does: one row of the audit."""
    picked = CacheEntry.objects.filter(id__in=row_ids)
    _start_generation()
    return _purge(picked, actor, {"keys": [entry.key[:8] for entry in picked.defer("value")]})


def purge_entry(digits: str, actor: str) -> PurgeResult | None:
    """Delete the entry of these 16 digits, as `purge` does; None if there is none."""
    found = row_id(bytes.fromhex(digits))
    if not CacheEntry.objects.filter(id=found).exists():
        return None
    return purge_entries([found], actor)


def _start_generation() -> None:
    Generation.objects.get_or_create(id=1)
    Generation.objects.update(number=F("number") + 1)


def _purge(matching: EntryQuerySet, actor: str, asked: dict[str, Any]) -> PurgeResult:
    audit = Audit(actor=actor, filters=asked, deleted=0, freed_bytes=0)
    cost_ms = 0.0
    try:
        for removed in remove_all(matching, Departure.PURGED):
            audit.deleted += removed.entries
            audit.freed_bytes += removed.size_bytes
            cost_ms += removed.cost_ms
    finally:
        # Also of one that broke off in the middle.
        audit.save()
    return PurgeResult(
        matched=audit.deleted,
        deleted=audit.deleted,
        freed_bytes=audit.freed_bytes,
        dry_run=False,
        matched_bytes=audit.freed_bytes,
        cost_seconds=_cost_seconds(cost_ms),
        audit_id=audit.pk,
    )


def _cost_seconds(cost_ms: float) -> float:
    return round(cost_ms / 1000, 3)


def forget_failures() -> None:
    """Delete the errors that processes tell each other, without a trace; others then compute."""
    if Failure.objects.all().delete()[0]:
        checkpoint("cache")


def forget_entries(keys: Iterable[str]) -> None:
    """Delete the entries of some whole keys, as if they had never been: no audit, no bytes left."""
    if not (forgotten := [row_id(bytes.fromhex(key)) for key in keys]):
        return
    remove(forgotten, None)
    EntryUse.objects.filter(id__in=forgotten).delete()
    checkpoint("cache")
