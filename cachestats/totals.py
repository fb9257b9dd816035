"""Look-ups added up since the first, for monitors: written with the batches, and never falling.

Batches go after a while, so that a counter that is read from them would fall, and a monitor would
take it for one that began anew.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from django.db import connections, models, router

from cachestats.models import LatencyTotal, LookupTotal

# Upper bounds of latency in microseconds, from a hit in memory to a slow model's answer.
MS, SECOND = 1_000, 1_000_000
BOUNDS_US = (
    *(50, 100, 250, 500),
    *(1 * MS, 2_500, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS),
    *(1 * SECOND, 2_500 * MS, 5 * SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND),
    *(120 * SECOND, 300 * SECOND),
)

# Of answers: type, state, upper bound.
Place = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class Added:
    """Look-ups of one type, model and state to be added.

    latencies_ms: of each, in order. answered: whether they gave an answer; one that only looked and
    found nothing counts as a look-up and has no part in the latencies.
    """

    cache_type: str
    model: str
    state: str
    latencies_ms: Sequence[float]
    answered: bool


@dataclass(frozen=True, kw_only=True)
class LookupCount:
    """All look-ups ever of one type, model and state."""

    cache_type: str
    model: str
    state: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """All answers ever of one type and state.

    at_most: pairs of an upper bound in seconds, infinity last, and how many did not exceed it.
    """

    cache_type: str
    state: str
    at_most: tuple[tuple[float, int], ...]
    total_seconds: float


def add(lookups: Iterable[Added]) -> None:
    """Add look-ups to the totals, within the caller's transaction.

    In one order, whoever adds: two processes that add to the same rows crosswise would wait for
    each other.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    latencies: dict[Place, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for some in lookups:
        counts[some.cache_type, some.model, some.state] += len(some.latencies_ms)
        if not some.answered:
            continue
        for bound_us, values in _by_bound(some.latencies_ms):
            place = (some.cache_type, some.state, bound_us)
            count, latency_ms = latencies[place]
            latencies[place] = (count + len(values), latency_ms + sum(values))
    _upsert(
        LookupTotal,
        ("cache_type", "model", "state"),
        ("count",),
        {kind: (count,) for kind, count in counts.items()},
    )
    _upsert(LatencyTotal, ("cache_type", "state", "bound_us"), ("count", "latency_ms"), latencies)


def lookup_counts() -> list[LookupCount]:
    """Return how many look-ups there ever were of each kind, in order."""
    rows = LookupTotal.objects.order_by("cache_type", "model", "state")
    return [
        LookupCount(cache_type=row.cache_type, model=row.model, state=row.state, count=row.count)
        for row in rows
    ]


def latencies() -> list[Latencies]:
    """Return how long answers of each type and state ever took, in order."""
    found: dict[tuple[str, str], list[LatencyTotal]] = defaultdict(list)
    for row in LatencyTotal.objects.order_by("cache_type", "state"):
        found[row.cache_type, row.state].append(row)
    return [
        Latencies(
            cache_type=cache_type,
            state=state,
            at_most=_cumulative({row.bound_us: row.count for row in rows}),
            total_seconds=sum(row.latency_ms for row in rows) / 1000,
        )
        for (cache_type, state), rows in found.items()
    ]


def _by_bound(ordered_ms: Sequence[float]) -> Iterable[tuple[int, Sequence[float]]]:
    """Part values, which are in order, by the lowest bound that they do not exceed."""
    ends = [bisect_right(ordered_ms, bound / MS) for bound in BOUNDS_US]
    cuts = pairwise([0, *ends, len(ordered_ms)])
    for bound_us, (start, end) in zip((*BOUNDS_US, LatencyTotal.BEYOND), cuts, strict=True):
        if start < end:
            yield bound_us, ordered_ms[start:end]


def _cumulative(counts: Mapping[int, int]) -> tuple[tuple[float, int], ...]:
    bounds = (*BOUNDS_US, LatencyTotal.BEYOND)
    reached = accumulate(counts.get(bound, 0) for bound in bounds)
    seconds = (*(bound / SECOND for bound in BOUNDS_US), float("inf"))
    return tuple(zip(seconds, reached, strict=True))


def _upsert(
    model: type[models.Model],
    names: Sequence[str],
    sums: Sequence[str],
    amounts: Mapping[tuple[str, str, Any], tuple[float, ...]],
) -> None:
    """Add amounts to the rows of these keys, in one round trip; the ORM can't add in an upsert."""
    if not amounts:
        return
    table = model._meta.db_table
    places = ", ".join(["%s"] * (len(names) + len(sums)))
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    statement = (
        f"INSERT INTO {table} ({', '.join((*names, *sums))}) VALUES ({places}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(names)}) DO UPDATE SET {added}"
    )
    rows = [(*key, *amount) for key, amount in sorted(amounts.items())]
    with connections[router.db_for_write(model)].cursor() as cursor:
        cursor.executemany(statement, rows)
