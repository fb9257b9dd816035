"""SQLite's files from outside: opened, copied while others write, looked at before trusted."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

WAIT_SECONDS = 20
LOGS = ("-wal", "-shm")


class ExistingFile(sqlite3.Connection):
    """A connection to a file that is there; a missing one is an error, never made anew.

    An empty file beside the logs of another would have SQLite delete the one log and cut the other
    short, while other processes have both open and mapped.
    """

    def __init__(self, database: str | Path, *arguments: Any, **options: Any) -> None:
        uri = f"{Path(database).absolute().as_uri()}?mode=rw"
        super().__init__(uri, *arguments, **{**options, "uri": True})


def copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, without keeping writers waiting.

    Raises:
        sqlite3.Error: it can't be read, the disk is full, or the copy is damaged as the source is.
    """
    with _opened(source, "rw") as live, closing(sqlite3.connect(target)) as made:
        # All in one step, which reads one state; in several, each write would begin it anew.
        live.backup(made)
        # One file without a log beside it.
        made.execute("PRAGMA journal_mode=DELETE")
    check(target)


def check(path: Path) -> None:
    """Look at every page and index of a file that nobody writes.

    Raises:
        sqlite3.Error: it is damaged, or no database.
    """
    with _opened(path, "ro") as found:
        problem = found.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise sqlite3.DatabaseError(problem)


def applied_migrations(path: Path) -> list[tuple[str, str]]:
    """Return which migrations a file's tables were made by: (app, name)."""
    with _opened(path, "ro") as found:
        return list(found.execute("SELECT app, name FROM django_migrations"))


def is_open_elsewhere(path: Path) -> bool:
    """Return whether somebody has it open; if not, what its log holds is in the file afterwards.

    A damaged file, which can't tell, is not.
    """
    try:
        with _opened(path, "rw", wait_seconds=0) as found:
            # Needs the file for itself alone.
            return bool(found.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete")
    except sqlite3.OperationalError as exc:
        # The low byte says what it is, the others why.
        return exc.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    except sqlite3.DatabaseError:
        return False


@contextmanager
def _opened(
    path: Path, mode: str, wait_seconds: float = WAIT_SECONDS
) -> Iterator[sqlite3.Connection]:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(address, uri=True, timeout=wait_seconds)) as connection:
        yield connection
