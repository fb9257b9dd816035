"""Entries, checked: what comes out is live, whole and decoded, or there is a reason why not.

A store that can't be used is a reason too, never an error.
"""

import logging
import time
import zlib
from collections.abc import Callable
from typing import Any

import orjson

from cachestats.config.schema import MAX_TTL, Caching
from cachestats.errors import InvalidValue, StoreUnavailable
from cachestats.health import Health
from cachestats.keys import Key, Material
from cachestats.models import Reason
from cachestats.stores import Row, Store

logger = logging.getLogger(__name__)

REASON_LENGTH = 80

# value, created_ms, expires_ms, cost_ms, model of an entry
Live = tuple[Any, int, int, float | None, str]


class Entries:
    """The entries of one store, as this process can use them now."""

    def __init__(
        self,
        store: Store,
        pepper: bytes,
        tuning: Callable[[], Caching],
        clock: Callable[[], float],
        *,
        health: Health,
        stored: Callable[[int, Material], None],
    ) -> None:
        """
        Args:
            stored: told of each entry that was stored: its row and what it answers.
        """
        self._store = store
        self._pepper = pepper
        self._tuning = tuning
        self._clock = clock
        self._health = health
        self._stored = stored

    def look(self, key: Key, row_id: int, now_ms: int, started: float) -> tuple[Live | None, str]:
        """Return what a live, intact entry holds; or None and why, "" when that is not known.

        Args:
            started: when the look-up began, by `perf_counter`.
        """
        health = self._health.reading
        if health.failing and not health.may_try():
            return None, Reason.UNAVAILABLE
        try:
            found = self._store.get(row_id)
        except StoreUnavailable as exc:
            self._health.cant_read(exc, time.perf_counter() - started)
            return None, Reason.UNAVAILABLE
        if health.failing:
            health.worked()
        if found is None or found[0] != key.digest:
            return None, ""
        _, encoded, checksum, expires_ms, created_ms, cost_ms, model = found
        try:
            if expires_ms <= now_ms:
                return None, Reason.EXPIRED
            if zlib.crc32(encoded) == checksum and created_ms < expires_ms:
                return (orjson.loads(encoded), created_ms, expires_ms, cost_ms, model), ""
        except (TypeError, ValueError):
            pass  # SQLite enforces no types: damage can make text of a number.
        self._discard(key)
        return None, Reason.DAMAGED

    def why(self, material: Material, key: Key) -> str:
        """Return why there is no entry."""
        try:
            gone, marks = self._store.history(key.row_id, material.content_id(self._pepper))
        except StoreUnavailable:
            return Reason.UNAVAILABLE
        if gone is not None:
            # Listed as there, though it isn't: somebody took the row out by hand.
            return gone or Reason.PURGED
        if not marks:
            return Reason.FIRST_SEEN
        before, now = orjson.loads(marks), orjson.loads(material.marks(self._pepper))
        names = sorted(
            name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
        )
        return f"{Reason.CHANGED}: {', '.join(names)}"[:REASON_LENGTH]

    def put(
        self,
        material: Material,
        key: Key,
        encoded: bytes,
        ttl: int | None,
        model: str,
        cost_ms: float | None,
        generation: int | None = None,
    ) -> int:
        """Store a value; return the seconds it will live, 0 when it was not stored."""
        check_ttl(ttl)
        tuning = self._tuning()
        seconds = tuning.ttl(key.cache_type) if ttl is None else ttl
        health = self._health.writing
        if not tuning.enabled or seconds == 0 or (health.failing and not health.may_try()):
            return 0
        now_ms = int(self._clock() * 1000)
        row_id = key.row_id
        row = Row(
            row_id,
            key.digest,
            key.cache_type,
            model,
            encoded,
            zlib.crc32(encoded),
            len(encoded),
            cost_ms,
            now_ms,
            now_ms + seconds * 1000,
        )
        asked = time.perf_counter()
        try:
            stored = self._store.put(row, generation)
        except StoreUnavailable as exc:
            self._health.cant_write(exc, time.perf_counter() - asked)
            return 0
        if health.failing:
            health.worked()
        if not stored:
            return 0
        self._stored(row_id, material)
        return seconds

    def generation(self) -> int | None:
        try:
            return self._store.generation()
        except StoreUnavailable:
            return None

    def _discard(self, key: Key) -> None:
        logger.warning("[CACHE] Entry %s is damaged and is computed again", key.short)
        try:
            self._store.delete(key.row_id)
        except StoreUnavailable as exc:
            self._health.cant_write(exc, 0.0)


def check_ttl(ttl: int | None) -> None:
    """Raise InvalidValue for seconds that no entry can live."""
    if ttl is not None and not 0 <= ttl <= MAX_TTL:
        raise InvalidValue(f"ttl must be 0 (do not store) to {MAX_TTL} seconds")


def encode(value: Any) -> bytes:
    """Return the value as JSON that reads back as the same value.

    Raises:
        InvalidValue: it is not JSON, or not in the same form.
    """
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError as exc:
        raise InvalidValue(f"the value is not JSON: {exc}") from exc
    # Tuples, dates and not-a-number have a JSON form too, but not one that comes back the same.
    if orjson.loads(encoded) != value:
        raise InvalidValue("the value is not plain JSON: it would come back changed")
    return encoded
