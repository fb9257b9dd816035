"""The cache's tables in SQLite, through prepared statements on connections of its own.

One connection per thread and process, beside Django's: the ORM costs more than twenty times the
read itself, Django's cursor more than twice. The tables are those of `models.entries`.
"""

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import orjson

from cachestats.errors import StoreUnavailable
from cachestats.stores.locks import KeyLocks
from cachestats.stores.rows import FAILURE_MS, FOUND, FailedFlight, Found, History, Put, Row, Use

logger = logging.getLogger(__name__)

GET = f"SELECT {', '.join(FOUND)} FROM cachestats_cacheentry WHERE id = ?"  # noqa: S608
_PLACES = ", ".join("?" * len(Row._fields))
_INSERT = f"INSERT OR REPLACE INTO cachestats_cacheentry ({', '.join(Row._fields)}) "
PUT = f"{_INSERT} VALUES ({_PLACES})"
GENERATION = "SELECT coalesce(max(number), 0) FROM cachestats_generation"
PUT_UNPURGED = f"{_INSERT} SELECT {_PLACES} WHERE ({GENERATION}) = ?"
DELETE = "DELETE FROM cachestats_cacheentry WHERE id = ?"
HISTORY = """
    SELECT (SELECT gone FROM cachestats_entryuse WHERE id = ?1),
           (SELECT marks FROM cachestats_entryuse WHERE content_id = ?2
            ORDER BY used_ms DESC LIMIT 1)
"""
# From the entry itself: of one that went since it was stored or hit, no trace must come back. What
# was gone, or over, begins a new life, whose hits are counted anew.
ADD_PUT = """
    INSERT OR REPLACE INTO cachestats_entryuse
        (id, content_id, marks, cache_type, model, size_bytes, cost_ms, created_ms, expires_ms,
         hits, used_ms, gone)
    SELECT e.id, ?2, ?3, e.cache_type, e.model, e.size_bytes, e.cost_ms, e.created_ms, e.expires_ms,
           CASE WHEN u.gone = '' AND u.expires_ms > e.created_ms THEN u.hits ELSE 0 END,
           max(e.created_ms, coalesce(u.used_ms, 0)), ''
    FROM cachestats_cacheentry e LEFT JOIN cachestats_entryuse u ON u.id = e.id WHERE e.id = ?1
"""
ADD_USE = """
    UPDATE cachestats_entryuse SET hits = hits + ?2, used_ms = max(used_ms, ?3)
    WHERE id = ?1 AND gone = ''
"""
LISTED = """
    SELECT cache_type, count(*), sum(size_bytes) FROM cachestats_entryuse
    WHERE id IN (SELECT value FROM json_each(?)) AND gone = '' GROUP BY cache_type
"""
ADD_TOTAL = """
    INSERT INTO cachestats_entrytotal (cache_type, entries, size_bytes) VALUES (?1, ?2, ?3)
    ON CONFLICT (cache_type) DO UPDATE
    SET entries = entries + excluded.entries, size_bytes = size_bytes + excluded.size_bytes
"""
BYTES = "SELECT coalesce(sum(size_bytes), 0) FROM cachestats_entrytotal"
FAILURE = "SELECT token, error FROM cachestats_failure WHERE id = ?"
FAIL = "INSERT OR REPLACE INTO cachestats_failure (id, token, error, at_ms) VALUES (?, ?, ?, ?)"
FORGET_FAILURES = "DELETE FROM cachestats_failure WHERE at_ms < ?"
TABLES = ("cacheentry", "entryuse", "entrytotal", "generation", "failure")

# A writer that waits longer is better off computing: the answer is the caller's either way.
BUSY_SECONDS = 1.0
# How long an open connection may serve a file that was replaced or deleted meanwhile.
LOOK_SECONDS = 1.0
# Each passes by itself, or with what an operator does about it; anything else may be damage.
PASSING = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT),
}


class Emptied(OSError):
    """The file has no bytes: SQLite would take it for a new database, or wait for one."""


class _Thread(threading.local):
    """One thread's connection, the file it has open, and when to look whether it is the same.

    look_at: by the monotonic clock.
    """

    connection: sqlite3.Connection | None = None
    file: int = 0
    look_at: float = 0.0


