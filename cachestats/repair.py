"""A broken cache file is set aside under a time stamp, and a new one made from the migrations.

By one process at a time, under a lock. What was cached is computed again; nothing else is lost,
because nothing else lives in that file.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connections

from cachestats.errors import StoreUnavailable
from cachestats.stores.sqlite import SqliteStore, is_damage

logger = logging.getLogger(__name__)

ASIDE = ".unusable-"
# Each may be as large as the cache is allowed to be.
KEPT_FILES = 3
LOGS = ("-wal", "-shm")


def make_usable(path: Path) -> None:
    """Make a cache file that can be used; it may be missing, of an older version, or damaged.

    Leaves alone a file that is only locked, read-only or on a full disk.

    Raises:
        StoreUnavailable: it can't be made usable now.
    """
    try:
        with _alone(path):
            _mend(path)
    except OSError as exc:
        raise StoreUnavailable(str(exc)) from exc


def set_aside_files(path: Path) -> list[str]:
    """Return the names of the damaged files that are kept, newest first."""
    kept = path.parent.glob(f"{path.name}{ASIDE}*")
    return sorted((file.name for file in kept if not file.name.endswith(LOGS)), reverse=True)


def _mend(path: Path) -> None:
    try:
        return _examine(path)
    except StoreUnavailable as exc:
        if not exc.damaged or _forbidden(path):
            raise
        trouble = str(exc)
    if path.is_file() and path.stat().st_size:
        try:
            # Whole, perhaps, but from before the newest migration.
            _migrate(path)
            return _examine(path)
        except StoreUnavailable as exc:
            if not exc.damaged:
                raise
    aside = _set_aside(path)
    _make(path)
    _examine(path)
    if aside:
        logger.warning(
            "[CACHE] The file was unusable (%s); a new one is in use, the old is kept as %s",
            trouble,
            aside,
        )
    return None


def _make(path: Path) -> None:
    """Make a new file and put it in its place at once: nobody must find it half made."""
    draft = path.with_name(f"{path.name}-new")
    for suffix in ("", *LOGS):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    draft.touch()
    _migrate(draft)
    draft.replace(path)


def _examine(path: Path) -> None:
    """Read from each table and look at each page.

    Raises:
        StoreUnavailable: says whether it is damage.
    """
    SqliteStore(path).check()
    _check_pages(path)


def _forbidden(path: Path) -> bool:
    """Return whether we may not write there, so that it can't be told what is damaged."""
    wanted = [path.parent, path] if path.exists() else [path.parent]
    return not all(os.access(place, os.R_OK | os.W_OK) for place in wanted)


def _check_pages(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as found:
            problem = found.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as exc:
        raise StoreUnavailable(str(exc), damaged=is_damage(exc)) from exc
    if problem != "ok":
        raise StoreUnavailable(problem, damaged=True)


def _migrate(path: Path) -> None:
    """Bring a file up to the newest migration, or make it."""
    connections["cache"].close()
    connection = connections.create_connection("cache")
    connection.settings_dict = {**connection.settings_dict, "NAME": str(path)}
    # In this thread only, and only for now, the alias leads there.
    connections["cache"] = connection
    try:
        call_command("migrate", database="cache", verbosity=0, interactive=False)
    except (DatabaseError, UnicodeDecodeError) as exc:
        raise StoreUnavailable(str(exc), damaged=is_damage(exc.__cause__ or exc)) from exc
    finally:
        # The last one out of a draft takes its logs along.
        connection.close()
        del connections["cache"]


def _set_aside(path: Path) -> str:
    """Rename a file and its logs; return the new name, "" where there was no file.

    Also logs alone: a new file must not meet those of another.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}{ASIDE}{stamp}")
    # The logs last: without the file nobody opens or makes them, and a new file must meet none.
    for suffix in ("", *LOGS):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    for name in set_aside_files(path)[KEPT_FILES:]:
        for suffix in ("", *LOGS):
            path.with_name(name + suffix).unlink(missing_ok=True)
    return aside.name if aside.exists() else ""


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of repairs; wait for another process that holds it."""
    lock = os.open(path.with_name(f"{path.name}-repair"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
