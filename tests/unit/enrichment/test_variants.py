"""Which variant is due for a reader: a pure choice."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages.post_enricher import Variant
from enrichment.variants import next_variant


def variants(count: int, made: frozenset[int]) -> list[Variant]:
    """Return variants, of which some are made."""
    return [
        Variant(number=number, key=f"key {number}", cached=object() if number in made else None)
        for number in range(count)
    ]


MADE = st.integers(1, 10).flatmap(
    lambda count: st.tuples(
        st.just(count), st.lists(st.frozensets(st.integers(0, count - 1)), min_size=1, max_size=40)
    )
)


@given(MADE)
def test_none_is_read_twice_until_all_that_are_made_were_read(found):
    """Whatever is made, expires or is made again on the way."""
    count, steps = found
    last_read: dict[str, int] = {}

    for at, made in enumerate(steps, start=1):
        every = variants(count, made)
        due = next_variant(every, last_read)
        choices = [each for each in every if each.number in made] or every
        assert due in choices
        # Nothing that could have been given in its place waits for longer.
        assert last_read.get(due.key, 0) == min(last_read.get(each.key, 0) for each in choices)
        last_read[due.key] = at


@given(count=st.integers(1, 10), rounds=st.integers(1, 4))
def test_each_of_them_comes_once_a_round_in_the_same_order(count: int, rounds: int):
    """Where all are made a reader goes round them, beginning with the first."""
    every = variants(count, frozenset(range(count)))
    last_read: dict[str, int] = {}
    order = []
    for at in range(1, rounds * count + 1):
        due = next_variant(every, last_read)
        last_read[due.key] = at
        order.append(due.number)

    assert order == [*range(count)] * rounds
    assert set(Counter(order).values()) == {rounds}


def test_one_that_is_made_later_comes_before_those_that_were_read():
    """However often the only one was read meanwhile, it is not due again before the new ones."""
    last_read = {"key 0": 9}
    every = variants(3, frozenset({0, 1, 2}))
    order = []
    for at in range(10, 14):
        due = next_variant(every, last_read)
        last_read[due.key] = at
        order.append(due.number)

    assert order == [1, 2, 0, 1]


def test_readers_who_come_together_are_due_the_same_one_while_none_is_made():
    """So that it is computed once for all of them."""
    every = variants(3, frozenset())

    assert next_variant(every, {}).number == 0
    assert next_variant(every, {"key 0": 5}).number == 1


def test_one_that_is_made_is_given_though_read_before_rather_than_one_to_wait_for():
    """Nobody waits for a model while there is something to give."""
    assert next_variant(variants(3, frozenset({1})), {"key 1": 5}).number == 1
