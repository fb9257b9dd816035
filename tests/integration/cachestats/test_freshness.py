"""How fresh an answer must be for who asks, over the real stores."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cachestats.cache import CacheState, Freshness, Reason
from cachestats.config.schema import Caching
from cachestats.models import CacheEntry, EntryUse, Failure, LookupBatch

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}
HIT, MISS, BYPASS = CacheState.HIT, CacheState.MISS, CacheState.BYPASS
NO_STORE, NO_CACHE = Freshness(no_store=True), Freshness(no_cache=True)


def _never() -> Any:
    pytest.fail("the stored answer was computed again")


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads that are ended with the test."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Held:
    """A computation that goes on until it is let go."""

    def __init__(self, answer: Any) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self._answer = answer

    def __call__(self) -> Any:
        self.begun.set()
        assert self.let_go.wait(20)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def until_waiting(future: Any) -> None:
    """Give a look-up the time to join another: its own answer would be there long before."""
    with pytest.raises(TimeoutError):
        future.result(0.3)


# A look-up alone


@pytest.mark.parametrize(
    ("freshness", "age_seconds", "state", "reason", "left"),
    [
        (Freshness(), 50, HIT, "", "old"),
        (Freshness(max_age=50), 50, HIT, "", "old"),
        (Freshness(max_age=49), 50, MISS, Reason.TOO_OLD, "new"),
        (Freshness(max_age=0), 50, MISS, Reason.TOO_OLD, "new"),
        (Freshness(max_age=0), 0, MISS, Reason.TOO_OLD, "new"),
        (NO_CACHE, 50, MISS, Reason.NO_CACHE, "new"),
        (NO_CACHE, 0, MISS, Reason.NO_CACHE, "new"),
        (Freshness(no_cache=True, max_age=60), 50, MISS, Reason.NO_CACHE, "new"),
        (NO_STORE, 50, BYPASS, Reason.NO_STORE, "old"),
        (Freshness(no_store=True, no_cache=True, max_age=0), 50, BYPASS, Reason.NO_STORE, "old"),
    ],
)
def test_look_up_of_a_stored_answer(
    bench: Any, freshness: Freshness, age_seconds: int, state: str, reason: str, left: str
) -> None:
    """It is a hit where its age will do; else it is computed, and replaced if it may be."""
    bench.cache.set(CONTENT, "old")
    bench.now_ms += age_seconds * 1000
    found = bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=freshness)
    assert (found.state, found.reason) == (state, reason)
    assert found.value == ("old" if state is HIT else "new")
    assert found.stored is (state is not BYPASS)
    assert bench.cache.get(CONTENT) == left
    assert CacheEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("freshness", "state", "reason", "stored"),
    [
        (Freshness(max_age=60), MISS, Reason.FIRST_SEEN, True),
        (Freshness(max_age=0), MISS, Reason.FIRST_SEEN, True),
        (NO_CACHE, MISS, Reason.NO_CACHE, True),
        (NO_STORE, BYPASS, Reason.NO_STORE, False),
    ],
)
def test_look_up_of_what_is_not_there(
    bench: Any, freshness: Freshness, state: str, reason: str, stored: bool
) -> None:
    """It is computed, and stored unless that is what is not wanted."""
    found = bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=freshness)
    assert (found.value, found.state, found.reason) == ("new", state, reason)
    assert found.stored is stored
    assert (bench.cache.peek(CONTENT) is not None) is stored


def test_look_up_of_what_has_expired_says_so_and_not_that_it_is_too_old(bench: Any) -> None:
    """Its own time was over first: another wish would have found nothing either."""
    bench.cache.set(CONTENT, "old", ttl=10)
    bench.now_ms += 20_000
    found = bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=Freshness(max_age=5))
    assert (found.state, found.reason) == (MISS, Reason.EXPIRED)


def test_asynchronous_look_up_is_as_fresh(bench: Any) -> None:
    """`aget_or_compute` takes the same wish."""
    bench.cache.set(CONTENT, "old")

    async def compute() -> str:
        return "new"

    found = asyncio.run(bench.cache.aget_or_compute(CONTENT, compute, freshness=NO_STORE))
    assert (found.value, found.state) == ("new", BYPASS)
    found = asyncio.run(bench.cache.aget_or_compute(CONTENT, compute, freshness=NO_CACHE))
    assert (found.value, found.reason) == ("new", Reason.NO_CACHE)
    assert bench.cache.get(CONTENT) == "new"


@pytest.mark.parametrize(
    ("freshness", "found"),
    [
        (None, True),
        (Freshness(), True),
        (Freshness(max_age=50), True),
        (Freshness(max_age=49), False),
        (NO_CACHE, False),
        (NO_STORE, False),
    ],
)
def test_peek_sees_what_a_look_up_would_take(
    bench: Any, freshness: Freshness | None, found: bool
) -> None:
    """What is not fresh enough counts as not there."""
    bench.cache.set(CONTENT, "old")
    bench.now_ms += 50_000
    assert (bench.cache.peek(CONTENT, freshness=freshness) is not None) is found


@pytest.mark.parametrize("freshness", [NO_CACHE, Freshness(max_age=1)])
def test_cache_that_is_off_is_bypassed_whatever_is_wanted(bench: Any, freshness: Freshness) -> None:
    """The reason is the cache's then, and nothing is stored."""
    bench.tuning = Caching(enabled=False)
    found = bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=freshness)
    assert (found.value, found.state, found.stored) == ("new", BYPASS, False)
    assert found.reason == Reason.BYPASSED
    assert not CacheEntry.objects.exists()


