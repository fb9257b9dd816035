"""The cache's tables in SQLite, through prepared statements on connections of its own.

One connection per thread and process, beside Django's: the ORM costs more than twenty times the
read itself, Django's cursor more than twice. The tables are those of `models.entries`.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cachestats.errors import StoreUnavailable
from cachestats.stores.rows import Row, Use

COLUMNS = ", ".join(Row._fields)
GET = f"SELECT {COLUMNS} FROM cachestats_cacheentry WHERE id = ?"  # noqa: S608
PUT = (
    f"INSERT OR REPLACE INTO cachestats_cacheentry ({COLUMNS}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(Row._fields))})"
)
DELETE = "DELETE FROM cachestats_cacheentry WHERE id = ?"
DELETE_USE = "DELETE FROM cachestats_entryuse WHERE id = ?"
# Of an entry that went since it was hit, no trace must come back.
ADD_USE = (
    "INSERT INTO cachestats_entryuse (id, hits, used_ms) "
    "SELECT ?1, ?2, ?3 FROM cachestats_cacheentry WHERE id = ?1 ON CONFLICT (id) "
    "DO UPDATE SET hits = hits + excluded.hits, used_ms = max(used_ms, excluded.used_ms)"
)
# A writer that waits longer is better off computing: the answer is the caller's either way.
BUSY_SECONDS = 1.0


class SqliteStore:
    """A cache file that other processes read and write too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def get(self, row_id: int) -> Row | None:
        with self._errors():
            found = self._connection().execute(GET, (row_id,)).fetchone()
        return None if found is None else Row._make(found)

    def put(self, row: Row) -> None:
        with self._errors():
            self._connection().execute(PUT, row)

    def delete(self, row_id: int) -> None:
        with self._errors():
            connection = self._connection()
            connection.execute(DELETE, (row_id,))
            connection.execute(DELETE_USE, (row_id,))

    def add_uses(self, uses: Iterable[Use]) -> None:
        with self._errors():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(ADD_USE, uses)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        if getattr(self._local, "pid", None) != os.getpid():
            # A connection must not cross a fork. The parent's is kept, not closed: closing it
            # here would drop the parent's locks on the file.
            if inherited := getattr(self._local, "connection", None):
                self._local.inherited = inherited
                self._local.connection = None
            self._local.connection = self._open()
            self._local.pid = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _open(self) -> sqlite3.Connection:
        # mode=rw: a missing file is an error here, never a new file without tables.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
        )
        # mmap_size stays 0: with it a truncated file would kill the process (SIGBUS).
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"
        )
        return connection

    def _drop(self) -> None:
        """Make the next call open anew: the file may have been replaced."""
        self._local.pid = None
        if connection := getattr(self._local, "connection", None):
            self._local.connection = None
            connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as exc:
            # The second is what a damaged schema gives: SQLite's message quotes the damage.
            self._drop()
            raise StoreUnavailable(str(exc)) from exc
