"""Single-flight: of look-ups of one missing key at once, one computes."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cachestats.cache import CacheState, Lookup
from cachestats.config.schema import Caching
from cachestats.errors import ComputationFailed
from cachestats.flights import describe, revive
from cachestats.models import CacheEntry
from cachestats.services import PurgeFilter

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}
OTHERS = 7


class Slow:
    """A computation that goes on until it is let go; counts how often it was begun."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.calls = 0
        self._answer = answer

    def __call__(self) -> Any:
        self.calls += 1
        self.begun.release()
        assert self.let_go.wait(20)
        return self._answer()


@pytest.fixture
def threads() -> Any:
    """Threads that are ended with the test."""
    with ThreadPoolExecutor(OTHERS + 2) as pool:
        yield pool


def _waiting(threads: ThreadPoolExecutor, look_up: Callable[[], Any]) -> list[Any]:
    """Start look-ups that come while the first one computes."""
    started = threading.Barrier(OTHERS + 1)

    def one() -> Any:
        started.wait(20)
        return look_up()

    found = [threads.submit(one) for _ in range(OTHERS)]
    started.wait(20)
    return found


def test_look_ups_at_once_compute_once_and_get_copies(bench: Any, threads: Any) -> None:
    """One computes, the others are collapsed; what one does to its answer the others don't see."""
    slow = Slow(lambda: {"tips": ["rest"]})
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow)
    assert slow.begun.acquire(timeout=20)
    others = _waiting(threads, lambda: bench.cache.get_or_compute(CONTENT, slow))
    slow.let_go.set()
    found: list[Lookup] = [future.result(20) for future in [first, *others]]
    assert slow.calls == 1
    states = {one.state for one in found[1:]}
    assert found[0].state is CacheState.MISS
    assert states <= {CacheState.COLLAPSED, CacheState.HIT}
    found[0].value["tips"].append("spoilt")
    found[1].value["tips"].append("spoilt")
    assert all(one.value == {"tips": ["rest"]} for one in found[2:])


def test_computation_that_raises_releases_all_with_its_error(bench: Any, threads: Any) -> None:
    """Who waited gets the same error; nothing is stored, and the next one tries again."""
    error = LookupError("no model")

    def fail() -> Any:
        raise error

    slow = Slow(fail)
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow)
    assert slow.begun.acquire(timeout=20)
    joined = threads.submit(bench.cache.get_or_compute, CONTENT, lambda: "computed by another")
    # It has joined once it has looked: its own answer would be there long before this.
    with pytest.raises(TimeoutError):
        joined.result(0.3)
    slow.let_go.set()
    for future in (first, joined):
        assert future.exception(20) is error
    assert not CacheEntry.objects.exists()
    assert bench.cache.get_or_compute(CONTENT, lambda: "again").value == "again"


def test_interrupted_computation_is_taken_over(bench: Any, threads: Any) -> None:
    """An interrupt says nothing about the answer: another look-up computes it."""

    class Interrupt(BaseException):
        pass

    def interrupted() -> Any:
        raise Interrupt

    slow = Slow(interrupted)
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow)
    assert slow.begun.acquire(timeout=20)
    other = threads.submit(bench.cache.get_or_compute, CONTENT, lambda: "taken over")
    with pytest.raises(TimeoutError):
        other.result(0.3)
    slow.let_go.set()
    assert isinstance(first.exception(20), Interrupt)
    assert (other.result(20).value, other.result(20).state) == ("taken over", CacheState.MISS)


@pytest.mark.parametrize("how", ["not stored", "switched off"])
def test_what_is_not_stored_is_not_waited_for(bench: Any, threads: Any, how: str) -> None:
    """With ttl 0, or the cache switched off, each look-up computes at once."""
    if how == "switched off":
        bench.tuning = Caching(enabled=False)
    slow = Slow(lambda: "slow")
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow, ttl=0)
    assert slow.begun.acquire(timeout=20)
    assert bench.cache.get_or_compute(CONTENT, lambda: "quick", ttl=0).value == "quick"
    slow.let_go.set()
    assert first.result(20).value == "slow"


