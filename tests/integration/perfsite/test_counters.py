"""Counting requests for all processes: exact, shared, and soon well again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from perfsite import counters
from perfsite.counters import Counter, CounterUnavailable, RedisCounter, SqliteCounter
from tests.engines import ROOT
from tests.servers import running_redis

MINUTE = 60
# Counts many times in a process of its own, and prints what it was told.
COUNT_OFTEN = """
import sys
from pathlib import Path
from perfsite.counters import RedisCounter, SqliteCounter
where, times = sys.argv[1], int(sys.argv[2])
counter = RedisCounter(where) if where.startswith("redis") else SqliteCounter(Path(where))
print(*[counter.count("web", 60).total for _ in range(times)])
"""


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where it is counted."""
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        redis.Redis.from_url(url).flushall()
        return url
    return str(tmp_path / "counts.sqlite3")


def counter_at(place: str) -> Counter:
    return RedisCounter(place) if place.startswith("redis") else SqliteCounter(Path(place))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.sqlite3"


def test_counts_of_processes_at_once_are_exact(place: str) -> None:
    """Each number from the first to the last is told to exactly one request."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT_OFTEN, place, "400"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    told = [int(number) for process in processes for number in process.communicate()[0].split()]
    assert sorted(told) == list(range(1, 1601))


def test_window_begins_with_the_first_request_and_ends_a_minute_later(place: str) -> None:
    """The time left is that of the window, not of the last request; keys are counted apart."""
    counter = counter_at(place)
    first = counter.count("a key", MINUTE)
    second = counter.count("a key", MINUTE)

    assert (first.total, second.total) == (1, 2)
    assert 59 < second.seconds_left <= first.seconds_left <= 60
    assert counter.count("another", MINUTE).total == 1


def test_what_is_taken_back_or_forgotten_is_not_counted(place: str) -> None:
    """One less in the same window; or a new window. Of what was never counted nothing is left."""
    counter = counter_at(place)
    for _ in range(3):
        first = counter.count("a key", MINUTE)
    counter.take_back("a key")
    again = counter.count("a key", MINUTE)
    assert again.total == 3
    assert again.seconds_left <= first.seconds_left

    counter.forget("a key")
    assert counter.count("a key", MINUTE).total == 1

    counter.forget("another")
    counter.take_back("never counted")
    never = counter.count("never counted", MINUTE)
    assert never.total == 1
    assert never.seconds_left > 59


def test_window_of_redis_goes_by_itself(redis_url: str) -> None:
    """Each key has its end, so that none stays in memory."""
    counter = RedisCounter(redis_url)
    counter.count("short", 1)
    assert 0 < counter.count("short", 1).seconds_left <= 1


class Clock(SimpleNamespace):
    """A clock to turn on."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(counters, "time", clock)
    return clock


def test_window_that_is_over_is_followed_by_a_new_one(path: Path, clock: Clock) -> None:
    """With the first request after its end, and not before."""
    counter = SqliteCounter(path)
    told = []
    for now in (0, 59.9, 60, 119.9, 120):
        clock.now = 1_000_000.0 + now
        told.append(counter.count("a", MINUTE))
    assert [one.total for one in told] == [1, 2, 1, 2, 1]
    assert [round(one.seconds_left, 1) for one in told] == [60, 0.1, 60, 0.1, 60]


def test_clock_that_was_set_back_locks_nobody_out(path: Path, clock: Clock) -> None:
    """A window that would begin in an hour is none."""
    counter = SqliteCounter(path)
    for _ in range(3):
        counter.count("a", MINUTE)
    clock.now -= 3600
    assert counter.count("a", MINUTE).total == 1


def test_windows_that_are_over_are_deleted(path: Path, clock: Clock) -> None:
    """Tokens that live for minutes leave nothing behind."""
    counter = SqliteCounter(path)
    for number in range(500):
        counter.count(str(number), MINUTE)
    clock.now += 61
    counter.count("a", MINUTE)
    rows = counter._open().execute("SELECT key FROM windows").fetchall()
    assert rows == [("a",)]


def test_file_is_for_its_user_alone(path: Path) -> None:
    """Whatever the process' mask says."""
    before = os.umask(0)
    try:
        SqliteCounter(path).count("a", MINUTE)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"no database" * 1000, None])
def test_file_that_is_damaged_or_gone_is_made_anew_and_shared(
    path: Path, damage: bytes | None
) -> None:
    """While processes have it open, and by whichever of them sees it first."""
    one, other = SqliteCounter(path), SqliteCounter(path)
    one.count("a", MINUTE)
    other.count("a", MINUTE)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)

    assert [one.count("a", MINUTE).total, other.count("a", MINUTE).total] == [1, 2]
    assert one.count("a", MINUTE).total == 3


def test_file_whose_pages_are_overwritten_is_made_anew(path: Path) -> None:
    """What SQLite finds only when it reads on."""
    SqliteCounter(path).count("a", MINUTE)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert SqliteCounter(path).count("a", MINUTE).total == 1


def test_place_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    """A folder that is not there, a Redis that is away: one error, at once."""
    for place in (str(tmp_path / "nowhere" / "x"), str(tmp_path), "redis://127.0.0.1:9/0"):
        with pytest.raises(CounterUnavailable):
            counter_at(place).count("a", MINUTE)


def test_file_that_somebody_holds_is_not_waited_for_long(path: Path) -> None:
    """The request goes on uncounted, and counting goes on afterwards."""
    counter, holder = SqliteCounter(path), SqliteCounter(path)
    counter.count("a", MINUTE)
    connection = holder._open()
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CounterUnavailable):
        counter.count("a", MINUTE)
    connection.execute("ROLLBACK")
    assert counter.count("a", MINUTE).total == 2
