"""How look-ups went over a range: steps that add up to the report, from both kinds of rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from cachestats.batches import compact
from cachestats.histograms import Histogram
from cachestats.models import CacheState, LookupBatch
from cachestats.seeding.lookups import add_lookups
from cachestats.spans import RANGES, Range
from cachestats.trends import CacheTrend, cache_trend

pytestmark = pytest.mark.usefixtures("main_database")

HIT, MISS, COLLAPSED, BYPASS = CacheState
NOW = datetime(2026, 5, 5, 12, 7, 30, tzinfo=UTC)
LAST, BEFORE = NOW - timedelta(minutes=3), NOW - timedelta(minutes=33)
SPANS = pytest.mark.parametrize("span", RANGES.values(), ids=list(RANGES))


def _seen(
    at: datetime, state: CacheState, *latencies_ms: float, beside_ms: float = 0, **fields: Any
) -> None:
    """Look-ups; with `beside_ms` they computed, which took as much less."""
    costs_ms = [latency - beside_ms for latency in latencies_ms] if beside_ms else []
    kind = {"cache_type": "api", "model": "m", "reason": "" if state == HIT else "expired"}
    LookupBatch.objects.create(
        at=at,
        state=state,
        count=len(latencies_ms),
        latency_ms=sum(latencies_ms),
        cost_ms=sum(costs_ms),
        latencies=Histogram.of(latencies_ms).pack(),
        costs=Histogram.of(costs_ms).pack(),
        **{**kind, **fields},
    )


def _day() -> CacheTrend:
    return cache_trend(RANGES["24h"], NOW)


def test_trend_of_nothing_is_empty() -> None:
    """Without look-ups there are steps, but no rate, no percentile and no curve."""
    found = _day()
    assert (found.overall.lookups, found.hit_rate_interval) == (0, None)
    assert found.lookups == found.answered == found.bypassed == [0] * 96
    assert found.saved_seconds == [0.0] * 96
    assert found.hit_p95_ms == [None] * 96
    assert (found.reasons, found.hit_curve, found.miss_curve) == ({}, [], [])


@SPANS
@pytest.mark.parametrize("compacted", [False, True], ids=["batches", "spans"])
def test_trend_counts_add_up_to_the_report(span: Range, compacted: bool) -> None:
    """Each look-up is in one step, before it is added up and after."""
    add_lookups(1_000, 31, 3, NOW)
    if compacted:
        compact(NOW)
    found = cache_trend(span, NOW)
    overall = found.overall
    assert overall.lookups > 0
    assert len(found.lookups) == found.grid.steps
    assert sum(found.lookups) == overall.lookups
    assert sum(found.answered) == overall.hit_count + overall.collapsed_count
    assert sum(found.bypassed) == overall.bypass_count
    assert {name: sum(counts) for name, counts in found.reasons.items()} == overall.reasons
    assert list(found.reasons) == list(overall.reasons)


@SPANS
def test_trend_is_the_same_before_and_after_adding_up(span: Range) -> None:
    """Spans are as fine as the steps, and histograms lose nothing when they are added."""
    add_lookups(1_000, 31, 4, NOW)
    before = cache_trend(span, NOW)
    compact(NOW)
    after = cache_trend(span, NOW)
    assert after.saved_seconds == pytest.approx(before.saved_seconds)
    for name in ("lookups", "answered", "reasons", "hit_p95_ms", "hit_curve", "miss_curve"):
        assert getattr(after, name) == getattr(before, name)


def test_trend_puts_look_ups_into_their_steps() -> None:
    """What the last quarter of an hour saw is in the last step; what is too old is in none."""
    _seen(LAST, HIT, 1.0, 2.0)
    _seen(LAST, COLLAPSED, 50.0)
    _seen(BEFORE, BYPASS, 9.0, reason="bypassed")
    _seen(NOW - timedelta(days=2), HIT, 1.0)
    found = _day()
    assert found.lookups[-3:] == [1, 0, 3]
    assert found.answered[-3:] == [0, 0, 3]
    assert found.bypassed[-3:] == [1, 0, 0]
    assert sum(found.lookups) == 4


def test_trend_saved_is_typical_cost_less_latency_and_what_look_ups_took() -> None:
    """Two hits of 10 ms spare 200 ms each; three misses took 5 ms each beside computing."""
    _seen(BEFORE, MISS, 105.0, 205.0, 905.0, beside_ms=5)
    _seen(LAST, HIT, 10.0, 10.0)
    found = _day()
    assert found.saved_seconds[-3:] == pytest.approx([-0.015, 0, 0.38], rel=0.011)
    assert sum(found.saved_seconds) == pytest.approx(found.overall.time_saved_seconds, rel=0.011)
    slowest = (found.hit_curve[-1][0], found.miss_curve[-1][0])
    assert slowest == pytest.approx((10.0, 905.0), rel=0.011)


def test_trend_saved_of_look_ups_that_only_cost_is_negative() -> None:
    """A cache that never hits shows as a loss."""
    _seen(LAST, MISS, 4.0, 4.0)
    assert _day().saved_seconds[-1] == pytest.approx(-0.008)


def test_trend_saved_of_hits_whose_miss_was_never_seen_is_nothing() -> None:
    """What another model costs is no measure, so such hits neither save nor cost."""
    _seen(LAST, MISS, 505.0, beside_ms=5, model="another")
    _seen(LAST, HIT, 10.0)
    assert _day().saved_seconds[-1] == pytest.approx(-0.005)


def test_trend_curves_reach_one() -> None:
    """Rising values with rising shares, and a few points for many look-ups."""
    _seen(LAST, HIT, *(1 + number / 100 for number in range(1000)))
    _seen(LAST, MISS, *(2.0**number for number in range(1, 20)), beside_ms=1)
    found = _day()
    for curve in (found.hit_curve, found.miss_curve):
        values, shares = zip(*curve, strict=True)
        assert list(values) == sorted(set(values))
        assert list(shares) == sorted(set(shares))
        assert shares[-1] == 1.0
        assert len(curve) <= 200
    halfway = next(value for value, share in found.hit_curve if share >= 0.5)
    assert halfway == pytest.approx(6.0, rel=0.03)


@pytest.mark.parametrize(
    ("hits", "misses", "low", "high"),
    # Wilson 1927; computed by statsmodels' proportion_confint(method="wilson").
    [(1, 0, 0.2065, 1.0), (0, 1, 0.0, 0.7935), (61, 39, 0.5120, 0.6998), (5, 5, 0.2366, 0.7634)],
)
def test_trend_hit_rate_interval_is_wilsons(
    hits: int, misses: int, low: float, high: float
) -> None:
    """Few look-ups leave the rate open, many settle it."""
    _seen(LAST, HIT, *[1.0] * hits)
    _seen(LAST, MISS, *[1.0] * misses)
    assert _day().hit_rate_interval == pytest.approx((low, high), abs=1e-4)


def test_trend_takes_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """One statement reads batches and spans, so that it sees no look-up twice."""
    with django_assert_num_queries(1):
        _day()
