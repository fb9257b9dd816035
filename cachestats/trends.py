"""How look-ups went over a range of time, step by step, and how long they took: what is drawn."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from cachestats.batches import Kind, Tally, read
from cachestats.histograms import NONE, Histogram
from cachestats.models import CacheState
from cachestats.reasons import UNKNOWN
from cachestats.reports import LookupReport, lookup_report, lookups_by_type, typical_costs
from cachestats.spans import Grid, Range

CURVE_POINTS = 200
# The normal distribution's two-sided quantile at 95 %.
Z95 = 1.959964

HIT, MISS, COLLAPSED, BYPASS = (str(state) for state in CacheState)


@dataclass(frozen=True, kw_only=True)
class CacheTrend:
    """Look-ups of a range. Lists have a value for each step of the grid.

    overall: of the whole range; counts of the steps add up to its own. by_type: likewise.
    hit_rate_interval: in which the true rate lies, with 95 % (Wilson); None without look-ups.
    answered: hits and collapsed. bypassed: while the cache was off.
    saved_seconds: what `LookupReport.time_saved_seconds` adds up to; below 0 where nothing hit.
    hit_p95_ms: None where there were none.
    reasons: why look-ups were no hits; the most frequent first.
    hit_curve, miss_curve: pairs of milliseconds and the share, 0 to 1, that took at most as long.
    """

    grid: Grid
    overall: LookupReport
    by_type: dict[str, LookupReport]
    hit_rate_interval: tuple[float, float] | None
    lookups: list[int]
    answered: list[int]
    bypassed: list[int]
    saved_seconds: list[float]
    hit_p95_ms: list[float | None]
    reasons: dict[str, list[int]]
    hit_curve: list[tuple[float, float]]
    miss_curve: list[tuple[float, float]]


class _Step:
    """The look-ups of a step.

    beside_ms: what the look-ups of misses took beside computing. hits_of: of each type and model
    how many, and how long they took in all.
    """

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.hits = NONE
        self.beside_ms = 0.0
        self.hits_of: dict[tuple[str, str], tuple[int, float]] = defaultdict(lambda: (0, 0.0))

    def add(self, kind: Kind, tally: Tally) -> None:
        self.states[kind.state] += tally.count
        if kind.state == HIT:
            self.hits += tally.latencies
            count, latency_ms = self.hits_of[kind.cache_type, kind.model]
            total = (count + tally.count, latency_ms + tally.latency_ms)
            self.hits_of[kind.cache_type, kind.model] = total
            return
        self.reasons[kind.reason or UNKNOWN] += tally.count
        if kind.state == MISS:
            self.beside_ms += tally.latency_ms - tally.cost_ms

    def saved_ms(self, typical_ms: Mapping[tuple[str, str], float]) -> float:
        """Return what hits saved less what misses took; typical_ms: of computing an answer."""
        saved_ms = -self.beside_ms
        for named, (count, latency_ms) in self.hits_of.items():
            if named in typical_ms:
                saved_ms += count * typical_ms[named] - latency_ms
        return saved_ms


def cache_trend(span: Range, now: datetime | None = None) -> CacheTrend:
    """Return how look-ups went over a range that ends now."""
    now = now or datetime.now(UTC)
    grid = span.grid(now)
    steps = [_Step() for _ in range(grid.steps)]
    # There are many rows of each moment.
    step_of: dict[datetime, _Step | None] = {}
    tallies: dict[Kind, Tally] = {}
    for at, kind, tally in read(grid.since, grid.until, now, grid.step):
        if at not in step_of:
            place = grid.place(at)
            step_of[at] = None if place is None else steps[place]
        if (step := step_of[at]) is not None:
            step.add(kind, tally)
            if kind not in tallies:
                tallies[kind] = Tally()
            tallies[kind].add(tally)
    overall = lookup_report(tallies)
    typical_ms = typical_costs(tallies)
    return CacheTrend(
        grid=grid,
        overall=overall,
        by_type=lookups_by_type(tallies),
        hit_rate_interval=wilson(
            overall.hit_count + overall.collapsed_count, overall.lookups - overall.bypass_count
        ),
        lookups=[step.states.total() for step in steps],
        answered=[step.states[HIT] + step.states[COLLAPSED] for step in steps],
        bypassed=[step.states[BYPASS] for step in steps],
        saved_seconds=[step.saved_ms(typical_ms) / 1000 for step in steps],
        hit_p95_ms=[_p95(step.hits) for step in steps],
        reasons={reason: [step.reasons[reason] for step in steps] for reason in overall.reasons},
        hit_curve=_curve(_latencies(tallies, HIT)),
        miss_curve=_curve(_latencies(tallies, MISS)),
    )


def wilson(successes: int, trials: int) -> tuple[float, float] | None:
    """Return the bounds of a rate with 95 % confidence (Wilson 1927); None without trials."""
    if not trials:
        return None
    rate, z2 = successes / trials, Z95 * Z95
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = Z95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _latencies(tallies: Mapping[Kind, Tally], state: str) -> Histogram:
    """Return how long all of one state took; of misses those that computed an answer."""
    found = (tally.latencies for kind, tally in tallies.items() if kind.state == state)
    return sum(found, NONE)


def _p95(latencies: Histogram) -> float | None:
    return latencies.at_shares([0.95])[0] if latencies else None


def _curve(latencies: Histogram) -> list[tuple[float, float]]:
    """Return the share reached at each value, thinned to evenly spaced shares."""
    if not latencies:
        return []
    values, counts = zip(*latencies, strict=True)
    total = sum(counts)
    curve: list[tuple[float, float]] = []
    for value, reached in zip(values, accumulate(counts), strict=True):
        # The last one always, so that the curve reaches 1.
        if not curve or reached == total or reached / total - curve[-1][1] >= 1 / CURVE_POINTS:
            curve.append((value, reached / total))
    return curve
