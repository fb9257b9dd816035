"""Every fault that a cache file can have, while two processes read it and one writes."""

import fcntl
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cachestats.repair import set_aside_files
from tests.faults.cache_actors import (
    HOT_KEYS,
    Actor,
    Report,
    Stage,
    acting,
    cache_folder,
    cache_path,
    own,
    read,
    write,
)

LASTING_SECONDS = 3.0
# Longer than an open connection may serve a file that was replaced.
CALM_SECONDS = 1.6
# A machine that is busy with other things takes long; the proofs hold it to their own bound.
GIVE_UP_SECONDS = 120.0
DISK_BYTES = 32 * 2**20
# Where SQLite locks a file's entrance.
PENDING_BYTE = 0x40000000

Fault = Callable[[Path], AbstractContextManager[None]]


@dataclass(frozen=True)
class Outcome:
    """What came of one fault. restored_seconds: from its end to the last miss; None: never."""

    fault: str
    restored_seconds: float | None
    reports: list[Report]
    set_aside: int

    @property
    def calls(self) -> int:
        return sum(report.calls for report in self.reports)

    @property
    def errors(self) -> list[str]:
        return [error for report in self.reports for error in report.errors]

    @property
    def wrong(self) -> list[str]:
        return [value for report in self.reports for value in report.wrong]

    @property
    def complaints(self) -> list[int]:
        """How often each process told of it."""
        return [report.complaints for report in self.reports]


def _at_once(damage: Callable[[Path], None]) -> Fault:
    """A fault that is over once it is done: what ends it is the repair."""

    @contextmanager
    def fault(path: Path) -> Iterator[None]:
        damage(path)
        yield

    return fault


