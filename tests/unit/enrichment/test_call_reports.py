"""The arithmetic of calls to models: shares, tokens a second, percentiles."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.call_groups import Group
from enrichment.call_reports import call_numbers
from enrichment.call_rollups import PARTS

MS = st.floats(0, 1e6).map(lambda value: round(value, 3))
# Queue, load, prompt and generation of a call in milliseconds.
Spent = tuple[float, float, float, float]


def answered(spent: Sequence[Spent], kept: Sequence[Spent] | None = None, **fields) -> Group:
    """Return a group of calls. kept: those whose times were sampled; None for all."""
    sampled = spent if kept is None else kept
    weight = len(spent) / len(sampled)
    times = {part: [(one[place], weight) for one in sampled] for place, part in enumerate(PARTS)}
    return Group(
        host="http://here",
        model="small:1b",
        kind="chat",
        calls=len(spent),
        total_ms={part: sum(one[place] for one in spent) for place, part in enumerate(PARTS)},
        times_ms={"elapsed": [(sum(one), weight) for one in sampled], **times},
        **fields,
    )


def failed(error: str, calls: int) -> Group:
    return Group(host="http://here", model="small:1b", kind="chat", error=error, calls=calls)


@given(st.lists(st.lists(st.tuples(MS, MS, MS, MS), min_size=1, max_size=9), max_size=4))
def test_shares_of_the_parts_sum_to_one(groups: list[list[Spent]]):
    """All four parts are all there is; where no time was spent there is no share at all."""
    parts = call_numbers([answered(spent) for spent in groups]).parts

    shares = [part.share for part in parts.values()]
    if sum(part.total_seconds for part in parts.values()):
        assert math.isclose(math.fsum(shares), 1)
        assert all(0 <= share <= 1 for share in shares)
    else:
        assert shares == [None] * 4


@given(st.lists(st.tuples(MS, MS, MS, MS), min_size=1, max_size=60), st.integers(1, 59))
def test_percentiles_are_those_of_all_calls_however_they_are_grouped(spent, split: int):
    """By nearest rank: the p-th is the first value that p of all calls do not exceed."""
    groups = [answered(some) for some in (spent[:split], spent[split:]) if some]
    elapsed = call_numbers(groups).elapsed

    ordered = sorted(map(sum, spent))
    expected = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 0.99)]
    assert [elapsed.p50_ms, elapsed.p95_ms, elapsed.p99_ms] == expected


def test_sampled_call_stands_for_those_that_were_left_out():
    """Ten of a thousand slow calls outweigh a hundred quick ones that were all kept."""
    slow = answered([(0, 0, 900, 100)] * 1_000, kept=[(0, 0, 900, 100)] * 10)
    quick = answered([(0, 0, 5, 5)] * 100)

    assert call_numbers([quick, slow]).elapsed.p50_ms == 1_000
    assert call_numbers([quick, slow]).parts["prompt"].median_ms == 900


def test_tokens_a_second_are_all_tokens_over_all_time():
    """No mean of speeds: a long call counts for as much as its time."""
    numbers = call_numbers(
        [
            answered([(0, 0, 1_000, 500)], prompt_tokens=100, paced_tokens=10, paced_ms=500),
            answered([(0, 0, 3_000, 1_500)], prompt_tokens=700, paced_tokens=10, paced_ms=1_500),
        ]
    )

    assert numbers.prompt_tokens_per_second == 200
    assert numbers.generated_tokens_per_second == 10


def test_failed_calls_are_told_by_kind_and_spoil_no_time():
    """The most frequent kind first; what they took is not where an answer's time goes."""
    numbers = call_numbers(
        [failed("HostBusy", 1), answered([(1, 2, 3, 4)]), failed("HostBrokeOff", 3)]
    )

    assert list(numbers.failed.items()) == [("HostBrokeOff", 3), ("HostBusy", 1)]
    assert (numbers.calls, numbers.failed_count, numbers.answered_count) == (5, 4, 1)
    assert numbers.elapsed.p99_ms == 10


@pytest.mark.parametrize("groups", [[], [failed("HostBusy", 2)]])
def test_without_an_answered_call_there_are_no_made_up_zeros(groups: list[Group]):
    """Shares, medians, percentiles and speeds are None."""
    numbers = call_numbers(groups)

    assert {part.share for part in numbers.parts.values()} == {None}
    assert {part.median_ms for part in numbers.parts.values()} == {None}
    assert (numbers.elapsed.p50_ms, numbers.elapsed.p99_ms) == (None, None)
    assert numbers.prompt_tokens_per_second is None
    assert numbers.generated_tokens_per_second is None
    assert tuple(numbers.parts) == PARTS