def test_no_store_holds_though_the_cache_is_switched_on_meanwhile(bench: Any) -> None:
    """What was begun while the cache was off is not stored when it ends."""
    bench.tuning = Caching(enabled=False)

    def compute() -> str:
        bench.tuning = Caching()
        return "new"

    found = bench.cache.get_or_compute(CONTENT, compute, freshness=NO_STORE)
    assert (found.value, found.state, found.stored) == ("new", BYPASS, False)
    assert not CacheEntry.objects.exists()


def test_look_ups_are_counted_as_what_they_were(bench: Any) -> None:
    """Each has its state and its reason in the batches."""
    bench.cache.set(CONTENT, "old")
    bench.now_ms += 50_000
    for freshness in (NO_STORE, Freshness(max_age=49), NO_CACHE, Freshness(max_age=60)):
        bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=freshness)
    bench.cache.flush()
    assert sorted(LookupBatch.objects.values_list("state", "reason", "count")) == [
        ("bypass", "no_store", 1),
        ("hit", "", 1),
        ("miss", "no_cache", 1),
        ("miss", "too_old", 1),
    ]


def test_no_store_leaves_nothing_in_any_table(bench: Any) -> None:
    """Neither the answer, nor what is noted of a key, nor an error that quotes what was asked."""

    def fail() -> Any:
        raise ValueError(CONTENT)

    bench.cache.get_or_compute(CONTENT, lambda: "new", freshness=NO_STORE)
    with pytest.raises(ValueError, match="Rain"):
        bench.cache.get_or_compute(CONTENT, fail, freshness=NO_STORE)
    bench.cache.flush()
    for table in (CacheEntry, EntryUse, Failure):
        assert not table.objects.exists()


# Look-ups of others at the same time


@pytest.mark.parametrize("freshness", [NO_CACHE, Freshness(max_age=0), Freshness(max_age=60)])
def test_fresh_look_up_shares_what_is_computed_now(
    bench: Any, threads: ThreadPoolExecutor, freshness: Freshness
) -> None:
    """Of two at once one computes, whichever of them wanted it fresh."""
    for first, second in ((None, freshness), (freshness, None), (freshness, freshness)):
        CacheEntry.objects.all().delete()
        held = Held("now")
        one = threads.submit(bench.cache.get_or_compute, CONTENT, held, freshness=first)
        assert held.begun.wait(20)
        other = threads.submit(bench.cache.get_or_compute, CONTENT, _never, freshness=second)
        until_waiting(other)
        held.let_go.set()
        assert (one.result(20).value, one.result(20).state) == ("now", MISS)
        assert (other.result(20).value, other.result(20).state) == ("now", CacheState.COLLAPSED)


