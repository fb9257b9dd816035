"""What is counted: look-ups, stored answers and their use, buffered and written in batches.

A hit costs one append to a queue; a batch is written by time, count and exit, from a thread. A
lost flush loses counts, never answers.
"""

import atexit
import logging
import os
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from multiprocessing.util import Finalize
from typing import TypeVar

from django.db import DatabaseError, connections

from cachestats import totals
from cachestats.commits import commit
from cachestats.errors import StoreUnavailable
from cachestats.histograms import Histogram
from cachestats.keys import Material
from cachestats.models import CacheState, LookupBatch
from cachestats.stores import Put, Store, Use

logger = logging.getLogger(__name__)

T = TypeVar("T")

# At so many the flush comes early; a burst beyond ten times that is bounded in memory by dropping.
FLUSH_AT = 10_000
NOTE_ROWS = 500
# SQLite wakes nobody: who waits to write looks again after up to 100 ms, and gives up after 1 s. So
# between two batches the file is left free for a multiple of the time that one took.
FREE_TIMES = 2.0


# One look-up, as a plain tuple because one is made on each hit: cache type, model, state, reason,
# latency in ms, ms that computing took (None where nothing was computed), and the row that was hit
# (None for none). When that was is written as the moment of the flush, at most a second later.
Counted = tuple[str, str, CacheState, str, float, float | None, int | None]
# Cache type, model, state, reason, and whether nothing was computed: what was computed stays apart
# from what only looked and found nothing.
Kind = tuple[str, str, CacheState, str, bool]
# Latencies and costs, in milliseconds.
Values = tuple[list[float], list[float]]


class Recorder:
    """Takes counts from any thread and writes them, in this process, to one store."""

    def __init__(
        self,
        store: Store,
        pepper: bytes,
        flush_seconds: float | None,
        flushed: Callable[[int | None], None],
    ) -> None:
        """
        Args:
            pepper: hides what the noted contents are.
            flush_seconds: how often a thread writes; None: only `flush` does.
            flushed: told the bytes of all values after each write of the thread; None: unknown.
        """
        self._store = store
        self._pepper = pepper
        self._flush_seconds = flush_seconds
        self._flushed = flushed
        self.forget()
        _recorders.add(self)

    def forget(self) -> None:
        """Start anew: counts and thread of a parent process are the parent's."""
        self._lookups: deque[Counted] = deque(maxlen=10 * FLUSH_AT)
        self._stored: deque[tuple[int, Material]] = deque(maxlen=10 * FLUSH_AT)
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._idle = self._flush_seconds is not None

    def record(self, lookup: Counted) -> None:
        """Count a look-up."""
        lookups = self._lookups
        lookups.append(lookup)
        if self._idle or len(lookups) == FLUSH_AT:
            self._rouse()

    def stored(self, row_id: int, material: Material) -> None:
        """Note a stored answer; what is written of it is worked out then."""
        self._stored.append((row_id, material))
        if self._idle or len(self._stored) == FLUSH_AT:
            self._rouse()

    def flush(self) -> int | None:
        """Write what was counted; return the bytes of all values, None when they are unknown."""
        with self._writing:
            lookups, stored = _drain(self._lookups), _drain(self._stored)
            self._write_batches(lookups)
            puts = {row_id: self._put(row_id, material) for row_id, material in stored}
            size_bytes = None
            try:
                # In small transactions: whoever sets a value meanwhile waits for one of them.
                took = 0.0
                for some_puts, some_uses in zip_longest(
                    _chunks(list(puts.values())), _chunks(_uses(lookups)), fillvalue=()
                ):
                    time.sleep(FREE_TIMES * took)
                    began = time.monotonic()
                    size_bytes = self._store.note(some_puts, some_uses)
                    took = time.monotonic() - began
            except StoreUnavailable as exc:
                logger.info("[PERF] The use of some entries was not counted: %s", exc)
            return size_bytes

    def _put(self, row_id: int, material: Material) -> Put:
        return Put(row_id, material.content_id(self._pepper), material.marks(self._pepper))

    def stop(self) -> None:
        """End the thread, once it has written what is left."""
        if thread := self._thread:
            self._thread = None
            self._wake.set()
            thread.join()

    def _rouse(self) -> None:
        """Start the thread with the first count, and wake it when there are many."""
        if not self._idle:
            self._wake.set()
            return
        with self._writing:
            if not self._idle:
                return
            self._idle = False
            self._thread = threading.Thread(target=self._keep_flushing, name="cache-flush")
            self._thread.daemon = True
            self._thread.start()
        atexit.register(self.flush)
        # Processes of multiprocessing, as the queue's workers are, skip atexit.
        Finalize(self, self.flush, exitpriority=10)

    def _keep_flushing(self) -> None:
        mine = self._thread
        while self._thread is mine:
            self._wake.wait(self._flush_seconds)
            self._wake.clear()
            try:
                self._flushed(self.flush())
            except Exception:
                # Without this thread nothing would be counted or evicted any more.
                logger.exception("[PERF] Counting failed and goes on")
        connections.close_all()

    def _write_batches(self, lookups: Sequence[Counted]) -> None:
        if not lookups:
            return
        kinds = _by_kind(lookups)
        batches, added = _batches(kinds), _added(kinds)

        def write() -> None:
            LookupBatch.objects.bulk_create(batches)
            totals.add(added)

        try:
            # In turn with this process's requests, which SQLite would have sleep while this writes.
            commit(write)
        except DatabaseError as exc:
            logger.warning("[PERF] The counts of %d look-ups were lost: %s", len(lookups), exc)


