"""PerfCache: look-ups by content, with time to live, outcomes and counters.

Rules: a hit is byte for byte what was stored, or it is a miss; a broken store is a miss and never
an error to the caller; what raised while it was computed is never stored.
"""

import logging
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache as memoised
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connections

from cachestats import metrics, reports, services
from cachestats.config import current
from cachestats.config.schema import MAX_TTL, Caching
from cachestats.errors import InvalidValue, StoreUnavailable
from cachestats.keys import Key, make_key
from cachestats.models.samples import CacheState
from cachestats.stores import Row, SqliteStore, Store

__all__ = ["CacheState", "Lookup", "PerfCache", "get_cache"]

logger = logging.getLogger(__name__)

MODEL_LABEL_LENGTH = 200
FLUSH_SECONDS = 1.0
# While a file can be read but not written (locked, read-only), reading does not end the trouble.
FINE, CANT_WRITE, CANT_READ = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """An answer and how the cache took part in it.

    value: the answer, JSON. age_seconds, ttl_seconds: of the entry; 0 where nothing is stored.
    latency_ms: the whole look-up, computing included. cost_ms: what computing took, then or now.
    """

    value: Any
    state: CacheState
    key: Key
    model: str
    stored: bool
    age_seconds: int
    ttl_seconds: int
    latency_ms: float
    cost_ms: float | None


