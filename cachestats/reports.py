"""The numbers people look at, each defined once: page, API and command show the same object."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from django.db import DatabaseError, connections

from cachestats import config
from cachestats.metrics import unpack
from cachestats.models import CacheEntry, CacheState, EntryTotal, LookupBatch
from cachestats.repair import set_aside_files

DAY = timedelta(hours=24)

# A value and how many look-ups it stands for.
_Weighted = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Latency in milliseconds by nearest rank; None when there were no look-ups."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True)
class LookupReport:
    """Look-ups of the window.

    hit_rate: hits and collapsed over all but the bypassed, 0 to 1; None without look-ups.
    misses: latency of those that computed an answer.
    time_saved_seconds: for each hit the median cost of a miss of its type and model, less the
    hit's own latency; hits whose miss was never seen in the window count nothing.
    reasons: why look-ups were no hits, and how many; the most frequent first.
    """

    lookups: int
    hit_rate: float | None
    hit_count: int
    miss_count: int
    collapsed_count: int
    bypass_count: int
    hits: Percentiles
    misses: Percentiles
    time_saved_seconds: float
    reasons: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """The state of the cache and its look-ups over a window.

    healthy: the cache's database can be read; entries and bytes are 0 where it can't.
    set_aside: damaged files that were replaced and are kept, newest first; each name ends with
    the time, UTC. bytes: of values. by_type: only types that have look-ups; entries_by_type: only
    types that have entries.
    """

    enabled: bool
    healthy: bool
    trouble: str
    set_aside: list[str]
    window_hours: float
    entries: int
    bytes: int
    overall: LookupReport
    by_type: dict[str, LookupReport]
    entries_by_type: dict[str, int]


def cache_report(window: timedelta = DAY) -> CacheReport:
    """Return the state of the cache now and its look-ups over the window."""
    batches = list(LookupBatch.objects.filter(at__gte=datetime.now(UTC) - window))
    by_type: dict[str, list[LookupBatch]] = defaultdict(list)
    for batch in batches:
        by_type[batch.cache_type].append(batch)
    totals: list[EntryTotal] = []
    if not (problem := trouble()):
        totals = list(EntryTotal.objects.filter(entries__gt=0).order_by("cache_type"))
    return CacheReport(
        enabled=config.current().config.caching.enabled,
        healthy=not problem,
        trouble=problem,
        set_aside=_set_aside(),
        window_hours=window.total_seconds() / 3600,
        entries=sum(total.entries for total in totals),
        bytes=sum(total.size_bytes for total in totals),
        overall=lookup_report(batches),
        by_type={name: lookup_report(found) for name, found in sorted(by_type.items())},
        entries_by_type={total.cache_type: total.entries for total in totals},
    )


def trouble() -> str:
    """Return why the cache's database can't be read now; "" when it can."""
    try:
        for table in (CacheEntry, EntryTotal):
            table._default_manager.order_by().values_list("pk").first()
    except (DatabaseError, UnicodeDecodeError) as exc:  # the second: see stores.sqlite
        return str(exc)
    return ""


def lookup_report(batches: Sequence[LookupBatch]) -> LookupReport:
    """Return the numbers of these look-ups."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    costs: dict[tuple[str, str], list[_Weighted]] = defaultdict(list)
    hits: dict[tuple[str, str], list[_Weighted]] = defaultdict(list)
    misses: list[_Weighted] = []
    for batch in batches:
        counts[batch.state] += batch.count
        if batch.state == CacheState.HIT:
            hits[batch.cache_type, batch.model] += _weighted(batch.latencies_ms, batch.count)
        else:
            reasons[batch.reason or "unknown"] += batch.count
        if batch.state == CacheState.MISS and batch.costs_ms:
            misses += _weighted(batch.latencies_ms, batch.count)
            costs[batch.cache_type, batch.model] += _weighted(batch.costs_ms, batch.count)
    typical = {name: _rank(sorted(values), 0.5) for name, values in costs.items()}
    saved_ms = sum(
        weight * max(0.0, (typical.get(kind) or 0.0) - latency_ms)
        for kind, latencies in hits.items()
        for latency_ms, weight in latencies
    )
    answered = counts[CacheState.HIT] + counts[CacheState.COLLAPSED]
    counted = counts.total() - counts[CacheState.BYPASS]
    return LookupReport(
        lookups=counts.total(),
        hit_rate=answered / counted if counted else None,
        hit_count=counts[CacheState.HIT],
        miss_count=counts[CacheState.MISS],
        collapsed_count=counts[CacheState.COLLAPSED],
        bypass_count=counts[CacheState.BYPASS],
        hits=percentiles(chain.from_iterable(hits.values())),
        misses=percentiles(misses),
        time_saved_seconds=saved_ms / 1000,
        reasons=dict(reasons.most_common()),
    )


def percentiles(latencies_ms: Iterable[_Weighted]) -> Percentiles:
    """Return percentiles by nearest rank of (milliseconds, look-ups) pairs."""
    ordered = sorted(latencies_ms)
    return Percentiles(
        count=round(sum(weight for _, weight in ordered)),
        p50_ms=_rank(ordered, 0.5),
        p95_ms=_rank(ordered, 0.95),
        p99_ms=_rank(ordered, 0.99),
    )


def _rank(ordered: Sequence[_Weighted], share: float) -> float | None:
    wanted = share * sum(weight for _, weight in ordered)
    reached = 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= wanted - 1e-6:
            return value
    return None


def _weighted(packed: bytes | memoryview, count: int) -> list[_Weighted]:
    values = unpack(bytes(packed))
    return [(value, count / len(values)) for value in values]


def _set_aside() -> list[str]:
    connection = connections["cache"]
    if connection.vendor != "sqlite":
        return []
    return set_aside_files(Path(connection.settings_dict["NAME"]))
