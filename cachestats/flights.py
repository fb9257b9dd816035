"""Single-flight: of many look-ups that miss the same key at once, one computes.

Within a process the threads know each other: one of them is the captain of the key, the others
wait for what it brings. Between processes the store's lock decides which captain computes; the
kernel or the database takes the lock back from a process that dies, so that another takes over.
"""

import os
import sys
import threading
import weakref
from collections.abc import Generator
from contextlib import suppress
from operator import attrgetter
from secrets import randbits
from typing import Any

import orjson

from cachestats.errors import ComputationFailed, StoreUnavailable
from cachestats.keys import Key
from cachestats.stores import FailedFlight, Store

FIRST_WAIT_SECONDS = 0.001
LAST_WAIT_SECONDS = 0.02


class Flight:
    """One computation of one key, as the threads of this process see it."""

    def __init__(self, flights: "Flights", key: Key, generation: int | None) -> None:
        self.generation = generation
        self._flights = flights
        self._key = key
        self._leads = False
        self._over = False
        self.declined = False
        self._answer: Any = None
        self._error: Exception | None = None

    def lead(self) -> Generator[float, None, "Flight"]:
        """Wait until no other process computes this key; each wait is yielded, in seconds.

        Raises:
            Exception: what a computation raised that another process ended meanwhile.
        """
        try:
            seen = self._flights.failure(self._key)
            for wait in _waits():
                if self._flights.lock(self._key):
                    self._leads = True
                    break
                yield wait
            self._flights.raise_newer(self._key, seen)
        except BaseException as exc:
            self._error = exc if isinstance(exc, Exception) else None
            self._end()
            raise
        return self

    def follow(self) -> Generator[float, None, Any]:
        """Wait for the captain and return its answer; None: it has none to give (see `declined`).

        Raises:
            Exception: what the computation raised.
        """
        for wait in _waits():
            if self._over:
                break
            yield wait
        if self._error is not None:
            raise self._error
        return self._answer

    def land(self, answer: Any) -> None:
        """Give the answer to those who wait in this process; others find it stored."""
        self._answer = answer
        self._end()

    def decline(self) -> None:
        """Keep the answer from those who wait: each has to compute its own.

        Only threads of this process learn of it. Another process finds the key free and nothing
        stored, and computes while the others wait on.
        """
        self.declined = True
        self._end()

    def fail(self, error: Exception, now_ms: int) -> None:
        """Give the error to everybody who waits."""
        self._error = error
        self._flights.tell(self._key, error, now_ms)
        self._end()

    def abandon(self) -> None:
        """Leave the key to whoever waits for it, if the flight is not over."""
        if not self._over:
            self._end()

    def _end(self) -> None:
        self._over = True
        self._flights.end(self._key, unlock=self._leads)


class Flights:
    """The keys that are computed now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.forget()
        _all_flights.add(self)

    def forget(self) -> None:
        """Start anew: what a parent process computes does not land here."""
        self._lock = threading.Lock()
        self._captains: dict[bytes, Flight] = {}

    def board(self, key: Key, generation: int | None) -> tuple[Flight | None, bool]:
        """Return the key's flight, and whether the caller is its captain.

        No flight at all: one is in the air that began before the last purge, so that its answer
        must not be given to a look-up after it.
        """
        with self._lock:
            flight = self._captains.get(key.digest)
            if flight is None:
                flight = self._captains[key.digest] = Flight(self, key, generation)
                return flight, True
        return (flight, False) if flight.generation == generation else (None, False)

    def lock(self, key: Key) -> bool:
        """Try to keep other processes from computing; where that can't be done each computes."""
        try:
            return self._store.lead(key.row_id)
        except StoreUnavailable:
            return True

    def failure(self, key: Key) -> FailedFlight | None:
        """Return the last failure that processes told each other."""
        try:
            return self._store.failure(key.row_id)
        except StoreUnavailable:
            return None

    def raise_newer(self, key: Key, seen: FailedFlight | None) -> None:
        """Raise what processes told each other since `seen`."""
        failed = self.failure(key)
        if failed is not None and (seen is None or failed.token != seen.token):
            raise revive(failed.error)

    def tell(self, key: Key, error: Exception, now_ms: int) -> None:
        """Tell other processes of a failure."""
        # Where it can't be told they compute themselves.
        with suppress(StoreUnavailable):
            self._store.fail(key.row_id, FailedFlight(randbits(63), describe(error)), now_ms)

    def end(self, key: Key, *, unlock: bool) -> None:
        """Let others compute this key."""
        if unlock:
            self._store.release(key.row_id)
        with self._lock:
            del self._captains[key.digest]


_all_flights: "weakref.WeakSet[Flights]" = weakref.WeakSet()


def _in_child() -> None:
    for flights in _all_flights:
        flights.forget()


os.register_at_fork(after_in_child=_in_child)


def describe(error: Exception) -> str:
    """Return an exception's class and arguments as JSON, for another process to raise."""
    kind = type(error)
    place = {"module": kind.__module__, "name": kind.__qualname__}
    try:
        return orjson.dumps({**place, "args": error.args}).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps({**place, "args": [str(error)]}).decode()


def revive(described: str) -> Exception:
    """Return the exception that `describe` described; ComputationFailed if it isn't known here.

    Nothing is imported or executed for it: only a class that this process has loaded, and only an
    exception, is called.
    """
    told = orjson.loads(described)
    try:
        kind = attrgetter(told["name"])(sys.modules[told["module"]])
        if issubclass(kind, Exception):
            error: Exception = kind(*told["args"])
            return error
    except (KeyError, AttributeError, TypeError, ValueError):
        pass
    return ComputationFailed(f"{told['name']}: {', '.join(map(str, told['args']))}")


def _waits() -> Generator[float, None, None]:
    seconds = FIRST_WAIT_SECONDS
    while True:
        yield seconds
        seconds = min(2 * seconds, LAST_WAIT_SECONDS)
