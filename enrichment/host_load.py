"""How busy each host of a pool is, with what all processes of this machine ask it.

Each question holds one byte of a file for as long as it lasts. The kernel takes the lock back when
a process dies, however it dies, so nothing is ever counted that is over. Processes of other
machines are not seen: each machine spreads its own work evenly.
"""

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Questions of this machine at one host; what is beyond is asked all the same, uncounted.
PLACES = 64
HOSTS = 2**40


class HostLoad:
    """The places of one file. POSIX locks are a process's, so its own are counted apart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._mine: dict[str, set[int]] = {}
        self._descriptor: int | None = None

    def outstanding(self, url: str) -> int:
        """Return how many questions the host is at work on, or has in its queue."""
        with self._lock:
            mine = self._mine.get(url, set())
            others = (place for place in range(PLACES) if place not in mine)
            return len(mine) + sum(self._is_taken(url, place) for place in others)

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        """Count a question for as long as it lasts."""
        place = self._take(url)
        try:
            yield
        finally:
            self._give_back(url, place)

    def _take(self, url: str) -> int | None:
        with self._lock:
            mine = self._mine.setdefault(url, set())
            for place in range(PLACES):
                if place not in mine and self._try(url, place, fcntl.LOCK_EX):
                    mine.add(place)
                    return place
        return None

    def _give_back(self, url: str, place: int | None) -> None:
        if place is None:
            return
        with self._lock:
            self._mine[url].discard(place)
            self._unlock(url, place)

    def _is_taken(self, url: str, place: int) -> bool:
        # A shared lock is in nobody's way who only looks.
        if not self._try(url, place, fcntl.LOCK_SH):
            return True
        self._unlock(url, place)
        return False

    def _try(self, url: str, place: int, kind: int) -> bool:
        try:
            fcntl.lockf(self._file(), kind | fcntl.LOCK_NB, 1, _offset(url) + place)
        except OSError:
            # Taken; or there is no file to count in, and all hosts look the same.
            return False
        return True

    def _unlock(self, url: str, place: int) -> None:
        fcntl.lockf(self._file(), fcntl.LOCK_UN, 1, _offset(url) + place)

    def _file(self) -> int:
        # Opened once and never closed: closing any descriptor of it gives all locks back.
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor


def _offset(url: str) -> int:
    """Return where a host's places begin; the same in all processes."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest()[:8], "big")
    return number % HOSTS * PLACES
