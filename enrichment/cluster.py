"""qcluster's main process: it watches its family, and ends it in time.

django-q2 starts a process again that died. But a worker that dies while it waits for work takes the
queue's lock with it, and from then on all others wait for ever, looking well. So here any death
that was not announced ends the whole family, and whoever supervises this process starts it again.
What the dead had claimed is free at once.
"""

import ctypes
import gc
import logging
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import time
from types import FrameType

import psutil
from django.db import DatabaseError, connections
from django_q.cluster import Cluster

from enrichment import jobs, warm_ups

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
# A stage may end in this time; what then still runs is given back to the queue.
GRACE_SECONDS = 5.0
# A process that was stopped (SIGSTOP) may hold the queue's lock.
STOPPED_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
PID_BYTES = 4


class Family:
    """All processes of one qcluster: who is there, and whether they are to end.

    Made before the first fork; whatever is forked afterwards belongs to it.
    """

    def __init__(self) -> None:
        self._ending = multiprocessing.RawValue(ctypes.c_bool, False)
        self._leaving, self._announce = os.pipe()
        os.set_blocking(self._leaving, False)
        self._stopped_since: dict[int, float] = {}
        self._members: set[int] = set()
        multiprocessing.util.register_after_fork(self, Family._join)

    @property
    def ending(self) -> bool:
        """Whether nothing new is to be begun."""
        return bool(self._ending.value)

    @ending.setter
    def ending(self, value: bool) -> None:
        self._ending.value = value

    @property
    def members(self) -> set[int]:
        """The process ids of all that were ever seen and did not announce that they leave."""
        return set(self._members)

    def dead(self) -> set[int]:
        """Return the ids of processes that died without a word, or were stopped for too long."""
        present = {member.pid: member for member in _descendants()}
        self._members |= present.keys()
        # After the list was made: who leaves announces it first.
        self._members -= self._left()
        return {pid for pid in self._members if pid not in present or self._is_dead(present[pid])}

    def kill(self) -> None:
        """End all of them now."""
        for member in _descendants():
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue

    def _join(self) -> None:
        """In a process that was just forked: die with the parent, and announce an orderly end."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        pid = os.getpid().to_bytes(PID_BYTES, sys.byteorder)
        multiprocessing.util.Finalize(None, os.write, args=(self._announce, pid), exitpriority=0)

    def _left(self) -> set[int]:
        left = set()
        try:
            while pid := os.read(self._leaving, PID_BYTES):
                left.add(int.from_bytes(pid, sys.byteorder))
        except BlockingIOError:
            pass
        return left

    def _is_dead(self, member: psutil.Process) -> bool:
        try:
            status = member.status()
        except psutil.NoSuchProcess:
            return True
        if status != psutil.STATUS_STOPPED:
            self._stopped_since.pop(member.pid, None)
            return bool(status == psutil.STATUS_ZOMBIE)
        since = self._stopped_since.setdefault(member.pid, time.monotonic())
        return time.monotonic() - since > STOPPED_SECONDS


def _descendants() -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


class WatchedCluster:
    """django-q2's cluster under watch."""

    def __init__(self, family: Family) -> None:
        self._family = family
        # Its children open their own.
        connections.close_all()
        # What is loaded by now stays. A worker's collector would mark each object of it, and so
        # make some 40 MB that all processes share its own.
        gc.collect()
        gc.freeze()
        self._cluster = Cluster()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def run(self) -> bool:
        """Work until SIGTERM or Ctrl-C; return False if a process died before that."""
        self._cluster.start()
        while not self._family.ending:
            if dead := self._family.dead():
                self._fall(dead)
                return False
            time.sleep(TICK_SECONDS)
        self._stop()
        return True

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._family.ending = True

    def _stop(self) -> None:
        """End all: who is at work may finish the stage, in time."""
        deadline = time.monotonic() + GRACE_SECONDS
        self._family.dead()
        self._cluster.stop_event.set()
        self._cluster.sentinel.join(max(0.0, deadline - time.monotonic()))
        members = self._family.members
        self._family.kill()
        _release(members, charged=False)

    def _fall(self, dead: set[int]) -> None:
        """End all after a death."""
        logger.error("A process of the queue died; all of them start again")
        members = self._family.members
        self._family.kill()
        self._cluster.sentinel.join()
        _release(dead, charged=True)
        _release(members - dead, charged=False)


def _release(pids: set[int], *, charged: bool) -> None:
    try:
        workers = [jobs.worker_name(pid) for pid in pids]
        released = jobs.release(workers, charged=charged)
        released += warm_ups.release(workers, charged=charged)
    except DatabaseError as exc:
        # Their leases run out by themselves.
        logger.warning("Claims of processes that ended could not be given back: %s", exc)
    else:
        if released:
            logger.info("%d claims were given back", released)