class PerfCache:
    """The cache as callers see it; one object serves all threads of a process."""

    def __init__(
        self,
        store: Store,
        pepper: bytes,
        tuning: Callable[[], Caching],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            pepper: secret bytes that keep keys from being guessed.
            tuning: returns the values in force; asked on each look-up.
            clock: seconds since 1970.
        """
        self._store = store
        self._pepper = pepper
        self._tuning = tuning
        self._clock = clock
        self._trouble = FINE

    def get(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
        default: Any = None,
    ) -> Any:
        """Return the stored value, or `default` when there is none."""
        started = time.perf_counter()
        key = make_key(self._pepper, content, params, cache_type)
        enabled = self._tuning().enabled
        found = self._find(key, started) if enabled else None
        if found is not None:
            self.count(found)
            return found.value
        state = CacheState.MISS if enabled else CacheState.BYPASS
        metrics.record(
            cache_type=cache_type,
            model=_label(params),
            state=state,
            latency_ms=_ms_since(started),
        )
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
        key = make_key(self._pepper, content, params, cache_type)
        return self._put(key, value, ttl, _label(params), cost_ms=None) > 0

    def get_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,
        ttl: int | None = None,
        cache_type: str = "default",
    ) -> Lookup:
        """Return the stored answer, or compute, store and return it.

        Whatever `compute` raises goes to the caller, and nothing is stored.
        """
        started = time.perf_counter()
        enabled = self._tuning().enabled
        key = make_key(self._pepper, content, params, cache_type)
        found = self._find(key, started) if enabled else None
        if found is None:
            computing = time.perf_counter()
            value = compute()
            cost_ms = _ms_since(computing)
            model = _label(params)
            stored_ttl = self._put(key, value, ttl, model, cost_ms)
            found = Lookup(
                value=value,
                state=CacheState.MISS if enabled else CacheState.BYPASS,
                key=key,
                model=model,
                stored=stored_ttl > 0,
                age_seconds=0,
                ttl_seconds=stored_ttl,
                latency_ms=_ms_since(started),
                cost_ms=cost_ms,
            )
        self.count(found)
        return found

    def peek(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Lookup | None:
        """Return what is stored, without counting it; `count` it once it is served."""
        started = time.perf_counter()
        if not self._tuning().enabled:
            return None
        return self._find(make_key(self._pepper, content, params, cache_type), started)

    def count(self, lookup: Lookup) -> None:
        """Count a look-up that was served."""
        metrics.record(
            cache_type=lookup.key.cache_type,
            model=lookup.model,
            state=lookup.state,
            latency_ms=lookup.latency_ms,
            cost_ms=None if lookup.state is CacheState.HIT else lookup.cost_ms,
            used_id=lookup.key.row_id if lookup.state is CacheState.HIT else None,
        )

    def get_stats(self) -> reports.CacheReport:
        """Return the numbers that page, API and command show."""
        return reports.cache_report()

    def clear_expired(self) -> int:
        """Delete expired entries and return how many."""
        return services.expire()

    def purge(self, filters: services.PurgeFilter, actor: str) -> services.PurgeResult:
        """Delete what matches all of the filters; effective for the next look-up anywhere."""
        return services.purge(filters, actor)

    def flush(self) -> None:
        """Write what was counted since the last flush."""
        metrics.flush(self._store.add_uses)

    def start_flushing(self) -> None:
        """Flush every second from a thread of this process, and never before a fork."""
        threading.Thread(target=self._keep_flushing, name="cache-flush", daemon=True).start()

    def _keep_flushing(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            self.flush()

    def _find(self, key: Key, started: float) -> Lookup | None:
        """Return a live, intact entry as a hit."""
        try:
            row = self._store.get(key.row_id)
        except StoreUnavailable as exc:
            self._complain(CANT_READ, exc)
            return None
        if self._trouble == CANT_READ:
            self._trouble = FINE
        if row is None or row.digest != key.digest:
            return None
        now_ms = int(self._clock() * 1000)
        try:
            if row.expires_ms <= now_ms:
                return None
            if zlib.crc32(row.value) == row.checksum:
                return Lookup(
                    value=orjson.loads(row.value),
                    state=CacheState.HIT,
                    key=key,
                    model=row.model,
                    stored=True,
                    age_seconds=max(0, (now_ms - row.created_ms) // 1000),
                    ttl_seconds=(row.expires_ms - now_ms) // 1000,
                    latency_ms=_ms_since(started),
                    cost_ms=row.cost_ms,
                )
        except (TypeError, ValueError):
            pass  # SQLite enforces no types: damage can make text of a number.
        self._discard(key)
        return None

    def _put(self, key: Key, value: Any, ttl: int | None, model: str, cost_ms: float | None) -> int:
        """Store a value; return the seconds it will live, 0 when it was not stored."""
        if ttl is not None and not 0 <= ttl <= MAX_TTL:
            raise InvalidValue(f"ttl must be 0 (do not store) to {MAX_TTL} seconds")
        tuning = self._tuning()
        seconds = tuning.ttl(key.cache_type) if ttl is None else ttl
        encoded = _encode(value)
        if not tuning.enabled or seconds == 0:
            return 0
        now_ms = int(self._clock() * 1000)
        row = Row(
            id=key.row_id,
            digest=key.digest,
            cache_type=key.cache_type,
            model=model,
            value=encoded,
            checksum=zlib.crc32(encoded),
            size_bytes=len(encoded),
            cost_ms=cost_ms,
            created_ms=now_ms,
            expires_ms=now_ms + seconds * 1000,
        )
        try:
            self._store.put(row)
        except StoreUnavailable as exc:
            self._complain(CANT_WRITE, exc)
            return 0
        self._trouble = FINE
        return seconds

    def _discard(self, key: Key) -> None:
        logger.warning("[CACHE] Entry %s is damaged and is computed again", key.short)
        try:
            self._store.delete(key.row_id)
        except StoreUnavailable as exc:
            self._complain(CANT_WRITE, exc)

    def _complain(self, trouble: int, exc: StoreUnavailable) -> None:
        """Warn once per incident, not once per request; it lasts until the same works again."""
        if trouble > self._trouble:
            self._trouble = trouble
            logger.warning("[CACHE] Working without the cache: %s", exc)


def _encode(value: Any) -> bytes:
    """Return the value as JSON that reads back as the same value."""
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError as exc:
        raise InvalidValue(f"the value is not JSON: {exc}") from exc
    # Tuples, dates and not-a-number have a JSON form too, but not one that comes back the same.
    if orjson.loads(encoded) != value:
        raise InvalidValue("the value is not plain JSON: it would come back changed")
    return encoded


def _label(params: Mapping[str, Any] | None) -> str:
    return str((params or {}).get("model") or "")[:MODEL_LABEL_LENGTH]


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


@memoised
def get_cache() -> PerfCache:
    """Return this process's cache, over the database of the alias `cache`."""
    path = Path(connections["cache"].settings_dict["NAME"])
    return PerfCache(
        SqliteStore(path),
        settings.PERF_CACHE_PEPPER.encode(),
        tuning=lambda: current().config.caching,
    )
