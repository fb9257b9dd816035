"""Bootstrap intervals of speed-ups."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.inference.intervals import speed_up

durations = st.lists(st.floats(min_value=0.001, max_value=1000), min_size=1, max_size=30)


def test_same_factor_in_each_round_is_certain() -> None:
    """Rounds that all say "twice as fast" leave no doubt."""
    found = speed_up([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (found.low, found.value, found.high) == (2.0, 2.0, 2.0)


@given(durations, st.randoms(use_true_random=False))
def test_value_lies_within_its_interval(before: Sequence[float], draw: random.Random) -> None:
    """Whatever was measured, the median stands between the interval's ends."""
    after = [draw.uniform(0.001, 1000) for _ in before]
    found = speed_up(before, after)
    assert found.low <= found.value <= found.high


def test_noise_alone_is_no_speed_up() -> None:
    """Two sides with the same spread have 1 within their interval."""
    draw = random.Random(7)
    before, after = ([draw.uniform(1, 2) for _ in range(20)] for _ in range(2))
    found = speed_up(before, after)
    assert found.low < 1 < found.high


def test_unpaired_rounds_are_refused() -> None:
    """A round that one side lacks can't be compared."""
    with pytest.raises(ValueError, match="zip"):
        speed_up([1.0, 2.0], [1.0])
