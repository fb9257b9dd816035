"""The cache's tables in PostgreSQL, through prepared statements on connections of its own.

One connection per thread and process, as in `stores.sqlite`. A key's lock is an advisory lock of
the session: the server takes it back when the connection of a process that died goes.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg

from cachestats.errors import StoreUnavailable
from cachestats.stores.locks import is_stopped
from cachestats.stores.rows import FAILURE_MS, FOUND, FailedFlight, Found, History, Put, Row, Use
from cachestats.stores.sqlite import TABLES

_NAMES = ", ".join(Row._fields)
_PLACES = ", ".join(["%s"] * len(Row._fields))
_REPLACE = ", ".join(f"{name} = excluded.{name}" for name in Row._fields[1:])
GET = f"SELECT {', '.join(FOUND)} FROM cachestats_cacheentry WHERE id = %s"  # noqa: S608
PUT = (
    f"INSERT INTO cachestats_cacheentry ({_NAMES}) VALUES ({_PLACES}) "  # noqa: S608
    f"ON CONFLICT (id) DO UPDATE SET {_REPLACE}"
)
GENERATION = "SELECT coalesce(max(number), 0) FROM cachestats_generation"
# FOR SHARE: a purge that begins meanwhile waits for this answer, and then deletes it.
PURGED = "SELECT number FROM cachestats_generation WHERE id = 1 FOR SHARE"
HISTORY = """
    SELECT (SELECT gone FROM cachestats_entryuse WHERE id = %s),
           (SELECT marks FROM cachestats_entryuse WHERE content_id = %s
            ORDER BY used_ms DESC LIMIT 1)
"""
# From the entry itself: of one that went since it was stored or hit, no trace must come back. What
# was gone, or over, begins a new life, whose hits are counted anew.
ADD_PUT = """
    INSERT INTO cachestats_entryuse AS u
        (id, content_id, marks, cache_type, model, size_bytes, cost_ms, created_ms, expires_ms,
         hits, used_ms, gone)
    SELECT id, %s, %s, cache_type, model, size_bytes, cost_ms, created_ms, expires_ms, 0,
           created_ms, ''
    FROM cachestats_cacheentry WHERE id = %s FOR SHARE
    ON CONFLICT (id) DO UPDATE
    SET content_id = excluded.content_id, marks = excluded.marks,
        cache_type = excluded.cache_type, model = excluded.model,
        size_bytes = excluded.size_bytes, cost_ms = excluded.cost_ms,
        created_ms = excluded.created_ms, expires_ms = excluded.expires_ms, gone = '',
        hits = CASE WHEN u.gone = '' AND u.expires_ms > excluded.used_ms THEN u.hits ELSE 0 END,
        used_ms = greatest(u.used_ms, excluded.used_ms)
"""
ADD_USE = """
    UPDATE cachestats_entryuse SET hits = hits + %s, used_ms = greatest(used_ms, %s)
    WHERE id = %s AND gone = ''
"""
ADD_TOTAL = """
    INSERT INTO cachestats_entrytotal AS t (cache_type, entries, size_bytes)
    SELECT cache_type, %(sign)s * count(*), %(sign)s * sum(size_bytes) FROM cachestats_entryuse
    WHERE id = ANY(%(ids)s) AND gone = '' GROUP BY cache_type ORDER BY cache_type
    ON CONFLICT (cache_type) DO UPDATE
    SET entries = t.entries + excluded.entries, size_bytes = t.size_bytes + excluded.size_bytes
"""
BYTES = "SELECT coalesce(sum(size_bytes), 0) FROM cachestats_entrytotal"
FAIL = """
    INSERT INTO cachestats_failure (id, token, error, at_ms) VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE
    SET token = excluded.token, error = excluded.error, at_ms = excluded.at_ms
"""
# Flushes one after the other: two that list the same keys would wait for each other crosswise.
ALONE = "SELECT pg_advisory_xact_lock(hashtext('cachestats flush'))"

# What the connection that holds a key's lock says of its process.
HOLDER = """
    SELECT activity.application_name FROM pg_locks AS held JOIN pg_stat_activity AS activity
    USING (pid) WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.granted
    AND activity.datname = current_database()
    AND ((held.classid::bigint << 32) | held.objid::bigint) = %s
"""
# PostgreSQL cuts longer names.
NAME_CHARACTERS = 63

CONNECT_SECONDS = 2
# A look-up that waits longer for a lock is better off computing.
WAIT_MS = 1000


class _Thread(threading.local):
    """One thread's connection and the process that opened it."""

    connection: psycopg.Connection[tuple[Any, ...]] | None = None
    inherited: psycopg.Connection[tuple[Any, ...]] | None = None
    process: object = None


_process = object()


def _in_child() -> None:
    global _process  # noqa: PLW0603
    _process = object()


os.register_at_fork(after_in_child=_in_child)


def _process_name(pid: int) -> str:
    """Return how a process of this machine names its connections."""
    number = f" {pid}"
    return f"perfsite {socket.gethostname()}"[: NAME_CHARACTERS - len(number)] + number