def test_purge_in_mid_computation_holds(bench: Any, threads: Any) -> None:
    """What was begun before the purge is not stored, and no look-up after it gets it."""
    slow = Slow(lambda: "from before")
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow)
    assert slow.begun.acquire(timeout=20)
    bench.cache.purge(PurgeFilter(all=True), "somebody")
    after = bench.cache.get_or_compute(CONTENT, lambda: "from after")
    slow.let_go.set()
    assert (first.result(20).value, first.result(20).stored) == ("from before", False)
    assert (after.value, after.state) == ("from after", CacheState.MISS)
    assert bench.cache.get(CONTENT) == "from after"


def test_purge_of_what_is_old_lets_new_answers_be_stored(bench: Any, threads: Any) -> None:
    """A purge of expired or aged entries does not mean what is just being computed."""
    slow = Slow(lambda: "new")
    first = threads.submit(bench.cache.get_or_compute, CONTENT, slow)
    assert slow.begun.acquire(timeout=20)
    bench.cache.purge(PurgeFilter(older_than="7d"), "somebody")
    slow.let_go.set()
    assert first.result(20).stored


def test_coroutines_at_once_compute_once(bench: Any) -> None:
    """In an event loop those who wait leave it free for the one that computes."""
    calls = []

    async def compute() -> str:
        calls.append(1)
        await asyncio.sleep(0.05)
        return "computed"

    async def many() -> list[Lookup]:
        look_ups = (bench.cache.aget_or_compute(CONTENT, compute) for _ in range(5))
        return list(await asyncio.gather(*look_ups))

    found = asyncio.run(many())
    assert len(calls) == 1
    assert sorted(one.state for one in found) == ["collapsed"] * 4 + ["miss"]


def test_cancelled_coroutine_is_taken_over(bench: Any) -> None:
    """Who is cancelled while it computes leaves the key to one that waits."""

    async def run() -> Lookup:
        begun = asyncio.Event()

        async def never() -> str:
            begun.set()
            await asyncio.sleep(3600)
            return "never"

        async def quick() -> str:
            return "quick"

        first = asyncio.create_task(bench.cache.aget_or_compute(CONTENT, never))
        await begun.wait()
        other = asyncio.create_task(bench.cache.aget_or_compute(CONTENT, quick))
        await asyncio.sleep(0.05)
        first.cancel()
        found: Lookup = await asyncio.wait_for(other, 20)
        return found

    assert asyncio.run(run()).value == "quick"


# Errors on their way to another process


class Told(Exception):
    """An error with an argument that JSON can't carry."""


@pytest.mark.parametrize(
    "error", [ValueError("wrong", 3), LookupError(), TimeoutError("late"), UnicodeError(None)]
)
def test_revive_gives_class_and_arguments_back(error: Exception) -> None:
    """What arrives is the same error."""
    arrived = revive(describe(error))
    assert (type(arrived), arrived.args) == (type(error), error.args)


def test_revive_argument_that_is_no_json_arrives_as_text() -> None:
    """The message counts."""
    arrived = revive(describe(Told(object)))
    assert (type(arrived), arrived.args) == (Told, ("<class 'object'>",))


@pytest.mark.parametrize(
    "described",
    [
        '{"module":"not.there","name":"Error","args":["why"]}',
        '{"module":"builtins","name":"nothing","args":["why"]}',
        '{"module":"builtins","name":"print","args":["why"]}',
        '{"module":"builtins","name":"int","args":["why"]}',
        '{"module":"builtins","name":"SystemExit","args":["why"]}',
        '{"module":"builtins","name":"UnicodeDecodeError","args":["why"]}',
    ],
)
def test_revive_calls_nothing_but_known_exceptions(described: str) -> None:
    """Whatever else stands there becomes an error of ours that quotes it."""
    arrived = revive(described)
    assert isinstance(arrived, ComputationFailed)
    assert "why" in str(arrived)
