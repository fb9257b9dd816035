"""PerfCache: look-ups by content, with time to live, outcomes, reasons and counters.

Rules: a hit is byte for byte what was stored, or it is a miss; a broken store is a miss and never
an error to the caller; what raised while it was computed is never stored; of many look-ups of one
missing key, one computes. (Over 400 lines: what a look-up goes through reads best in one piece.)
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import closing
from functools import cache as memoised
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import close_old_connections, connections

from cachestats import reports, services
from cachestats.config import current
from cachestats.config.schema import Caching
from cachestats.entries import Entries, check_ttl, encode
from cachestats.flights import Flights
from cachestats.health import Health
from cachestats.keys import Key, make_key, make_material
from cachestats.lookups import Freshness, Lookup, Ttl, Turn
from cachestats.metrics import Recorder
from cachestats.models import CacheState, Reason
from cachestats.repair import make_usable
from cachestats.stores import PostgresStore, SqliteStore, Store

__all__ = ["CacheState", "Freshness", "Lookup", "PerfCache", "Reason", "get_cache"]

logger = logging.getLogger(__name__)


MODEL_LABEL_LENGTH = 200
HIT, MISS, BYPASS = CacheState.HIT, CacheState.MISS, CacheState.BYPASS


class PerfCache:
    """The cache as callers see it; one object serves all threads of a process."""

    def __init__(
        self,
        store: Store,
        pepper: bytes,
        tuning: Callable[[], Caching],
        clock: Callable[[], float] = time.time,
        *,
        flush_seconds: float | None = None,
        repair: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            pepper: secret bytes that keep keys from being guessed.
            tuning: returns the values in force; asked on each look-up.
            clock: seconds since 1970.
            flush_seconds: how often a thread writes what was counted; None: only `flush` does.
            repair: mends a damaged store, in the background; None: nobody does.
        """
        self._pepper = pepper
        self._tuning = tuning
        self._clock = clock
        self._flights = Flights(store)
        self._recorder = Recorder(store, pepper, flush_seconds, self._keep_within_bounds)
        self._entries = Entries(
            store,
            pepper,
            tuning,
            clock,
            health=Health(repair),
            stored=self._recorder.stored,
        )
        # None yet: the first flush sees to the bound, whatever the start found.
        self._bounded_to = 0

    def get(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
        default: Any = None,
    ) -> Any:
        """Return the stored value, or `default` when there is none."""
        started = time.perf_counter()
        material = make_material(content, params, cache_type)
        state, reason = BYPASS, str(Reason.BYPASSED)
        if self._tuning().enabled:
            key = material.key(self._pepper)
            row_id, now_ms = key.row_id, int(self._clock() * 1000)
            live, reason = self._entries.look(key, row_id, now_ms, started)
            if live is not None:
                value, _, _, _, model = live
                ms = (time.perf_counter() - started) * 1000
                self._recorder.record((cache_type, model, HIT, "", ms, None, row_id))
                return value
            state, reason = MISS, reason or self._entries.why(material, key)
        ms = _ms_since(started)
        self._recorder.record((cache_type, _label(params), state, reason, ms, None, None))
        return default

    def set(
        self,
        content: Mapping[str, Any],
        value: Any,
        params: Mapping[str, Any] | None = None,
        ttl: int | None = None,
        cache_type: str = "default",
    ) -> bool:
        """Store a value and return whether it was stored.

        Args:
            ttl: seconds; None is the type's default, 0 means: do not store.

        Raises:
            InvalidValue: the value is not JSON, or ttl is out of range.
        """
        material = make_material(content, params, cache_type)
        key = material.key(self._pepper)
        return self._entries.put(material, key, encode(value), ttl, _label(params), None) > 0

    def get_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,
        ttl: Ttl = None,
        cache_type: str = "default",
        *,
        freshness: Freshness | None = None,
    ) -> Lookup:
        """Return the stored answer, or compute, store and return it.

        Of look-ups of the same key at once, in whatever threads and processes, one computes; the
        others wait for its answer. Whatever `compute` raises goes to all of them, and nothing is
        stored.

        Args:
            ttl: seconds; None is the type's default, 0 means: do not store. A function is given
                the computed value and returns one of these. A value of which it says 0 goes to
                nobody but who computed it: the others in its process compute theirs side by side.
                Other processes don't hear of it, and compute one after another. Where 0 is known
                before, give 0 and no function: then nobody waits.
            freshness: how fresh the answer must be; None: any that is live will do. What another
                computes at the same time is fresh, but for who wants nothing stored.

        Raises:
            InvalidValue: the value is not JSON, or ttl is out of range.
        """
        with closing(self._approach(content, params, ttl, cache_type, freshness)) as approach:
            while True:
                try:
                    time.sleep(next(approach))
                except StopIteration as arrived:
                    turn: Lookup | Turn = arrived.value
                    break
        if isinstance(turn, Lookup):
            return turn
        computing = time.perf_counter()
        try:
            return self._finish(turn, compute(), computing)
        except BaseException as exc:
            self._give_up(turn, exc)
            raise

    async def aget_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Awaitable[Any]],
        params: Mapping[str, Any] | None = None,
        ttl: Ttl = None,
        cache_type: str = "default",
        *,
        freshness: Freshness | None = None,
    ) -> Lookup:
        """As `get_or_compute`, for an asynchronous `compute`; waiting blocks no event loop."""
        with closing(self._approach(content, params, ttl, cache_type, freshness)) as approach:
            while True:
                try:
                    await asyncio.sleep(next(approach))
                except StopIteration as arrived:
                    turn: Lookup | Turn = arrived.value
                    break
        if isinstance(turn, Lookup):
            return turn
        computing = time.perf_counter()
        try:
            return self._finish(turn, await compute(), computing)
        except BaseException as exc:
            self._give_up(turn, exc)
            raise

    def key(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Key:
        """Return the key that a value has or would have; nothing is looked up."""
        return make_key(self._pepper, content, params, cache_type)

    def peek(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
        *,
        freshness: Freshness | None = None,
    ) -> Lookup | None:
        """Return what is stored, without counting it; `count` it once it is served.

        Args:
            freshness: what it leaves out counts as not there.
        """
        started = time.perf_counter()
        if not self._tuning().enabled:
            return None
        since_ms = None
        if freshness is not None:
            if freshness.no_store or freshness.no_cache:
                return None
            since_ms = freshness.since_ms(int(self._clock() * 1000))
        return self._find(self.key(content, params, cache_type), started, since_ms)[0]

    def count(self, lookup: Lookup) -> None:
        """Count a look-up that was served."""
        hit = lookup.state is HIT
        computed = lookup.state in {MISS, BYPASS}
        self._recorder.record(
            (
                lookup.key.cache_type,
                lookup.model,
                lookup.state,
                lookup.reason,
                lookup.latency_ms,
                lookup.cost_ms if computed else None,
                lookup.key.row_id if hit else None,
            )
        )

    def get_stats(self) -> reports.CacheReport:
        """Return the numbers that page, API and command show."""
        return reports.cache_report()

    def clear_expired(self) -> int:
        """Delete expired entries and return how many."""
        self.flush()
        return services.expire()

    def purge(self, filters: services.PurgeFilter, actor: str) -> services.PurgeResult:
        """Delete what matches all of the filters; effective for the next look-up anywhere."""
        return services.purge(filters, actor)

    def flush(self) -> None:
        """Write what was counted since the last flush."""
        self._recorder.flush()

    def close(self) -> None:
        """Write what was counted and end the thread that does so."""
        self._recorder.stop()
        self._recorder.flush()

    def _approach(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None,
        ttl: Ttl,
        cache_type: str,
        freshness: Freshness | None,
    ) -> Generator[float, None, Lookup | Turn]:
        """Return an answer that needs no computing, or else whose turn it is: the caller's.

        Yields the seconds to wait for others who compute the same.
        """
        started = time.perf_counter()
        material = make_material(content, params, cache_type)
        key = material.key(self._pepper)
        if not callable(ttl):
            check_ttl(ttl)
        tuning = self._tuning()
        turn = Turn(
            material=material,
            key=key,
            model=_label(params),
            ttl=ttl,
            state=BYPASS,
            reason=Reason.BYPASSED,
            started=started,
        )
        if freshness is not None:
            if freshness.no_store:
                turn.ttl, turn.reason = 0, Reason.NO_STORE
                return turn
            turn.since_ms = freshness.since_ms(int(self._clock() * 1000))
        if not tuning.enabled:
            return turn
        if freshness is not None and freshness.no_cache:
            lookup, reason = None, str(Reason.NO_CACHE)
        else:
            lookup, reason = self._find(key, started, turn.since_ms)
        if lookup is not None:
            self.count(lookup)
            return lookup
        turn.state, turn.reason = MISS, reason or self._entries.why(material, key)
        if not callable(ttl) and self._seconds(ttl, cache_type) == 0:
            return turn
        return (yield from self._take_off(turn))

    def _take_off(self, turn: Turn) -> Generator[float, None, Lookup | Turn]:
        """Join the flight of a missing key, as its captain or as one who waits."""
        while True:
            turn.generation = self._entries.generation()
            if turn.generation is None:
                return turn
            flight, captain = self._flights.board(turn.key, turn.generation)
            if flight is None:
                return turn
            if not captain:
                landed = yield from flight.follow()
                if flight.declined:
                    return turn
                if landed is None:
                    continue
                if turn.since_ms is not None and landed.state is HIT:
                    # It was stored meanwhile, but perhaps before we came.
                    continue
                return self._collapsed(turn, landed)
            turn.flight = yield from flight.lead()
            # Another process may have brought it meanwhile; or purged, which is before our time.
            lookup, _ = self._find(turn.key, time.perf_counter(), turn.since_ms)
            if lookup is None:
                flight.generation = turn.generation = self._entries.generation()
                return turn
            flight.land(lookup)
            return self._collapsed(turn, lookup)

    def _collapsed(self, turn: Turn, lookup: Lookup) -> Lookup:
        """Return another's answer as one's own copy."""
        lookup = lookup._replace(
            value=orjson.loads(orjson.dumps(lookup.value)),
            state=CacheState.COLLAPSED,
            latency_ms=_ms_since(turn.started),
            reason=turn.reason,
        )
        self.count(lookup)
        return lookup

    def _finish(self, turn: Turn, value: Any, computing: float) -> Lookup:
        """Store what was computed, give it to those who wait, and return it."""
        cost_ms = _ms_since(computing)
        encoded = encode(value)
        ttl = turn.ttl(value) if callable(turn.ttl) else turn.ttl
        seconds = self._entries.put(
            turn.material, turn.key, encoded, ttl, turn.model, cost_ms, turn.generation
        )
        lookup = Lookup(
            value=value,
            state=turn.state,
            key=turn.key,
            model=turn.model,
            stored=seconds > 0,
            age_seconds=0,
            ttl_seconds=seconds,
            latency_ms=_ms_since(turn.started),
            cost_ms=cost_ms,
            reason=turn.reason,
        )
        if turn.flight is not None and self._seconds(ttl, turn.key.cache_type) == 0:
            turn.flight.decline()
        elif turn.flight is not None:
            # Their own copy: what the caller does to its value is not theirs to see.
            turn.flight.land(lookup._replace(value=orjson.loads(encoded)))
        self.count(lookup)
        return lookup

    def _seconds(self, ttl: int | None, cache_type: str) -> int:
        """Return how long an entry is to live; 0: it is not stored."""
        return self._tuning().ttl(cache_type) if ttl is None else ttl

    def _give_up(self, turn: Turn, exc: BaseException) -> None:
        """Release those who wait: with the error, or to compute themselves."""
        if turn.flight is None:
            return
        if isinstance(exc, Exception):
            turn.flight.fail(exc, int(self._clock() * 1000))
        else:
            # Interrupted or cancelled: that says nothing about the answer.
            turn.flight.abandon()

    def _find(
        self, key: Key, started: float, since_ms: int | None = None
    ) -> tuple[Lookup | None, str]:
        """Return a live, intact entry as a hit; or None and why, "" when that is not known.

        Args:
            since_ms: one that was not stored after this is too old; None: none is.
        """
        now_ms = int(self._clock() * 1000)
        live, reason = self._entries.look(key, key.row_id, now_ms, started)
        if live is None:
            return None, reason
        value, created_ms, expires_ms, cost_ms, model = live
        if since_ms is not None and created_ms <= since_ms:
            return None, Reason.TOO_OLD
        lookup = Lookup(
            value,
            HIT,
            key,
            model,
            True,
            max(0, (now_ms - created_ms) // 1000),
            (expires_ms - now_ms) // 1000,
            _ms_since(started),
            cost_ms,
        )
        return lookup, ""

    def _keep_within_bounds(self, size_bytes: int | None) -> None:
        """Evict what is too much, after a flush or once less is allowed."""
        max_bytes = self._tuning().max_bytes
        if max_bytes != self._bounded_to or (size_bytes or 0) > max_bytes:
            try:
                services.evict(max_bytes)
            except services.UNUSABLE as exc:
                logger.info("[CACHE] Nothing was evicted: %s", exc)
            else:
                self._bounded_to = max_bytes
            finally:
                close_old_connections()


def _label(params: Mapping[str, Any] | None) -> str:
    # PostgreSQL holds no NUL: one label would cost the counts of all that are written with it.
    return str((params or {}).get("model") or "").replace("\0", "")[:MODEL_LABEL_LENGTH]


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


_making = threading.Lock()


def get_cache() -> PerfCache:
    """Return this process's cache, over the database of the alias `cache`."""
    # Threads that come first together must not get one each: both would compute the same key.
    with _making:
        return make_cache()


@memoised
def make_cache() -> PerfCache:
    """Make what `get_cache` returns from then on."""
    connection = connections["cache"]
    where = connection.settings_dict
    if connection.vendor == "sqlite":
        path = Path(where["NAME"])
        store: Store = SqliteStore(path)
        repair = partial(make_usable, path)
    else:
        names = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER"}
        given = {name: where[key] for name, key in {**names, "password": "PASSWORD"}.items()}
        given = {name: value for name, value in given.items() if value}
        store = PostgresStore(**given, **where["OPTIONS"])
        repair = None
    return PerfCache(
        store,
        settings.PERF_CACHE_PEPPER.encode(),
        tuning=lambda: current().config.caching,
        flush_seconds=settings.CACHE_FLUSH_SECONDS,
        repair=repair,
    )