class SqliteStore:
    """A cache file that other processes read and write too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = _Thread()
        self._locks = KeyLocks(path.with_name(f"{path.name}-flights"))
        _stores.add(self)

    def leave_to_parent(self) -> None:
        """Start anew in a child process: a connection must not cross a fork."""
        # Kept, not closed: closing them here would drop the parent's locks on the file.
        self._inherited = self._thread
        self._thread = _Thread()

    def get(self, row_id: int) -> Found | None:
        # No context manager, no named tuple and few calls here: each costs as much as all else
        # around the statement.
        thread = self._thread
        try:
            connection = thread.connection
            if connection is None or time.monotonic() >= thread.look_at:
                connection = self._connection()
            found = connection.execute(GET, (row_id,)).fetchone()
        except (sqlite3.Error, UnicodeDecodeError, OSError) as exc:
            raise self._unavailable(exc) from exc
        return cast(Found | None, found)

    def put(self, row: Row, generation: int | None = None) -> bool:
        try:
            connection = self._connection()
            if generation is None:
                connection.execute(PUT, row)
                return True
            return connection.execute(PUT_UNPURGED, (*row, generation)).rowcount > 0
        except (sqlite3.Error, UnicodeDecodeError, OSError) as exc:
            raise self._unavailable(exc) from exc

    def delete(self, row_id: int) -> None:
        with self._transaction() as connection:
            self._count(connection, [row_id], -1)
            connection.execute(DELETE, (row_id,))
            connection.execute("DELETE FROM cachestats_entryuse WHERE id = ?", (row_id,))

    def generation(self) -> int:
        with self._errors():
            return int(self._connection().execute(GENERATION).fetchone()[0])

    def history(self, row_id: int, content_id: int) -> History:
        with self._errors():
            gone, marks = self._connection().execute(HISTORY, (row_id, content_id)).fetchone()
        return History(gone, marks or "")

    def note(self, puts: Sequence[Put], uses: Sequence[Use]) -> int:
        with self._transaction() as connection:
            rows = [put.id for put in puts]
            self._count(connection, rows, -1)
            connection.executemany(ADD_PUT, puts)
            self._count(connection, rows, +1)
            connection.executemany(ADD_USE, uses)
            connection.execute(FORGET_FAILURES, (int(time.time() * 1000) - FAILURE_MS,))
            return int(connection.execute(BYTES).fetchone()[0])

    def lead(self, row_id: int) -> bool:
        with self._errors():
            return self._locks.acquire(row_id)

    def release(self, row_id: int) -> None:
        self._locks.release(row_id)

    def failure(self, row_id: int) -> FailedFlight | None:
        with self._errors():
            found = self._connection().execute(FAILURE, (row_id,)).fetchone()
        return None if found is None else FailedFlight._make(found)

    def fail(self, row_id: int, failed: FailedFlight, now_ms: int) -> None:
        with self._errors():
            self._connection().execute(FAIL, (row_id, *failed, now_ms))

    def check(self) -> None:
        self.drop()
        with self._errors():
            for table in TABLES:
                statement = f"SELECT * FROM cachestats_{table} LIMIT 1"  # noqa: S608
                self._connection().execute(statement).fetchone()

    def drop(self) -> None:
        """Close this thread's connection, so that the next call opens the file anew."""
        thread = self._thread
        connection, thread.connection = thread.connection, None
        if connection is not None:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        thread = self._thread
        now = time.monotonic()
        if thread.connection is not None and now >= thread.look_at:
            thread.look_at = now + LOOK_SECONDS
            if self._file() != thread.file:
                self.drop()
        if thread.connection is None:
            thread.file = self._file()
            thread.connection = self._open()
            thread.look_at = now + LOOK_SECONDS
            if self._file() != thread.file:
                # Replaced while it was opened: this one may have another file's log.
                self.drop()
                raise sqlite3.OperationalError("the file is being replaced")
        return thread.connection

    def _file(self) -> int:
        """Return the number of the file that the path leads to now."""
        found = self.path.stat()
        if found.st_size == 0:
            raise Emptied("the file is empty")
        return found.st_ino

    def _open(self) -> sqlite3.Connection:
        # mode=rw: a missing file is an error here, never a new file without tables.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        logger.debug("[CACHE] Opened a connection")
        # mmap_size stays 0: with it a truncated file would kill the process (SIGBUS).
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"
        )
        return connection

    def _count(self, connection: sqlite3.Connection, row_ids: Sequence[int], sign: int) -> None:
        """Add what is listed under these ids to the totals, or take it off."""
        listed = connection.execute(LISTED, (orjson.dumps(row_ids).decode(),)).fetchall()
        totals = [(name, sign * entries, sign * size) for name, entries, size in listed]
        connection.executemany(ADD_TOTAL, totals)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, OSError) as exc:
            # The second is what a damaged schema gives: SQLite's message quotes the damage.
            raise self._unavailable(exc) from exc

    def _unavailable(self, exc: Exception) -> StoreUnavailable:
        self.drop()
        return StoreUnavailable(str(exc), damaged=is_damage(exc))


_stores: "weakref.WeakSet[SqliteStore]" = weakref.WeakSet()


def _in_child() -> None:
    for store in _stores:
        store.leave_to_parent()


os.register_at_fork(after_in_child=_in_child)


def is_damage(exc: BaseException) -> bool:
    """Return whether the file may be broken or missing, and not just locked, full or read-only."""
    if isinstance(exc, sqlite3.Error):
        # The low byte is the error's kind; the rest tells its variety.
        return getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in PASSING
    return isinstance(exc, FileNotFoundError | UnicodeDecodeError | Emptied)
