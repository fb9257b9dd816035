"""Waiting: for how long, for what, and how many at a time."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from pytest_django import Settings

from enrichment.api import waiting
from enrichment.api.etags import State
from enrichment.api.waiting import MAX_SECONDS, end_waits, wait_for

PENDING, DONE = State(tag='W/"1"', finished=False), State(tag='W/"2"', finished=True)
# Of what comes at once; reached by a test that fails alone.
PATIENCE_SECONDS = 10


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Nobody waits, no end is near, four threads."""
    monkeypatch.setattr(waiting, "_places", waiting._Places())
    monkeypatch.setattr(waiting, "_ending", threading.Event())
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    settings.WEB_THREADS = 4


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


class Work:
    """Something to wait for."""

    def __init__(self) -> None:
        self.state = PENDING
        self.looks = 0
        self.looked_again = threading.Event()

    def look(self) -> State:
        self.looks += 1
        if self.looks > 1:
            self.looked_again.set()
        return self.state


def is_finished(state: State) -> bool:
    return state.finished


def start(pool: ThreadPoolExecutor, work: Work) -> Future[State]:
    """Return a wait for a work that has a place."""
    waiter = pool.submit(wait_for, work.look, is_finished, MAX_SECONDS)
    assert work.looked_again.wait(PATIENCE_SECONDS)
    return waiter


def test_finished_is_told_after_one_look():
    """Nothing is waited for that is there."""
    work = Work()
    work.state = DONE

    assert wait_for(work.look, is_finished, MAX_SECONDS) == DONE
    assert work.looks == 1


def test_without_seconds_one_look_is_all():
    """Who does not ask to wait gets what is there."""
    work = Work()

    assert wait_for(work.look, is_finished, 0) == PENDING
    assert work.looks == 1


def test_waiter_learns_of_the_end(pool: ThreadPoolExecutor):
    """It is answered once the work is finished, not after its time."""
    work = Work()
    waiter = start(pool, work)

    work.state = DONE

    assert waiter.result(PATIENCE_SECONDS) == DONE


def test_wait_ends_after_its_time_with_what_is_there():
    """What takes longer is told as it is."""
    work = Work()

    assert wait_for(work.look, is_finished, 1) == PENDING
    assert work.looks > 2


@pytest.mark.parametrize(("threads", "places"), [(1, 0), (2, 1), (4, 2), (5, 2)])
def test_half_of_the_threads_wait_and_no_more(
    pool: ThreadPoolExecutor, settings: Settings, threads: int, places: int
):
    """Whoever comes beyond that is answered at once; a place that is left is the next one's."""
    settings.WEB_THREADS = threads
    works = [Work() for _ in range(places)]
    waiters = [start(pool, work) for work in works]

    late = Work()
    assert wait_for(late.look, is_finished, MAX_SECONDS) == PENDING
    assert late.looks == 1
    assert not any(waiter.done() for waiter in waiters)

    for work, waiter in zip(works, waiters, strict=True):
        work.state = DONE
        assert waiter.result(PATIENCE_SECONDS) == DONE
        start(pool, again := Work())
        again.state = DONE


def test_place_is_given_back_when_what_is_looked_for_is_gone(
    pool: ThreadPoolExecutor, settings: Settings
):
    """A look that raises ends the wait, and its place is free."""
    settings.WEB_THREADS = 2
    looks = iter([PENDING])
    with pytest.raises(StopIteration):
        wait_for(lambda: next(looks), is_finished, MAX_SECONDS)

    waiter = start(pool, work := Work())
    work.state = DONE
    assert waiter.result(PATIENCE_SECONDS) == DONE


def test_all_are_answered_when_the_process_is_to_end(pool: ThreadPoolExecutor):
    """Those who wait are, and those who come later do not begin to."""
    waiter = start(pool, Work())

    end_waits()

    assert waiter.result(PATIENCE_SECONDS) == PENDING
    assert wait_for(Work().look, is_finished, MAX_SECONDS) == PENDING
