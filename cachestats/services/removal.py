"""Taking entries out: rows, what is listed of them and the running totals go together."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.db import connections, router, transaction
from django.db.models import Count, F, Sum

from cachestats.models import CacheEntry, Departure, EntryTotal, EntryUse
from cachestats.models.entries import EntryQuerySet

# Small enough that a writer never waits long behind a batch; readers never wait.
BATCH_ROWS = 500
# SQLite wakes nobody: who waits to write looks again after up to 100 ms, and gives up after 1 s.
# So the file is left free for a third of the time of a batch, or hardly anybody would get in.
FREE_SECONDS = 0.01
# So many keys that are gone are remembered, to tell their next miss why it is one.
GONE_KEPT = 100_000


class Removed(NamedTuple):
    """How many entries went, the bytes of their values and what they had cost, in milliseconds."""

    entries: int
    size_bytes: int
    cost_ms: float


def remove(row_ids: Sequence[int], why: Departure | None) -> int:
    """Delete entries by id; return how many there were.

    Args:
        why: kept for the next miss; None: no trace is kept.
    """
    with transaction.atomic(using=router.db_for_write(CacheEntry)):
        uncount(row_ids)
        listed = EntryUse.objects.filter(id__in=row_ids, gone="")
        if why is None:
            listed.delete()
        else:
            listed.update(gone=why)
        return CacheEntry.objects.filter(id__in=row_ids).delete()[0]


def remove_all(entries: EntryQuerySet, why: Departure) -> Iterator[Removed]:
    """Delete entries batch by batch; yield what went."""
    ordered = entries.order_by("id").values_list("id", "size_bytes", "cost_ms")
    batch = list(ordered[:BATCH_ROWS])
    seen = 0
    while batch:
        # Of a million that go at once not all are remembered: they would have to go again.
        deleted = remove([row_id for row_id, *_ in batch], why if seen < GONE_KEPT else None)
        seen += len(batch)
        yield Removed(
            entries=deleted,
            size_bytes=sum(size_bytes for _, size_bytes, _ in batch),
            cost_ms=sum(cost_ms or 0.0 for *_, cost_ms in batch),
        )
        # Onwards from here: looking from the start again would pass all that stays each time.
        batch = list(ordered.filter(id__gt=batch[-1][0])[:BATCH_ROWS])
        if batch:
            time.sleep(FREE_SECONDS)


def count(row_ids: Sequence[int]) -> None:
    """Add what is listed under these ids to the totals."""
    for name, entries, size_bytes in _listed(row_ids):
        EntryTotal.objects.get_or_create(cache_type=name)
        EntryTotal.objects.filter(cache_type=name).update(
            entries=F("entries") + entries, size_bytes=F("size_bytes") + size_bytes
        )


def uncount(row_ids: Sequence[int]) -> None:
    """Take what is listed under these ids off the totals."""
    for name, entries, size_bytes in _listed(row_ids):
        EntryTotal.objects.filter(cache_type=name).update(
            entries=F("entries") - entries, size_bytes=F("size_bytes") - size_bytes
        )


def _listed(row_ids: Sequence[int]) -> Iterable[tuple[str, int, int]]:
    listed = EntryUse.objects.filter(id__in=row_ids, gone="").order_by().values_list("cache_type")
    return list(listed.annotate(Count("id"), Sum("size_bytes")))


def checkpoint(alias: str) -> None:
    """Move what SQLite's write-ahead log holds into the file: deleted bytes go from both."""
    if connections[alias].vendor == "sqlite":
        with connections[alias].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