def _log(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove_all(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        _log(path, suffix).unlink(missing_ok=True)


def _replace_by_older(path: Path) -> None:
    """As an operator puts a backup back: without the logs."""
    older = path.with_name("older")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(older)) as target:
        source.backup(target)
        target.execute("DELETE FROM cachestats_cacheentry WHERE id % 2")
        target.commit()
    _remove_all(path)
    older.rename(path)


def _replace_by_another(path: Path) -> None:
    """As somebody copies the wrong file: another program's, and the logs stay."""
    another = path.with_name("another")
    with closing(sqlite3.connect(another)) as target:
        target.execute("CREATE TABLE songs (name TEXT)")
        target.executemany("INSERT INTO songs VALUES (?)", [("la " * 300,)] * 500)
        target.commit()
    another.replace(path)


def _truncate(path: Path, size: int) -> None:
    os.truncate(path, size)


def _overwrite(path: Path, content: bytes, start: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def _zero_pages(path: Path) -> None:
    for page in range(1, path.stat().st_size // 4096, 3):
        _overwrite(path, bytes(4096), page * 4096)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _damage_schema(path: Path) -> None:
    """Put a byte that is no UTF-8 into the schema: SQLite's message will quote it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = b'CREATE TABLE "cachestats_cacheentry" ('
    _overwrite(path, b"\xff", path.read_bytes().index(before) + len(before) - 3)


def _drop_table(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        connection.execute("DROP TABLE cachestats_cacheentry")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(LASTING_SECONDS)
        connection.execute("ROLLBACK")
        yield


@contextmanager
def _locked_for_newcomers(path: Path) -> Iterator[None]:
    """The lock under which SQLite lets nobody in; who is in already goes on."""
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, PENDING_BYTE)
        time.sleep(LASTING_SECONDS)
    yield


def _closed(mode: int, of: Callable[[Path], Path]) -> Fault:
    """A file or folder without some rights; who has it open goes on, who comes new meets it."""

    @contextmanager
    def fault(path: Path) -> Iterator[None]:
        place = of(path)
        before = place.stat().st_mode
        place.chmod(mode)
        time.sleep(LASTING_SECONDS)
        place.chmod(before)
        yield

    return fault


@contextmanager
def _full_disk(path: Path) -> Iterator[None]:
    filler = path.with_name("filler")
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    time.sleep(LASTING_SECONDS)
    filler.unlink()
    yield


FULL_DISK = "full disk"
FAULTS: dict[str, Fault] = {
    "missing": _at_once(_remove_all),
    "deleted while open": _at_once(Path.unlink),
    "older copy put back": _at_once(_replace_by_older),
    "another database": _at_once(_replace_by_another),
    "emptied": _at_once(lambda path: _truncate(path, 0)),
    "halved": _at_once(lambda path: _truncate(path, path.stat().st_size // 2)),
    "one page left": _at_once(lambda path: _truncate(path, 4096)),
    "zeroed": _at_once(lambda path: _overwrite(path, bytes(path.stat().st_size))),
    "zeroed pages": _at_once(_zero_pages),
    "garbage": _at_once(
        lambda path: _overwrite(path, random.Random(1).randbytes(path.stat().st_size))
    ),
    "a folder in its place": _at_once(_replace_by_folder),
    "damaged schema": _at_once(_damage_schema),
    "dropped table": _at_once(_drop_table),
    "locked": _locked,
    "locked for newcomers": _locked_for_newcomers,
    "read-only file": _closed(0o444, lambda path: path),
    "read-only folder": _closed(0o555, lambda path: path.parent),
    "closed folder": _closed(0o000, lambda path: path.parent),
    FULL_DISK: _full_disk,
    "deleted log": _at_once(lambda path: _log(path, "-wal").unlink()),
    "truncated log": _at_once(lambda path: _truncate(_log(path, "-wal"), 0)),
    "halved log": _at_once(
        lambda path: _truncate(_log(path, "-wal"), _log(path, "-wal").stat().st_size // 2)
    ),
}


def strike(stage: Stage, name: str) -> None:
    """Bring a fault about and end it; tell when it began, and when it was over."""
    path = cache_path(stage.folder)
    stage.pipe.send(time.monotonic())
    with FAULTS[name](path):
        stage.pipe.send(time.monotonic())


def prove(name: str) -> Outcome:
    """Let a fault happen while two processes read and one writes.

    Two more start in the middle of it: they open what the others have open already.
    """
    with (
        cache_folder() as folder,
        _disk(folder, name),
        acting(folder, read, read, write) as workers,
    ):
        _until(lambda: all(worker.report().calls > HOT_KEYS for worker in workers))
        vandal = Actor(folder, strike, name)
        vandal.receive()
        workers.extend((Actor(folder, read), Actor(folder, write)))
        over_at: float = vandal.receive()

        def calm() -> bool:
            last = max(over_at, *(worker.report().trouble_at for worker in workers))
            return time.monotonic() - last > CALM_SECONDS

        restored = _until(calm)
        vandal.stop()
        return _outcome(name, folder, workers, over_at, restored=restored)


def prove_truncated_index() -> tuple[list[int | None], Outcome]:
    """Empty the file that SQLite maps into memory (`-shm`), and replace the processes that die.

    It is the one fault that kills: who touches the mapping gets SIGBUS. Returns what the first
    processes ended with (None: alive), and what those that took their places met.
    """
    with cache_folder() as folder, acting(folder, read, read, write) as workers:
        _until(lambda: all(worker.report().calls > HOT_KEYS for worker in workers))
        _truncate(_log(cache_path(folder), "-shm"), 0)
        over_at = time.monotonic()
        _until(lambda: not any(worker.process.is_alive() for worker in workers), seconds=2)
        ended = [worker.process.exitcode for worker in workers]
        others = [Actor(folder, role) for role in (read, read, write)]
        workers.extend(others)
        _until(lambda: all(other.report().hits > HOT_KEYS for other in others[:2]))
        time.sleep(CALM_SECONDS)
        return ended, _outcome("truncated -shm", folder, others, over_at, restored=True)


def _outcome(
    name: str, folder: Path, workers: list[Actor], over_at: float, *, restored: bool
) -> Outcome:
    reports = [worker.report() for worker in workers]
    last = max(report.trouble_at for report in reports)
    return Outcome(
        fault=name,
        restored_seconds=max(0.0, last - over_at) if restored else None,
        reports=reports,
        set_aside=len(set_aside_files(cache_path(folder))),
    )


def _until(reached: Callable[[], bool], seconds: float = GIVE_UP_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def _disk(folder: Path, name: str) -> Iterator[None]:
    """For a full disk: put the cache's folder on a small one."""
    if name != FULL_DISK:
        yield
        return
    place = cache_path(folder).parent
    kept = place.rename(folder / "kept")
    place.mkdir()
    with small_disk(place):
        own(place)
        for file in kept.iterdir():
            shutil.copy(file, place)
            own(place / file.name)
        yield


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a disk of `DISK_BYTES` in memory; only the super-user can."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(place)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def can_mount() -> bool:
    """Return whether a small disk can be had; a container's super-user may not be allowed to."""
    with tempfile.TemporaryDirectory() as place:
        try:
            with small_disk(Path(place)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
