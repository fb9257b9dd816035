"""Histograms: little is kept, values are told to within 1 %, and parts add up to the whole."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cachestats.histograms import LONGEST, SHORTEST, Histogram

VALUES = st.floats(SHORTEST, LONGEST)
MANY = st.lists(VALUES, max_size=60)
WITHIN = 0.01


@given(st.floats(1.02 * SHORTEST, LONGEST))
def test_histogram_tells_a_value_to_one_percent(value: float) -> None:
    """From a microsecond to days the middle of the bucket is less than 1 % off."""
    assert Histogram.of([value]).at_shares([0.5]) == [pytest.approx(value, rel=WITHIN)]


@given(st.lists(VALUES, min_size=1, max_size=200), st.lists(st.floats(0, 1), min_size=1))
@example([math.nextafter(SHORTEST, 1)], [0.0])
def test_histogram_percentiles_are_within_one_percent_of_nearest_rank(
    values: list[float], shares: Sequence[float]
) -> None:
    """The value at a share is the bucket of the value that stands at its rank."""
    ordered = sorted(values)
    for share, found in zip(shares, Histogram.of(values).at_shares(shares), strict=True):
        rank = max(1, math.ceil(share * len(ordered) - 1e-6))
        assert found == pytest.approx(ordered[rank - 1], rel=WITHIN, abs=SHORTEST)


@given(MANY, MANY, MANY)
def test_histograms_add_up_in_any_order(
    some: list[float], more: list[float], rest: list[float]
) -> None:
    """Adding is exact, associative and commutative: it is as if all had been counted at once."""
    a, b, c = Histogram.of(some), Histogram.of(more), Histogram.of(rest)
    assert (a + b) + c == a + (b + c) == c + b + a == Histogram.of(some + more + rest)
    assert a + Histogram() == a


@given(MANY, st.integers(1, 5_000_000_000))
def test_pack_keeps_all(values: list[float], times: int) -> None:
    """What is unpacked is what was packed, whatever the counts."""
    histogram = Histogram.weighted((value, times) for value in values)
    again = Histogram.unpack(histogram.pack())
    assert again == histogram
    assert again.count == times * len(values)


@given(MANY)
def test_weighted_values_count_as_often(values: list[float]) -> None:
    """A value of weight three counts as three."""
    tripled = Histogram.of(values) + Histogram.of(values) + Histogram.of(values)
    assert Histogram.weighted((value, 3) for value in values) == tripled


def test_histogram_of_nothing_is_empty() -> None:
    """It has no values, and takes no room."""
    empty = Histogram.of([])
    assert not empty
    assert (empty.count, list(empty), empty.pack()) == (0, [], b"")


def test_pack_is_small() -> None:
    """A thousand hits between 1 and 4 ms take less than a hundred bytes."""
    assert len(Histogram.of(1 + number / 333 for number in range(1000)).pack()) < 100


@pytest.mark.parametrize(("value", "told"), [(0.0, 0.0), (-1.0, 0.0), (1e30, LONGEST)])
def test_histogram_counts_what_lies_beyond_its_bounds(value: float, told: float) -> None:
    """Clocks that jump lose no look-up."""
    assert Histogram.of([value]).at_shares([1.0]) == [pytest.approx(told, rel=0.03)]


@given(MANY)
def test_histogram_yields_its_values_rising(values: list[float]) -> None:
    """Each value with how many there are, from the shortest."""
    pairs = list(Histogram.of(values))
    assert [value for value, _ in pairs] == sorted({value for value, _ in pairs})
    assert sum(count for _, count in pairs) == len(values)
