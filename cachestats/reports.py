"""The numbers people look at, each defined once: page, API and command show the same object."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from django.db import DatabaseError
from django.db.models import Count, Sum

from cachestats import config
from cachestats.models import CacheEntry, Sample
from cachestats.models.samples import CacheState

DAY = timedelta(hours=24)
# Exact percentiles over the newest samples of the window; older ones are left out beyond this.
NEWEST_SAMPLES = 100_000


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


@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """The state of the cache and its look-ups over a window.

    healthy: the cache's database can be read; entries and bytes are 0 where it can't.
    bytes: of values. by_type: only types that have look-ups; entries_by_type: that have entries.
    """

    enabled: bool
    healthy: bool
    trouble: str
    window_hours: float
    entries: int
    bytes: int
    overall: LookupReport
    by_type: dict[str, LookupReport]
    entries_by_type: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """One sample, as the reports need it."""

    cache_type: str
    model: str
    state: str
    latency_ms: float
    cost_ms: float | None


def cache_report(window: timedelta = DAY) -> CacheReport:
    """Return the state of the cache now and its look-ups over the window."""
    seen = _samples(window)
    by_type: dict[str, list[_Seen]] = defaultdict(list)
    for sample in seen:
        by_type[sample.cache_type].append(sample)
    try:
        counted = CacheEntry.objects.order_by().values_list("cache_type")
        rows = list(counted.annotate(Count("id"), Sum("size_bytes")))
        trouble = ""
    except (DatabaseError, UnicodeDecodeError) as exc:  # the second: see stores.sqlite
        rows, trouble = [], str(exc)
    return CacheReport(
        enabled=config.current().config.caching.enabled,
        healthy=not trouble,
        trouble=trouble,
        window_hours=window.total_seconds() / 3600,
        entries=sum(entries for _, entries, _ in rows),
        bytes=sum(size_bytes for _, _, size_bytes in rows),
        overall=lookup_report(seen),
        by_type={name: lookup_report(samples) for name, samples in sorted(by_type.items())},
        entries_by_type={name: entries for name, entries, _ in rows},
    )


def trouble() -> str:
    """Return why the cache's database can't be read now; "" when it can."""
    try:
        CacheEntry.objects.order_by().values_list("id").first()
    except (DatabaseError, UnicodeDecodeError) as exc:
        return str(exc)
    return ""


def lookup_report(samples: Sequence[_Seen]) -> LookupReport:
    """Return the numbers of these look-ups."""
    states = [sample.state for sample in samples]
    hits = [sample for sample in samples if sample.state == CacheState.HIT]
    answered = len(hits) + states.count(CacheState.COLLAPSED)
    bypassed = states.count(CacheState.BYPASS)
    counted = len(samples) - bypassed
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sample in samples:
        if sample.state == CacheState.MISS and sample.cost_ms is not None:
            costs[sample.cache_type, sample.model].append(sample.cost_ms)
    typical = {name: median(values) for name, values in costs.items()}
    saved_ms = sum(
        max(0.0, typical.get((hit.cache_type, hit.model), 0.0) - hit.latency_ms) for hit in hits
    )
    return LookupReport(
        lookups=len(samples),
        hit_rate=answered / counted if counted else None,
        hit_count=len(hits),
        miss_count=states.count(CacheState.MISS),
        collapsed_count=states.count(CacheState.COLLAPSED),
        bypass_count=bypassed,
        hits=percentiles(hit.latency_ms for hit in hits),
        misses=percentiles(
            sample.latency_ms
            for sample in samples
            if sample.state == CacheState.MISS and sample.cost_ms is not None
        ),
        time_saved_seconds=saved_ms / 1000,
    )


def percentiles(latencies_ms: Iterable[float]) -> Percentiles:
    """Return exact percentiles by nearest rank."""
    ordered = sorted(latencies_ms)

    def rank(share: float) -> float | None:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None

    return Percentiles(count=len(ordered), p50_ms=rank(0.5), p95_ms=rank(0.95), p99_ms=rank(0.99))


def _samples(window: timedelta) -> list[_Seen]:
    fields = ("cache_type", "model", "state", "latency_ms", "cost_ms")
    rows = (
        Sample.objects.filter(at__gte=datetime.now(UTC) - window)
        .order_by("-at")
        .values_list(*fields)[:NEWEST_SAMPLES]
    )
    return [_Seen(**dict(zip(fields, row, strict=True))) for row in rows]
