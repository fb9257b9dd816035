"""The numbers of look-ups: percentiles, hit rate and time saved, from counted batches alone."""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachestats.batches import Kind, Tally, summed
from cachestats.errors import InvalidWindow
from cachestats.histograms import NONE, Histogram
from cachestats.models import CacheState
from cachestats.reports import (
    LookupReport,
    Percentiles,
    lookup_report,
    percentiles,
    read_window,
)

HIT, MISS, COLLAPSED, BYPASS = CacheState
LATENCIES = st.floats(0, 1e6, width=32)
STATES = st.sampled_from(CacheState)
Seen = tuple[Kind, Tally]
# As exact as histograms are.
approx = partial(pytest.approx, rel=0.02)


def _seen(
    state: CacheState,
    latency_ms: float = 1.0,
    cost_ms: float | None = None,
    *,
    cache_type: str = "api",
    model: str = "m",
    count: int = 1,
    reason: str = "",
) -> Seen:
    """So many look-ups that were all alike."""
    kind = Kind(cache_type, model, state, reason, computed=cost_ms is not None)
    tally = Tally(
        count=count,
        latency_ms=count * latency_ms,
        cost_ms=count * (cost_ms or 0),
        latencies=Histogram.of([latency_ms] * count),
        costs=Histogram.of([] if cost_ms is None else [cost_ms] * count),
    )
    return kind, tally


def _report(*seen: Seen) -> LookupReport:
    return lookup_report(summed(seen))


SAMPLES = st.lists(
    st.builds(
        _seen,
        STATES,
        LATENCIES,
        st.none() | LATENCIES,
        cache_type=st.sampled_from(["api", "vision"]),
        model=st.sampled_from(["", "m"]),
        count=st.integers(1, 3),
    ),
    max_size=30,
)


# Percentiles


def test_percentiles_of_nothing_are_none() -> None:
    """Without look-ups there is no percentile, and no zero that looks like one."""
    assert percentiles(NONE) == Percentiles(count=0, p50_ms=None, p95_ms=None, p99_ms=None)


def test_percentiles_of_one_value_are_that_value() -> None:
    """A single look-up is every percentile."""
    found = percentiles(Histogram.of([7.0]))
    assert found.count == 1
    assert [found.p50_ms, found.p95_ms, found.p99_ms] == [approx(7.0)] * 3


@pytest.mark.parametrize(
    ("count", "expected"),
    [(2, (1, 2, 2)), (4, (2, 4, 4)), (10, (5, 10, 10)), (20, (10, 19, 20)), (100, (50, 95, 99))],
)
def test_percentiles_are_by_nearest_rank(count: int, expected: tuple[int, int, int]) -> None:
    """The pth percentile of n values is the ceil(p * n)th smallest, never in between."""
    found = percentiles(Histogram.of(range(count, 0, -1)))
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == tuple(map(approx, expected))


# Hit rate


def test_hit_rate_without_look_ups_is_none() -> None:
    """Nothing was looked up: there is no rate."""
    assert _report().hit_rate is None


def test_hit_rate_of_bypassed_alone_is_none() -> None:
    """While the cache is off its rate is unknown, not 0."""
    report = _report(*[_seen(BYPASS)])
    assert (report.lookups, report.bypass_count, report.hit_rate) == (1, 1, None)


def test_hit_rate_counts_collapsed_as_answered() -> None:
    """A look-up that got another's answer was spared the computing, like a hit."""
    report = _report(*[_seen(HIT), _seen(COLLAPSED), _seen(MISS), _seen(MISS)])
    assert report.hit_rate == 0.5


@given(SAMPLES)
def test_hit_rate_leaves_bypassed_out(samples: list[Seen]) -> None:
    """Bypassed look-ups change no rate."""
    asked = [(kind, tally) for kind, tally in samples if kind.state != BYPASS]
    assert _report(*samples).hit_rate == _report(*asked).hit_rate


