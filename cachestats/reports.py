"""The numbers people look at, each defined once: page, API and command show the same object."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, connections, router

from cachestats import config
from cachestats.batches import LOOKUP_DAYS, Weighted, at_ranks, in_order, weighted
from cachestats.durations import parse_duration
from cachestats.errors import FieldError, InvalidWindow
from cachestats.models import CacheEntry, CacheState, EntryTotal, LookupBatch
from cachestats.reasons import UNKNOWN, ReasonShare
from cachestats.repair import set_aside_files

DAY = timedelta(hours=24)
LONGEST = timedelta(days=LOOKUP_DAYS)


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

    @property
    def reason_shares(self) -> list[ReasonShare]:
        """The reasons with their shares of all look-ups that were no hits."""
        total = sum(self.reasons.values())
        return [
            ReasonShare(reason=reason, count=count, share=count / total)
            for reason, count in self.reasons.items()
        ]


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
    since = datetime.now(UTC) - window
    batches = list(LookupBatch.objects.filter(at__gte=since).order_by())
    by_type: dict[str, list[LookupBatch]] = defaultdict(list)
    for batch in batches:
        by_type[batch.cache_type].append(batch)
    totals, problem = _totals()
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


def read_window(written: str) -> timedelta:
    """Return the window that somebody asks for, such as "24h" or "7d".

    Raises:
        InvalidWindow: it can't be read, is empty, or reaches back beyond what is kept.
    """
    window = parse_duration(written)
    if not window or window > LONGEST:
        accepted = f"must be a number and s, m, h or d, at most {LOOKUP_DAYS}d: 24h"
        raise InvalidWindow([FieldError(field="window", message=accepted)])
    return window


def trouble() -> str:
    """Return why the cache's database can't be read now; "" when it can."""
    return _totals()[1]


def lookup_report(batches: Sequence[LookupBatch]) -> LookupReport:
    """Return the numbers of these look-ups."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    costs: dict[tuple[str, str], list[Weighted]] = defaultdict(list)
    hits: dict[tuple[str, str], list[Weighted]] = defaultdict(list)
    misses: list[Weighted] = []
    for batch in batches:
        counts[batch.state] += batch.count
        if batch.state == CacheState.HIT:
            hits[batch.cache_type, batch.model] += weighted(batch.latencies_ms, batch.count)
        else:
            reasons[batch.reason or UNKNOWN] += batch.count
        if batch.state == CacheState.MISS and batch.costs_ms:
            misses += weighted(batch.latencies_ms, batch.count)
            costs[batch.cache_type, batch.model] += weighted(batch.costs_ms, batch.count)
    saved_ms = sum(_saved_ms(hits[kind], costs[kind]) for kind in hits.keys() & costs.keys())
    answered = counts[CacheState.HIT] + counts[CacheState.COLLAPSED]
    counted = counts.total() - counts[CacheState.BYPASS]
    return LookupReport(
        lookups=counts.total(),
        hit_rate=answered / counted if counted else None,
        hit_count=counts[CacheState.HIT],
        miss_count=counts[CacheState.MISS],
        collapsed_count=counts[CacheState.COLLAPSED],
        bypass_count=counts[CacheState.BYPASS],
        hits=percentiles(pair for pairs in hits.values() for pair in pairs),
        misses=percentiles(misses),
        time_saved_seconds=saved_ms / 1000,
        reasons=dict(reasons.most_common()),
    )


def percentiles(latencies_ms: Iterable[Weighted]) -> Percentiles:
    """Return percentiles by nearest rank of (milliseconds, look-ups) pairs."""
    ordered = in_order(latencies_ms)
    if not ordered:
        return Percentiles(count=0, p50_ms=None, p95_ms=None, p99_ms=None)
    count = sum(weight for _, weight in ordered)
    p50_ms, p95_ms, p99_ms = at_ranks(ordered, [share * count for share in (0.5, 0.95, 0.99)])
    return Percentiles(count=round(count), p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)


def _saved_ms(hits: Sequence[Weighted], costs: Iterable[Weighted]) -> float:
    """Return what these hits saved, where computing would have cost the median of these."""
    typical_ms = percentiles(costs).p50_ms or 0.0
    return sum(weight * max(0.0, typical_ms - latency_ms) for latency_ms, weight in hits)


def _totals() -> tuple[list[EntryTotal], str]:
    """Return what there is of each type; or nothing, and why it can't be read.

    It stops at the first failure: a locked file costs one wait.
    """
    try:
        CacheEntry.objects.order_by().values_list("pk").first()
        return list(EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")), ""
    except (DatabaseError, UnicodeDecodeError) as exc:  # the second: see stores.sqlite
        return [], str(exc)


def _set_aside() -> list[str]:
    connection = connections[router.db_for_read(CacheEntry)]
    if connection.vendor != "sqlite":
        return []
    return set_aside_files(Path(connection.settings_dict["NAME"]))
