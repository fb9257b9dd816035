"""What is timed and counted: look-ups and the use of entries, buffered and written in batches.

A lost flush loses counts, never answers. `PerfCache` says when to flush.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from django.db import DatabaseError

from cachestats.errors import StoreUnavailable
from cachestats.models import Sample
from cachestats.models.samples import CacheState
from cachestats.stores import Use

logger = logging.getLogger(__name__)

# A burst between two flushes is bounded in memory; counts beyond it are dropped.
BUFFER_SAMPLES = 20_000


class _Buffer:
    """Samples and uses since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._uses: dict[int, Use] = {}

    def add(self, sample: Sample, used_id: int | None) -> None:
        with self._lock:
            if len(self._samples) < BUFFER_SAMPLES:
                self._samples.append(sample)
            if used_id is not None:
                hits = self._uses[used_id].hits if used_id in self._uses else 0
                used_ms = int(sample.at.timestamp() * 1000)
                self._uses[used_id] = Use(used_id, hits + 1, used_ms)

    def take(self) -> tuple[list[Sample], list[Use]]:
        with self._lock:
            samples, self._samples = self._samples, []
            uses, self._uses = self._uses, {}
        return samples, list(uses.values())


_buffer = _Buffer()


def _forget_parent() -> None:
    """Leave the parent's counts to the parent: a forked child must not write them again."""
    global _buffer  # noqa: PLW0603
    _buffer = _Buffer()


os.register_at_fork(after_in_child=_forget_parent)


def record(
    *,
    cache_type: str,
    model: str,
    state: CacheState,
    latency_ms: float,
    cost_ms: float | None = None,
    used_id: int | None = None,
) -> None:
    """Count one look-up.

    Args:
        cost_ms: what was computed for it took so long; None where nothing was computed.
        used_id: the row that was hit.
    """
    sample = Sample(
        at=datetime.now(UTC),
        cache_type=cache_type,
        model=model,
        state=state,
        latency_ms=latency_ms,
        cost_ms=cost_ms,
    )
    _buffer.add(sample, used_id)


def flush(add_uses: Callable[[Iterable[Use]], None]) -> None:
    """Write what was counted since the last flush; `add_uses` is the store's method."""
    samples, uses = _buffer.take()
    try:
        if samples:
            Sample.objects.bulk_create(samples)
    except DatabaseError as exc:
        logger.warning("[PERF] %d samples were lost: %s", len(samples), exc)
    try:
        if uses:
            add_uses(uses)
    except StoreUnavailable as exc:
        logger.warning("[PERF] The use of %d entries was not counted: %s", len(uses), exc)
