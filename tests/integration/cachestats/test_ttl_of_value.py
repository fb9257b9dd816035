"""A time to live that is known only once the answer is: `ttl` as a function of the value."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cachestats.cache import CacheState, Lookup
from cachestats.config.schema import MAX_TTL, Caching
from cachestats.errors import InvalidValue
from cachestats.models import CacheEntry

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"url": "https://songs.example/rain"}
OTHERS = 5


@pytest.mark.parametrize(
    ("told", "tuning", "seconds"),
    [
        (7, Caching(), 7),
        (None, Caching(ttl_api=90), 90),
        (0, Caching(), 0),
        (None, Caching(ttl_api=0), 0),
        (7, Caching(ttl_api=0), 7),
        (7, Caching(enabled=False), 0),
    ],
)
def test_ttl_of_value_decides_how_long_it_lives(
    bench: Any, told: int | None, tuning: Caching, seconds: int
) -> None:
    """The function gets the value; its seconds count, None is the type's default, 0 stores none."""
    bench.tuning = tuning
    asked: list[Any] = []

    def ttl(value: Any) -> int | None:
        asked.append(value)
        return told

    found = bench.cache.get_or_compute(CONTENT, lambda: {"n": 1}, ttl=ttl, cache_type="api")
    assert (asked, found.ttl_seconds, found.stored) == ([{"n": 1}], seconds, seconds > 0)
    assert CacheEntry.objects.exists() is (seconds > 0)


def test_ttl_of_value_is_not_asked_for_a_hit(bench: Any) -> None:
    """What is stored has its time already."""
    bench.cache.set(CONTENT, "stored")

    def ttl(_value: Any) -> int:
        raise AssertionError

    found = bench.cache.get_or_compute(CONTENT, lambda: "computed", ttl=ttl)
    assert (found.value, found.state) == ("stored", CacheState.HIT)


@pytest.mark.parametrize("seconds", [-1, MAX_TTL + 1])
def test_ttl_of_value_out_of_range_is_refused(bench: Any, seconds: int) -> None:
    """It is held to the range that a plain ttl is held to, and the key is free afterwards."""
    with pytest.raises(InvalidValue, match="ttl must be 0"):
        bench.cache.get_or_compute(CONTENT, lambda: "value", ttl=lambda _value: seconds)
    assert bench.cache.get_or_compute(CONTENT, lambda: "again").value == "again"


@pytest.mark.parametrize(("told", "calls"), [(60, 1), (0, OTHERS + 1)])
def test_value_that_may_not_be_stored_goes_to_nobody_else(
    bench: Any, told: int, calls: int
) -> None:
    """With seconds to live one computes for all; with 0 each gets what it computed itself.

    The others then compute side by side: all of them are at it before one is done.
    """
    begun, side_by_side = threading.Event(), threading.Barrier(OTHERS)
    let_go = threading.Event()
    numbers = iter(range(100))

    def first() -> int:
        begun.set()
        assert let_go.wait(20)
        return next(numbers)

    def other() -> int:
        side_by_side.wait(20)
        return next(numbers)

    def look_up(compute: Any) -> Lookup:
        found: Lookup = bench.cache.get_or_compute(CONTENT, compute, ttl=lambda _value: told)
        return found

    with ThreadPoolExecutor(OTHERS + 1) as threads:
        futures = [threads.submit(look_up, first)]
        assert begun.wait(20)
        futures += [threads.submit(look_up, other) for _ in range(OTHERS)]
        # They have joined once they have looked: what they compute would be there before this.
        with pytest.raises(TimeoutError):
            futures[1].result(0.3)
        let_go.set()
        found = [future.result(20) for future in futures]
    assert {one.value for one in found} == set(range(calls))


def test_coroutines_compute_what_may_not_be_stored_each_for_itself(bench: Any) -> None:
    """In an event loop it is the same."""
    numbers = iter(range(100))

    async def compute() -> int:
        await asyncio.sleep(0.02)
        return next(numbers)

    async def many() -> list[Lookup]:
        look_ups = (
            bench.cache.aget_or_compute(CONTENT, compute, ttl=lambda _value: 0) for _ in range(5)
        )
        return list(await asyncio.gather(*look_ups))

    found = asyncio.run(many())
    assert {one.value for one in found} == set(range(5))
    assert {one.state for one in found} == {CacheState.MISS}
