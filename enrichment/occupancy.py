"""Marks that processes work with the databases' files, so that nobody exchanges them meanwhile.

The mark is a lock on a file under VAR_DIR. The kernel takes it back when the process ends, however
it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

# Of this process and of all that it forks, which share it.
_held: list[IO[bytes]] = []


def occupy() -> None:
    """Mark it for as long as this process lives; while the files are exchanged, wait."""
    file = _path().open("ab")
    fcntl.flock(file, fcntl.LOCK_SH)
    _held.append(file)


@contextmanager
def alone() -> Iterator[bool]:
    """Keep all others out where nobody is there; yields whether that is so."""
    with _path().open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _path() -> Path:
    return Path(settings.VAR_DIR) / "occupied.lock"
