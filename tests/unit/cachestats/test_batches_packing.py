"""Packed latencies: little is kept, and percentiles hardly notice."""

from hypothesis import given
from hypothesis import strategies as st

from cachestats.batches import KEPT_VALUES, at_ranks, in_order, pack, unpack, weighted

LATENCIES = st.floats(0, 1e6, width=32)


@given(st.lists(LATENCIES, max_size=50))
def test_pack_few_values_keeps_all(values: list[float]) -> None:
    """Up to the bound nothing is lost but the order."""
    assert unpack(pack(values)) == sorted(values)


@given(st.integers(KEPT_VALUES + 1, 20 * KEPT_VALUES))
def test_pack_many_values_keeps_their_ranks(count: int) -> None:
    """Beyond the bound as many are kept, and each percentile moves by less than 0.2 %."""
    kept = weighted(pack(float(number) for number in range(count)), count)
    assert len(kept) == KEPT_VALUES
    assert abs(sum(weight for _, weight in kept) - count) < 1e-6
    shares = (0.5, 0.95, 0.99)
    for share, value in zip(
        shares, at_ranks(kept, [share * count for share in shares]), strict=True
    ):
        assert abs(value - share * count) <= 0.002 * count + 1


@given(st.lists(st.tuples(LATENCIES, st.integers(1, 9)), min_size=1, max_size=60))
def test_at_ranks_of_weighted_values_is_as_of_single_ones(values: list[tuple[float, int]]) -> None:
    """A value of weight three counts as three look-ups that took as long."""
    ordered = in_order((value, float(weight)) for value, weight in values)
    one_by_one = sorted(value for value, weight in values for _ in range(weight))
    ranks = range(1, len(one_by_one) + 1)
    assert at_ranks(ordered, ranks) == one_by_one


def test_weighted_of_nothing_kept_is_nothing() -> None:
    """A batch without costs adds none."""
    assert weighted(b"", 7) == []
