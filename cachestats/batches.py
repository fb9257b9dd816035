"""Counted look-ups as rows: latencies packed into few bytes, and old rows merged into fewer.

Processes write a row a second for each kind of look-up. Merged, a day is at most 144 rows a kind
and an earlier one 24, so that a report costs the same however busy the site was.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, repeat
from operator import itemgetter

from django.db import router, transaction
from django.db.models.functions import Length

from cachestats.models import LookupBatch

LOOKUP_DAYS = 30
# So many values of a batch are kept; more are thinned to evenly spaced ranks.
KEPT_VALUES = 1_000
# A merged batch is one of many in any report, so fewer will do: a day of them still shows 36,000.
MERGED_VALUES = 250
# What is younger may still be joined by a slow flush.
SETTLED = timedelta(minutes=5)
SPAN = timedelta(minutes=10)
OLD = timedelta(days=1)
OLD_SPAN = timedelta(hours=1)
# A transaction takes so many at once: whoever writes meanwhile waits for one of them.
MERGED_ROWS = 100

# A value and how many look-ups it stands for.
Weighted = tuple[float, float]


def pack(values: Iterable[float]) -> bytes:
    """Return values as 32-bit floats, thinned to evenly spaced ranks where they are many."""
    kept = sorted(values)
    if (count := len(kept)) > KEPT_VALUES:
        kept = [kept[(2 * rank + 1) * count // (2 * KEPT_VALUES)] for rank in range(KEPT_VALUES)]
    return array("f", kept).tobytes()


def unpack(packed: bytes | memoryview) -> list[float]:
    """Return the values that `pack` kept, in order."""
    values = array("f")
    values.frombytes(packed)
    return values.tolist()


def weighted(packed: bytes | memoryview, count: int) -> list[Weighted]:
    """Return the values that were kept of so many look-ups, each with its share of them."""
    values = unpack(packed)
    return list(zip(values, repeat(count / max(1, len(values)))))


def in_order(values: Iterable[Weighted]) -> list[Weighted]:
    """Return values in order; quick where they come from a few packed batches."""
    return sorted(values, key=itemgetter(0))


def at_ranks(ordered: Sequence[Weighted], ranks: Iterable[float]) -> list[float]:
    """Return for each rank the first value at which so many look-ups are reached.

    Args:
        ordered: at least one.
    """
    reached = list(accumulate(weight for _, weight in ordered))
    # Shares of look-ups are no whole numbers: their sum may miss a rank by a hair.
    places = (bisect_left(reached, rank - 1e-6, hi=len(reached) - 1) for rank in ranks)
    return [ordered[place][0] for place in places]


def compact(now: datetime | None = None) -> int:
    """Merge batches of past spans; return how many rows were spared.

    Counts and sums of latency stay exact; percentiles move by less than a rank of MERGED_VALUES.
    Run twice, or by two workers at once, it changes nothing more.
    """
    now = now or datetime.now(UTC)
    found: dict[object, list[int]] = defaultdict(list)
    rows = LookupBatch.objects.filter(at__lt=_start(now - SETTLED, SPAN)).order_by("id")
    kinds = rows.annotate(cost_bytes=Length("costs_ms")).values_list(
        "id", "at", "cost_bytes", "cache_type", "model", "state", "reason"
    )
    old = _start(now - OLD, OLD_SPAN)
    for row_id, at, cost_bytes, *kind in kinds.iterator():
        span = _start(at, OLD_SPAN if at < old else SPAN)
        found[span, bool(cost_bytes), *kind].append(row_id)
    return sum(_merge_all(row_ids) for row_ids in found.values())


def _merge_all(row_ids: list[int]) -> int:
    """Merge rows of one kind, some at a time; return how many went."""
    spared = 0
    while len(row_ids) > 1:
        merged = []
        for start in range(0, len(row_ids), MERGED_ROWS):
            row_id, went = _merge(row_ids[start : start + MERGED_ROWS])
            spared += went
            if row_id is not None:
                merged.append(row_id)
        row_ids = merged
    return spared


def _merge(row_ids: Sequence[int]) -> tuple[int | None, int]:
    """Make one row of these; return its id and how many went.

    Those that another worker merged meanwhile are gone already, and left to it.
    """
    with transaction.atomic(using=router.db_for_write(LookupBatch)):
        rows = list(LookupBatch.objects.select_for_update().filter(id__in=row_ids).order_by("id"))
        if len(rows) < 2:
            return (rows[0].pk if rows else None), 0
        LookupBatch.objects.filter(id__in=[row.pk for row in rows]).delete()
        merged = LookupBatch.objects.create(
            # Within the span, so that it is found in the same again.
            at=max(row.at for row in rows),
            cache_type=rows[0].cache_type,
            model=rows[0].model,
            state=rows[0].state,
            reason=rows[0].reason,
            count=sum(row.count for row in rows),
            latency_ms=sum(row.latency_ms for row in rows),
            latencies_ms=_packed_again((row.latencies_ms, row.count) for row in rows),
            costs_ms=_packed_again((row.costs_ms, row.count) for row in rows),
        )
    return merged.pk, len(rows) - 1


def _packed_again(parts: Iterable[tuple[bytes | memoryview, int]]) -> bytes:
    ordered = in_order(pair for packed, count in parts for pair in weighted(packed, count))
    count = sum(weight for _, weight in ordered)
    if count < MERGED_VALUES + 0.5:
        # Each stands for one look-up: nothing is lost.
        return array("f", [value for value, _ in ordered]).tobytes()
    ranks = ((rank + 0.5) * count / MERGED_VALUES for rank in range(MERGED_VALUES))
    return array("f", at_ranks(ordered, ranks)).tobytes()


def _start(at: datetime, span: timedelta) -> datetime:
    return datetime.fromtimestamp(
        at.timestamp() // span.total_seconds() * span.total_seconds(), UTC
    )
