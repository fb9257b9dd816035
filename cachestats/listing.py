"""Entries as a page of a list shows them, without their values: from the narrow `EntryUse` alone.

It is written in batches, so that an entry younger than a flush is not on the list yet.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cachestats.entry_queries import EntryQuery, write_cursor
from cachestats.entry_rows import find_rows
from cachestats.models import CacheEntry, EntryTotal, EntryUse, LookupTotal
from cachestats.models.entries import moment, row_id

MODELS_NAMED = 100


@dataclass(frozen=True, kw_only=True)
class EntryReport:
    """An entry without its value.

    key: the first 16 hexadecimal digits, which name it here and nowhere else. cost_ms: how long the
    answer took to compute; None where it was only stored. ttl_seconds: what is left, 0 if expired.
    """

    key: str
    type: str
    model: str
    size_bytes: int
    cost_ms: float | None
    hits: int
    age_seconds: int
    created_at: datetime
    expires_at: datetime
    ttl_seconds: int
    expired: bool
    used_at: datetime


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """Some entries in order. next: where the following page begins; None after the last."""

    entries: list[EntryReport]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class TypeTotal:
    """How much there is of a type, expired entries included."""

    type: str
    entries: int
    bytes: int


def list_entries(query: EntryQuery) -> EntryPage:
    """Return a page of entries.

    Raises:
        InvalidFilter: there are too many entries to read through.
    """
    now_ms = int(time.time() * 1000)
    found = find_rows(query, now_ms)
    page = found[: query.page_size]
    following = None
    if len(found) > len(page):
        last, rank = page[-1]
        following = write_cursor(rank, last.id)
    return EntryPage(entries=[_report(use, now_ms) for use, _ in page], next=following)


def list_types() -> list[TypeTotal]:
    """Return the types that there are entries of, by name; from running totals."""
    totals = EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")
    return [
        TypeTotal(type=total.cache_type, entries=total.entries, bytes=total.size_bytes)
        for total in totals
    ]


def add_up(types: Sequence[TypeTotal]) -> TypeTotal:
    """Return how much there is of all these types; the name is empty."""
    return TypeTotal(
        type="",
        entries=sum(total.entries for total in types),
        bytes=sum(total.bytes for total in types),
    )


def list_models() -> list[str]:
    """Return the labels of models that were ever looked up, the first 100 by name."""
    labels = LookupTotal.objects.exclude(model="").order_by("model").values_list("model", flat=True)
    return list(labels.distinct()[:MODELS_NAMED])


def find_entry(digits: str) -> EntryReport | None:
    """Return the entry of these 16 digits; None when there is none.

    Also one that is not on the list yet; its hits are 0 then, and its last use that it was stored.
    """
    found = row_id(bytes.fromhex(digits))
    entry = CacheEntry.objects.filter(id=found).defer("value", "digest").first()
    if entry is None:
        return None
    use = EntryUse.objects.filter(id=found, gone="").first()
    listed = EntryUse(
        id=found,
        cache_type=entry.cache_type,
        model=entry.model,
        size_bytes=entry.size_bytes,
        cost_ms=entry.cost_ms,
        created_ms=entry.created_ms,
        expires_ms=entry.expires_ms,
        hits=use.hits if use else 0,
        used_ms=max(entry.created_ms, use.used_ms if use else 0),
    )
    return _report(listed, int(time.time() * 1000))


def _report(use: EntryUse, now_ms: int) -> EntryReport:
    return EntryReport(
        key=use.digits,
        type=use.cache_type,
        model=use.model,
        size_bytes=use.size_bytes,
        cost_ms=use.cost_ms,
        hits=use.hits,
        age_seconds=max(0, (now_ms - use.created_ms) // 1000),
        created_at=moment(use.created_ms),
        expires_at=moment(use.expires_ms),
        ttl_seconds=max(0, (use.expires_ms - now_ms) // 1000),
        expired=use.expires_ms <= now_ms,
        used_at=moment(use.used_ms),
    )