_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _in_child() -> None:
    for recorder in _recorders:
        recorder.forget()


os.register_at_fork(after_in_child=_in_child)


def _drain(queue: deque[T]) -> list[T]:
    """Take what is there now; what is added meanwhile is for the next time."""
    return [queue.popleft() for _ in range(len(queue))]


def _chunks(items: list[T]) -> Iterable[list[T]]:
    return (items[start : start + NOTE_ROWS] for start in range(0, len(items), NOTE_ROWS))


def _uses(lookups: Iterable[Counted]) -> list[Use]:
    hits = Counter([used_id for *_, used_id in lookups if used_id is not None])
    now_ms = int(time.time() * 1000)
    return [Use(row_id, count, now_ms) for row_id, count in hits.items()]


def _by_kind(lookups: Iterable[Counted]) -> dict[Kind, Values]:
    """Return latencies, in order, and costs of look-ups by their kind."""
    kinds: dict[Kind, Values] = {}
    for cache_type, model, state, reason, latency_ms, cost_ms, _ in lookups:
        kind = (cache_type, model, state, reason, cost_ms is None)
        if (values := kinds.get(kind)) is None:
            values = kinds[kind] = ([], [])
        values[0].append(latency_ms)
        if cost_ms is not None:
            values[1].append(cost_ms)
    for latencies_ms, _ in kinds.values():
        latencies_ms.sort()
    return kinds


def _batches(kinds: Mapping[Kind, Values]) -> list[LookupBatch]:
    now = datetime.now(UTC)
    return [
        LookupBatch(
            at=now,
            cache_type=cache_type,
            model=model,
            state=state,
            reason=reason,
            count=len(latencies_ms),
            latency_ms=sum(latencies_ms),
            cost_ms=sum(costs_ms),
            latencies=Histogram.of(latencies_ms).pack(),
            costs=Histogram.of(costs_ms).pack(),
        )
        for (cache_type, model, state, reason, _), (latencies_ms, costs_ms) in kinds.items()
    ]


def _added(kinds: Mapping[Kind, Values]) -> list[totals.Added]:
    return [
        totals.Added(
            cache_type=cache_type,
            model=model,
            state=str(state),
            latencies_ms=latencies_ms,
            answered=state in {CacheState.HIT, CacheState.COLLAPSED} or not uncomputed,
        )
        for (cache_type, model, state, _, uncomputed), (latencies_ms, _) in kinds.items()
    ]
