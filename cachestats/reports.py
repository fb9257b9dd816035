"""The numbers people look at, each defined once: page, API and command show the same object."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, connections, router
from django.db.models import Subquery

from cachestats import config
from cachestats.batches import LOOKUP_DAYS, Kind, Tally, read, summed
from cachestats.durations import parse_duration
from cachestats.errors import FieldError, InvalidWindow
from cachestats.histograms import NONE, Histogram
from cachestats.models import CacheEntry, CacheState, EntryTotal
from cachestats.reasons import UNKNOWN, ReasonShare
from cachestats.repair import set_aside_files

DAY = timedelta(hours=24)
LONGEST = timedelta(days=LOOKUP_DAYS)


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Latency in milliseconds by nearest rank, to within 1 %; None when there were no look-ups."""

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
    hit's own latency; hits whose miss was never seen in the window count nothing. Less what the
    look-ups of misses took beside computing: below 0 where the cache costs more than it saves.
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
class StoreReport:
    """The state of the cache.

    healthy: the cache's database can be read; entries and bytes are 0 where it can't.
    set_aside: damaged files that were replaced and are kept, newest first; each name ends with
    the time, UTC. bytes: of values. entries_by_type: only types that have entries.
    """

    enabled: bool
    healthy: bool
    trouble: str
    set_aside: list[str]
    entries: int
    bytes: int
    entries_by_type: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CacheReport(StoreReport):
    """The state of the cache and its look-ups over a window. by_type: only types that have any."""

    window_hours: float
    overall: LookupReport
    by_type: dict[str, LookupReport]


def store_report() -> StoreReport:
    """Return the state of the cache now."""
    totals, problem = _totals()
    return StoreReport(
        enabled=config.current().config.caching.enabled,
        healthy=not problem,
        trouble=problem,
        set_aside=_set_aside(),
        entries=sum(total.entries for total in totals),
        bytes=sum(total.size_bytes for total in totals),
        entries_by_type={total.cache_type: total.entries for total in totals},
    )


def cache_report(window: timedelta = DAY) -> CacheReport:
    """Return the state of the cache now and its look-ups over the window."""
    now = datetime.now(UTC)
    # The clocks of several machines differ.
    found = read(now - window, now + DAY, now)
    tallies = summed((kind, tally) for _, kind, tally in found)
    return CacheReport(
        window_hours=window.total_seconds() / 3600,
        overall=lookup_report(tallies),
        by_type=lookups_by_type(tallies),
        **vars(store_report()),
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


def lookup_report(tallies: Mapping[Kind, Tally]) -> LookupReport:
    """Return the numbers of these look-ups."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    hits, misses = NONE, NONE
    for kind, tally in tallies.items():
        counts[kind.state] += tally.count
        if kind.state == CacheState.HIT:
            hits += tally.latencies
        elif tally.count:
            reasons[kind.reason or UNKNOWN] += tally.count
        if kind.state == CacheState.MISS and kind.computed:
            misses += tally.latencies
    answered = counts[CacheState.HIT] + counts[CacheState.COLLAPSED]
    counted = counts.total() - counts[CacheState.BYPASS]
    return LookupReport(
        lookups=counts.total(),
        hit_rate=answered / counted if counted else None,
        hit_count=counts[CacheState.HIT],
        miss_count=counts[CacheState.MISS],
        collapsed_count=counts[CacheState.COLLAPSED],
        bypass_count=counts[CacheState.BYPASS],
        hits=percentiles(hits),
        misses=percentiles(misses),
        time_saved_seconds=_saved_seconds(tallies.items(), typical_costs(tallies)),
        reasons=dict(reasons.most_common()),
    )


def lookups_by_type(tallies: Mapping[Kind, Tally]) -> dict[str, LookupReport]:
    """Return the numbers of each type that was looked up, by its name."""
    by_type: dict[str, dict[Kind, Tally]] = defaultdict(dict)
    for kind, tally in tallies.items():
        by_type[kind.cache_type][kind] = tally
    return {name: lookup_report(found) for name, found in sorted(by_type.items())}


def percentiles(latencies: Histogram) -> Percentiles:
    """Return percentiles by nearest rank."""
    if not latencies:
        return Percentiles(count=0, p50_ms=None, p95_ms=None, p99_ms=None)
    p50_ms, p95_ms, p99_ms = latencies.at_shares([0.5, 0.95, 0.99])
    return Percentiles(count=latencies.count, p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)


def typical_costs(tallies: Mapping[Kind, Tally]) -> dict[tuple[str, str], float]:
    """Return the median of what computing an answer took, in ms, by type and model."""
    costs: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
    for kind, tally in tallies.items():
        if kind.state == CacheState.MISS and kind.computed:
            costs[kind.cache_type, kind.model] += tally.costs
    return {named: found.at_shares([0.5])[0] for named, found in costs.items()}


def _saved_seconds(
    tallies: Iterable[tuple[Kind, Tally]], typical_ms: Mapping[tuple[str, str], float]
) -> float:
    """Return what the cache saved, less than 0 where it cost more.

    Args:
        typical_ms: as `typical_costs` tells.
    """
    saved_ms = 0.0
    for kind, tally in tallies:
        if kind.state == CacheState.MISS:
            saved_ms -= tally.latency_ms - tally.cost_ms
        elif kind.state == CacheState.HIT and (kind.cache_type, kind.model) in typical_ms:
            saved_ms += tally.count * typical_ms[kind.cache_type, kind.model] - tally.latency_ms
    return saved_ms / 1000


def _totals() -> tuple[list[EntryTotal], str]:
    """Return what there is of each type; or nothing, and why it can't be read.

    One statement reads both tables: a locked file costs one wait.
    """
    entry = CacheEntry.objects.order_by().values("pk")[:1]
    totals = EntryTotal.objects.annotate(entry=Subquery(entry)).order_by("cache_type")
    try:
        return [total for total in totals if total.entries > 0], ""
    except (DatabaseError, UnicodeDecodeError) as exc:  # the second: see stores.sqlite
        return [], str(exc)


def _set_aside() -> list[str]:
    connection = connections[router.db_for_read(CacheEntry)]
    if connection.vendor != "sqlite":
        return []
    return set_aside_files(Path(connection.settings_dict["NAME"]))
