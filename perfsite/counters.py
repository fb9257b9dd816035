"""Counts requests in windows of time, for all processes: in SQLite, or in Redis.

A window begins with a key's first request. Counting is one atomic step, so that no request is lost
between processes. It counts what harms nobody when it is lost, so nothing is made durable. Knows
nothing of requests or settings.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# How long a request may wait for its turn to be counted.
WAIT_SECONDS = 0.25
COUNT = """
INSERT INTO windows (key, started, count) VALUES (:key, :now, 1)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN abs(:now - started) < :seconds THEN count + 1 ELSE 1 END,
    started = CASE WHEN abs(:now - started) < :seconds THEN started ELSE :now END
RETURNING count, started
"""
TAKE_BACK = "UPDATE windows SET count = count - 1 WHERE key = ? AND count > 0"
FORGET = "DELETE FROM windows WHERE key = ?"
COUNT_IN_REDIS = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""
# Of a key that is gone there would be one without an end.
TAKE_BACK_IN_REDIS = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end
"""
Value = TypeVar("Value")


class CounterUnavailable(Exception):
    """The store can't be used now."""


class Counted(NamedTuple):
    """How many came in the window, with this one, and for how long it still lasts."""

    total: int
    seconds_left: float


class Counter(Protocol):
    """Counts by key. Each raises CounterUnavailable while that can't be done."""

    def count(self, key: str, window_seconds: int) -> Counted:
        """Count one more."""
        ...

    def take_back(self, key: str) -> None:
        """Count one less, in the window that is open."""
        ...

    def forget(self, key: str) -> None:
        """End the window: the next begins with the next one."""
        ...


class SqliteCounter:
    """Counts in a file of its own, which is made, and made anew when it is gone or damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The threads of a process take turns here; SQLite would have them sleep and look again.
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._swept = 0.0

    def count(self, key: str, window_seconds: int) -> Counted:
        return self._in_turn(lambda: self._count(key, window_seconds))

    def take_back(self, key: str) -> None:
        self._in_turn(lambda: self._open().execute(TAKE_BACK, (key,)))

    def forget(self, key: str) -> None:
        self._in_turn(lambda: self._open().execute(FORGET, (key,)))

    def _in_turn(self, work: Callable[[], Value]) -> Value:
        # Where the file is locked, the waiting of those before would add up.
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise CounterUnavailable("others wait for the file")
        try:
            try:
                return work()
            except sqlite3.OperationalError as exc:
                # Locked, full, not ours to write: another file would be no better.
                if "no such table" not in str(exc):
                    raise
            except sqlite3.DatabaseError:
                pass
            self._discard()
            return work()
        except (sqlite3.Error, OSError) as exc:
            self._close()
            raise CounterUnavailable(str(exc)) from exc
        finally:
            self._turn.release()

    def _count(self, key: str, window_seconds: int) -> Counted:
        connection, now = self._open(), time.time()
        values = {"key": key, "now": now, "seconds": window_seconds}
        ((count, started),) = connection.execute(COUNT, values).fetchall()
        if now - self._swept > window_seconds:
            self._swept = now
            connection.execute("DELETE FROM windows WHERE started < ?", (now - window_seconds,))
        return Counted(count, started + window_seconds - now)

    def _open(self) -> sqlite3.Connection:
        """Return the connection, to the file that is there now."""
        if self._connection and self._file == self._found():
            return self._connection
        self._close()
        self._path.touch(mode=0o600)
        self._file = self._found()
        self._connection = connection = sqlite3.connect(
            self._path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # A file without companions is simply replaced.
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS windows "
            "(key TEXT PRIMARY KEY, started REAL NOT NULL, count INTEGER NOT NULL) WITHOUT ROWID"
        )
        return connection

    def _discard(self) -> None:
        """Delete a damaged file, unless another process has replaced it by now."""
        if self._file == self._found():
            self._path.unlink(missing_ok=True)
        self._close()

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _close(self) -> None:
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._file = None


class RedisCounter:
    """Counts in Redis, for several machines together."""

    def __init__(self, url: str) -> None:
        self._client = client = redis.Redis.from_url(
            url,
            socket_timeout=WAIT_SECONDS,
            socket_connect_timeout=WAIT_SECONDS,
            # Its own goes on for seconds.
            retry=Retry(NoBackoff(), 0),
        )
        self._count: Callable[..., tuple[int, int]] = client.register_script(COUNT_IN_REDIS)
        self._take_back: Callable[..., None] = client.register_script(TAKE_BACK_IN_REDIS)

    def count(self, key: str, window_seconds: int) -> Counted:
        with _telling_of_faults():
            count, left_ms = self._count(keys=[_name(key)], args=[window_seconds * 1000])
        return Counted(int(count), max(int(left_ms), 0) / 1000)

    def take_back(self, key: str) -> None:
        with _telling_of_faults():
            self._take_back(keys=[_name(key)])

    def forget(self, key: str) -> None:
        with _telling_of_faults():
            self._client.delete(_name(key))


def _name(key: str) -> str:
    return f"perfsite:throttle:{key}"


@contextlib.contextmanager
def _telling_of_faults() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as exc:
        raise CounterUnavailable(str(exc)) from exc
