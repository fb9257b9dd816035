"""How fresh an answer must be, as a moment after which it was stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachestats.errors import InvalidValue
from cachestats.lookups import Freshness

NOW_MS = 1_700_000_000_000


def test_since_of_no_wish_is_any_time() -> None:
    """Whatever is live will do."""
    assert Freshness().since_ms(NOW_MS) is None


@given(max_age=st.integers(1, 2**40), now_ms=st.integers(0, 2**45))
def test_since_leaves_in_what_is_just_so_old(max_age: int, now_ms: int) -> None:
    """An entry of exactly that age will do, and none that is a millisecond older."""
    assert Freshness(max_age=max_age).since_ms(now_ms) == now_ms - 1000 * max_age - 1


@given(freshness=st.builds(Freshness, no_cache=st.just(True), max_age=st.none() | st.integers(0)))
def test_since_of_no_cache_is_now_and_so_is_that_of_no_age(freshness: Freshness) -> None:
    """Nothing that was stored before will do, not even in this very millisecond."""
    assert freshness.since_ms(NOW_MS) == NOW_MS
    assert Freshness(max_age=0).since_ms(NOW_MS) == NOW_MS


def test_negative_age_is_refused() -> None:
    """No answer is younger than nothing."""
    with pytest.raises(InvalidValue, match="max_age"):
        Freshness(max_age=-1)