def _is_stopped_here(name: str) -> bool:
    """Return whether a connection is of a process of this machine that was stopped.

    Nobody knows if it ever goes on; of other machines' processes nothing is known.
    """
    pid = name.rpartition(" ")[2]
    return pid.isdigit() and name == _process_name(int(pid)) and is_stopped(int(pid))


class PostgresStore:
    """The cache in a PostgreSQL database that other processes and machines use too."""

    def __init__(self, **where: Any) -> None:
        """
        Args:
            where: host, port, dbname, user, password ... as psycopg takes them.
        """
        self._where = where
        limits = f"-c lock_timeout={WAIT_MS} -c statement_timeout={10 * WAIT_MS}"
        self._options = f"{where.get('options', '')} {limits}".strip()
        self._thread = _Thread()

    def get(self, row_id: int) -> Found | None:
        with self._errors() as connection:
            found = connection.execute(GET, (row_id,), prepare=True, binary=True).fetchone()
        return cast(Found | None, found)

    def put(self, row: Row, generation: int | None = None) -> bool:
        # PostgreSQL's text holds no NUL; a model's name is only a label.
        row = row._replace(model=row.model.replace("\0", ""))
        with self._errors() as connection:
            if generation is None:
                connection.execute(PUT, row, prepare=True)
                return True
            with connection.transaction():
                now = connection.execute(PURGED).fetchone()
                if (now[0] if now else 0) != generation:
                    return False
                connection.execute(PUT, row, prepare=True)
                return True

    def delete(self, row_id: int) -> None:
        with self._errors() as connection, connection.transaction():
            connection.execute(ADD_TOTAL, {"sign": -1, "ids": [row_id]})
            connection.execute("DELETE FROM cachestats_cacheentry WHERE id = %s", (row_id,))
            connection.execute("DELETE FROM cachestats_entryuse WHERE id = %s", (row_id,))

    def generation(self) -> int:
        with self._errors() as connection:
            found = connection.execute(GENERATION).fetchone()
        return int(found[0]) if found else 0

    def history(self, row_id: int, content_id: int) -> History:
        with self._errors() as connection:
            found = connection.execute(HISTORY, (row_id, content_id), prepare=True).fetchone()
        return History(found[0], found[1] or "") if found else History(None, "")

    def note(self, puts: Sequence[Put], uses: Sequence[Use]) -> int:
        ids = [put.id for put in puts]
        with self._errors() as connection, connection.transaction():
            connection.execute(ALONE)
            connection.execute(ADD_TOTAL, {"sign": -1, "ids": ids})
            with connection.cursor() as cursor:
                described = ((put.content_id, put.marks, put.id) for put in sorted(puts))
                cursor.executemany(ADD_PUT, list(described))
                connection.execute(ADD_TOTAL, {"sign": 1, "ids": ids})
                cursor.executemany(ADD_USE, [(use.hits, use.used_ms, use.id) for use in uses])
            oldest = int(time.time() * 1000) - FAILURE_MS
            connection.execute("DELETE FROM cachestats_failure WHERE at_ms < %s", (oldest,))
            found = connection.execute(BYTES).fetchone()
        return int(found[0]) if found else 0

    def lead(self, row_id: int) -> bool:
        with self._errors() as connection:
            found = connection.execute("SELECT pg_try_advisory_lock(%s)", (row_id,)).fetchone()
            if found and found[0]:
                return True
            holder = connection.execute(HOLDER, (row_id,)).fetchone()
        return holder is not None and _is_stopped_here(holder[0])

    def release(self, row_id: int) -> None:
        # Where the connection broke meanwhile the server has released it.
        with suppress(StoreUnavailable), self._errors() as connection:
            connection.execute("SELECT pg_advisory_unlock(%s)", (row_id,))

    def failure(self, row_id: int) -> FailedFlight | None:
        with self._errors() as connection:
            found = connection.execute(
                "SELECT token, error FROM cachestats_failure WHERE id = %s", (row_id,)
            ).fetchone()
        return None if found is None else FailedFlight._make(found)

    def fail(self, row_id: int, failed: FailedFlight, now_ms: int) -> None:
        with self._errors() as connection:
            connection.execute(FAIL, (row_id, *failed, now_ms))

    def check(self) -> None:
        self.drop()
        with self._errors() as connection:
            for table in TABLES:
                connection.execute(f"SELECT * FROM cachestats_{table} LIMIT 1")  # noqa: S608

    def drop(self) -> None:
        """Close this thread's connection, so that the next call opens another."""
        thread = self._thread
        connection, thread.connection = thread.connection, None
        if connection is not None and thread.process is _process:
            connection.close()

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        thread = self._thread
        if thread.process is not _process:
            # A connection must not cross a fork; closing the parent's here would end it there.
            thread.inherited, thread.connection = thread.connection, None
            thread.process = _process
        if thread.connection is None:
            thread.connection = psycopg.connect(
                **{**self._where, "options": self._options},
                application_name=_process_name(os.getpid()),
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
            )
        return thread.connection

    @contextmanager
    def _errors(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            yield self._connection()
        except (psycopg.Error, OSError, ValueError) as exc:
            # The last: what PostgreSQL can't hold, such as half a character.
            self.drop()
            raise StoreUnavailable(str(exc).strip()) from exc