def test_ordinary_look_up_takes_what_is_stored_while_it_is_refreshed(
    bench: Any, threads: ThreadPoolExecutor
) -> None:
    """Who accepts the old answer does not wait for another's new one."""
    bench.cache.set(CONTENT, "old")
    held = Held("new")
    fresh = threads.submit(bench.cache.get_or_compute, CONTENT, held, freshness=NO_CACHE)
    assert held.begun.wait(20)
    assert bench.cache.get_or_compute(CONTENT, _never).value == "old"
    held.let_go.set()
    assert fresh.result(20).value == "new"
    assert bench.cache.get(CONTENT) == "new"


def test_no_store_joins_nobody(bench: Any, threads: ThreadPoolExecutor) -> None:
    """It computes its own while another computes the same."""
    held = Held("another's")
    other = threads.submit(bench.cache.get_or_compute, CONTENT, held)
    assert held.begun.wait(20)
    own = bench.cache.get_or_compute(CONTENT, lambda: "own", freshness=NO_STORE)
    assert (own.value, own.state) == ("own", BYPASS)
    held.let_go.set()
    assert other.result(20).value == "another's"
    assert bench.cache.get(CONTENT) == "another's"


@pytest.mark.parametrize("outcome", ["secret", ValueError("secret")])
def test_no_store_is_joined_by_nobody(
    bench: Any, threads: ThreadPoolExecutor, outcome: Any
) -> None:
    """Who asks the same meanwhile gets neither its answer nor its error."""
    held = Held(outcome)
    secret = threads.submit(bench.cache.get_or_compute, CONTENT, held, freshness=NO_STORE)
    assert held.begun.wait(20)
    other = bench.cache.get_or_compute(CONTENT, lambda: "own")
    assert (other.value, other.state) == ("own", MISS)
    held.let_go.set()
    assert bool(secret.exception(20)) is isinstance(outcome, Exception)
    assert bench.cache.get(CONTENT) == "own"
    assert not Failure.objects.exists()


@pytest.fixture
def other_process(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """A cache whose threads know nothing of the first one's, and which holds its keys' locks."""
    other = bench.another()
    locked = threading.Lock()
    for cache in (bench.cache, other):
        flights = cache._flights
        # Locks of a file are a process's, so two caches of this one would never wait.
        monkeypatch.setattr(flights, "lock", lambda _key: locked.acquire(blocking=False))
        ending = flights.end

        def end(key: Any, *, unlock: bool, ending: Any = ending) -> None:
            if unlock:
                locked.release()
            ending(key, unlock=False)

        monkeypatch.setattr(flights, "end", end)
    return lambda: other


def test_fresh_look_up_takes_what_another_process_computed_meanwhile(
    bench: Any, threads: ThreadPoolExecutor, other_process: Callable[[], Any]
) -> None:
    """What was stored after it came is fresh, so it is computed once."""
    bench.cache.set(CONTENT, "old")
    held = Held("now")
    one = threads.submit(bench.cache.get_or_compute, CONTENT, held, freshness=NO_CACHE)
    assert held.begun.wait(20)
    other = threads.submit(
        other_process().get_or_compute, CONTENT, _never, freshness=Freshness(no_cache=True)
    )
    until_waiting(other)
    bench.now_ms += 1000
    held.let_go.set()
    assert one.result(20).value == "now"
    found = other.result(20)
    assert (found.value, found.state) == ("now", CacheState.COLLAPSED)
    assert found.reason == Reason.NO_CACHE


def test_fresh_look_up_never_gets_what_was_stored_before_it_came_through_another(
    bench: Any, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for a captain which then finds a stored answer asks again itself."""
    boarded, go_on = threading.Event(), threading.Event()
    locking = bench.cache._flights.lock

    def lock(key: Any) -> bool:
        if not boarded.is_set():
            boarded.set()
            assert go_on.wait(20)
        return bool(locking(key))

    monkeypatch.setattr(bench.cache._flights, "lock", lock)
    captain = threads.submit(bench.cache.get_or_compute, CONTENT, _never)
    assert boarded.wait(20)
    bench.cache.set(CONTENT, "stored before")
    fresh = threads.submit(
        bench.cache.get_or_compute, CONTENT, lambda: "computed", freshness=NO_CACHE
    )
    until_waiting(fresh)
    go_on.set()
    assert captain.result(20).value == "stored before"
    assert fresh.result(20).value == "computed"
