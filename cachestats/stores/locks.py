"""Locks on single keys that the kernel takes back when a process dies, however it dies.

Each key is one byte of a file beside the cache. POSIX locks belong to processes: two threads of
one process are never in each other's way here, so callers see to their own threads first. Such a
lock is lost when its process closes any descriptor of the file, so the file is opened once and
never closed.
"""

import fcntl
import os
import struct
import sys
from pathlib import Path

import psutil

# A file's offsets are signed 64-bit numbers. Two keys on one byte would only wait for each other.
OFFSETS = 2**62
# struct flock: type, whence, start, length, pid.
LINUX_FLOCK = "hhqqi"


class KeyLocks:
    """The locks of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, row_id: int) -> bool:
        """Lock a key unless another process holds it; one that is stopped holds nothing.

        Raises:
            OSError: the file can't be made.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row_id % OFFSETS)
        except BlockingIOError:
            return self._holder_is_stopped(row_id)
        return True

    def release(self, row_id: int) -> None:
        """Give a key back."""
        if self._descriptor is not None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, row_id % OFFSETS)

    def _holder_is_stopped(self, row_id: int) -> bool:
        """Return whether the holder was stopped (SIGSTOP): nobody knows if it ever goes on."""
        if sys.platform != "linux":
            return False
        assert self._descriptor is not None  # noqa: S101  # a lock was tried on it
        wanted = struct.pack(LINUX_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, row_id % OFFSETS, 1, 0)
        found = fcntl.fcntl(self._descriptor, fcntl.F_GETLK, wanted)
        return is_stopped(struct.unpack(LINUX_FLOCK, found)[-1])


def is_stopped(pid: int) -> bool:
    """Return whether a process of this machine was stopped (SIGSTOP)."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