@given(SAMPLES)
def test_lookup_report_states_add_up(samples: list[Seen]) -> None:
    """Each look-up is counted once, in one state."""
    report = _report(*samples)
    counts = (report.hit_count, report.miss_count, report.collapsed_count, report.bypass_count)
    assert sum(counts) == report.lookups == sum(tally.count for _, tally in samples)


def test_lookup_report_latencies_are_apart_for_hits_and_computed_misses() -> None:
    """A miss that computed nothing says nothing about what a cold answer costs."""
    report = _report(*[_seen(HIT, 1.0), _seen(MISS, 900.0, 899.0), _seen(MISS, 2.0)])
    assert (report.hits.count, report.hits.p50_ms) == (1, approx(1.0))
    assert (report.misses.count, report.misses.p50_ms) == (1, approx(900.0))
    assert report.miss_count == 2


# Time saved


def test_time_saved_is_median_cost_less_latency_for_each_hit() -> None:
    """Two hits at 5 and 10 ms where a miss costs 100, 200 or 900 ms save 195 and 190 ms."""
    misses = [_seen(MISS, cost_ms, cost_ms) for cost_ms in (100.0, 900.0, 200.0)]
    report = _report(*misses, _seen(HIT, 5.0), _seen(HIT, 10.0))
    assert report.time_saved_seconds == approx(0.385)


@pytest.mark.parametrize("other", [{"cache_type": "vision"}, {"model": "another"}])
def test_time_saved_takes_costs_of_the_same_type_and_model(other: dict[str, str]) -> None:
    """What another type or model costs is no measure of this one."""
    report = _report(*[_seen(MISS, 1000.0, 1000.0, **other), _seen(HIT)])
    assert report.time_saved_seconds == 0


def test_time_saved_of_bypassed_cost_is_nothing() -> None:
    """Only a miss that computed is a measure."""
    report = _report(*[_seen(BYPASS, 500.0, 500.0), _seen(HIT, 1.0)])
    assert report.time_saved_seconds == 0


def test_time_saved_is_net() -> None:
    """Hits slower than computing, and what misses took beside it, are taken off."""
    report = _report(*[_seen(MISS, 12.0, 10.0), _seen(HIT, 1000.0), _seen(HIT, 4.0)])
    assert report.time_saved_seconds == approx((10 - 1000 + 10 - 4 - 2) / 1000)


# Reasons


def test_reasons_are_counted_for_all_but_hits_most_frequent_first() -> None:
    """Each look-up that was no hit is counted under its reason, in its detail."""
    report = _report(
        *[
            _seen(HIT),
            _seen(MISS, reason="first_seen"),
            _seen(MISS, reason="changed: model", count=3),
            _seen(COLLAPSED, reason="first_seen"),
        ]
    )
    assert list(report.reasons.items()) == [("changed: model", 3), ("first_seen", 2)]


def test_reason_shares_are_of_all_that_were_no_hits() -> None:
    """Shares add up to one, whatever the number of hits."""
    report = _report(
        *[
            _seen(HIT, count=9),
            _seen(MISS, reason="expired"),
            _seen(MISS, reason="evicted", count=3),
        ]
    )
    shares = [(row.reason, row.count, row.share) for row in report.reason_shares]
    assert shares == [("evicted", 3, 0.75), ("expired", 1, 0.25)]


def test_reason_that_was_never_noted_is_unknown() -> None:
    """A look-up without a reason is not left out of the sum."""
    assert _report(*[_seen(MISS)]).reasons == {"unknown": 1}


# Windows


@pytest.mark.parametrize(("written", "hours"), [("24h", 24), ("90m", 1.5), ("30d", 720)])
def test_read_window_reads_what_people_write(written: str, hours: float) -> None:
    """Up to all that is kept."""
    assert read_window(written) == timedelta(hours=hours)


@pytest.mark.parametrize("written", ["", "soon", "24", "0h", "31d", "-1h"])
def test_read_window_refuses_what_has_no_look_ups(written: str) -> None:
    """A window that can't be read, is empty or not kept is an error that names the field."""
    with pytest.raises(InvalidWindow) as caught:
        read_window(written)
    assert [error.field for error in caught.value.errors] == ["window"]
