"""A worker adds up what was counted, and keeps tables within their bounds."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connections

from cachestats import retention, services
from cachestats.histograms import Histogram
from cachestats.models import LookupBatch, LookupSpan, WorthSnapshot
from enrichment import worker
from enrichment.models import WorkerHeartbeat


class Once(threading.Event):
    """Is set by whoever waited for it once."""

    def wait(self, timeout: float | None = None) -> bool:
        waited = self.is_set()
        self.set()
        return waited


@pytest.mark.usefixtures("databases")
def test_worker_adds_up_counts() -> None:
    """Batches are moved into spans, and entries are weighed."""
    packed = Histogram.of([1.0]).pack()
    LookupBatch.objects.create(
        at=datetime.now(UTC), state="hit", count=1, latency_ms=1, latencies=packed, costs=b""
    )
    worker.keep_counts(Once())
    assert not LookupBatch.objects.exists()
    assert LookupSpan.objects.exists()
    assert WorthSnapshot.objects.get().at is not None


@pytest.mark.usefixtures("databases")
def test_worker_goes_on_counting_after_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is away for a while costs a line in the log."""

    def away() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(services, "count_up", away)
    worker.keep_counts(Once())
    assert "[PERF] Counts wait for the database: database is locked" in caplog.messages


@pytest.mark.usefixtures("databases")
def test_worker_prunes_and_goes_on_after_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is too old goes; a database that is away for a while costs a line in the log."""
    WorkerHeartbeat.objects.create(name="dead", at=datetime.now(UTC) - timedelta(hours=2))
    worker.keep_bounds(Once())
    assert not WorkerHeartbeat.objects.exists()

    def away() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(retention, "keep", away)
    worker.keep_bounds(Once())
    assert "[PERF] Pruning waits for the database: database is locked" in caplog.messages


@pytest.mark.usefixtures("databases")
@pytest.mark.parametrize("work", [worker.keep_counts, worker.keep_bounds])
def test_rare_work_keeps_no_connection(work: Callable[[threading.Event], None]) -> None:
    """A thread that is at work twice a minute holds no database's connection meanwhile."""
    held = []

    def turn() -> None:
        work(Once())
        held.extend(made for made in connections.all() if made.connection is not None)

    thread = threading.Thread(target=turn)
    thread.start()
    thread.join()
    assert held == []
