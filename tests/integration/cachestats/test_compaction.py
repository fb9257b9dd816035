"""Counted look-ups of the past are merged: few rows, the same numbers."""

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from cachestats.batches import MERGED_VALUES, compact, pack, unpack
from cachestats.models import CacheState, LookupBatch
from cachestats.reports import cache_report
from cachestats.services import sweep

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

HIT, MISS, COLLAPSED, BYPASS = CacheState
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


def _batch(at: datetime, latencies_ms: list[float], **fields: Any) -> LookupBatch:
    """Counted look-ups; with `costs_ms` they computed their answers."""
    costs_ms = fields.pop("costs_ms", [])
    kind = {"cache_type": "api", "model": "m", "state": HIT, "reason": "", **fields}
    return LookupBatch.objects.create(
        at=at,
        count=len(latencies_ms),
        latency_ms=sum(latencies_ms),
        latencies_ms=pack(latencies_ms),
        costs_ms=pack(costs_ms),
        **kind,
    )


def _rows() -> list[tuple[datetime, int, float]]:
    return list(LookupBatch.objects.order_by("at").values_list("at", "count", "latency_ms"))


def test_compact_makes_one_row_of_a_span() -> None:
    """Within ten minutes a kind of look-up is one row; counts and sums are exact."""
    for second in range(0, 600, 60):
        _batch(NOON + timedelta(seconds=second), [1.0, 3.0])
    assert compact(NOON + timedelta(hours=1)) == 9
    assert _rows() == [(NOON + timedelta(seconds=540), 20, 40.0)]
    assert unpack(LookupBatch.objects.get().latencies_ms) == [1.0] * 10 + [3.0] * 10


def test_compact_keeps_spans_apart() -> None:
    """What lies ten minutes apart stays so: a window still finds its edge."""
    _batch(NOON - timedelta(seconds=1), [1.0])
    _batch(NOON, [1.0])
    assert compact(NOON + timedelta(hours=1)) == 0


def test_compact_keeps_kinds_apart() -> None:
    """Type, model, state, reason and whether something was computed are never mixed."""
    for _ in range(2):
        _batch(NOON, [1.0])
        _batch(NOON, [1.0], cache_type="vision")
        _batch(NOON, [1.0], model="another")
        _batch(NOON, [1.0], state=COLLAPSED, reason="expired")
        _batch(NOON, [1.0], state=MISS, reason="expired")
        _batch(NOON, [1.0], state=MISS, reason="evicted")
        _batch(NOON, [1.0], state=MISS, reason="expired", costs_ms=[0.5])
    assert compact(NOON + timedelta(hours=1)) == 7
    assert set(LookupBatch.objects.values_list("count", flat=True)) == {2}
    assert LookupBatch.objects.exclude(costs_ms=b"").count() == 1


def test_compact_leaves_the_last_minutes_alone() -> None:
    """A span that a slow flush may still join is not merged."""
    for _ in range(2):
        _batch(NOON, [1.0])
    assert compact(NOON + timedelta(minutes=14)) == 0
    assert compact(NOON + timedelta(minutes=15)) == 1


def test_compact_after_a_day_makes_one_row_an_hour() -> None:
    """Look-ups of earlier days need no finer edge than an hour."""
    for minute in range(0, 120, 10):
        _batch(NOON + timedelta(minutes=minute), [1.0])
    assert compact(NOON + timedelta(hours=20)) == 0
    assert compact(NOON + timedelta(hours=27)) == 10
    assert [count for _, count, _ in _rows()] == [6, 6]


def test_compact_again_changes_nothing() -> None:
    """Merged rows are found in the same span, alone."""
    for second in range(30):
        _batch(NOON + timedelta(seconds=second), [float(second)] * 40)
    compact(NOON + timedelta(hours=1))
    before = LookupBatch.objects.values_list().get()
    assert compact(NOON + timedelta(hours=1)) == 0
    assert LookupBatch.objects.values_list().get() == before


def test_compact_weighs_each_batch_by_its_look_ups() -> None:
    """A thinned batch of 9,000 counts nine times one of 1,000, though both keep as many values."""
    _batch(NOON, [1.0] * 9_000)
    _batch(NOON, [100.0] * 1_000)
    compact(NOON + timedelta(hours=1))
    merged = LookupBatch.objects.get()
    kept = unpack(merged.latencies_ms)
    assert (merged.count, len(kept)) == (10_000, MERGED_VALUES)
    assert kept.count(1.0) / len(kept) == pytest.approx(0.9, abs=0.01)


def test_compact_hardly_moves_the_report() -> None:
    """Counts, reasons and rates stay; percentiles and time saved move by less than 2 %."""
    now, chance = datetime.now(UTC), random.Random(5)
    for minute in range(20, 320):
        at = now - timedelta(minutes=minute)
        _batch(at, [chance.lognormvariate(0, 0.3) for _ in range(60)])
        costs_ms = [chance.lognormvariate(6, 0.3) for _ in range(30)]
        _batch(at, costs_ms, state=MISS, reason="first_seen", costs_ms=costs_ms)
    before = cache_report().overall
    assert compact() > 500
    after = cache_report().overall
    assert (after.lookups, after.hit_rate, after.reasons, after.hits.count) == (
        before.lookups,
        before.hit_rate,
        before.reasons,
        before.hits.count,
    )
    for found, wanted in [(after.hits, before.hits), (after.misses, before.misses)]:
        assert found.p50_ms == pytest.approx(wanted.p50_ms, rel=0.02)
        assert found.p99_ms == pytest.approx(wanted.p99_ms, rel=0.02)
    assert after.time_saved_seconds == pytest.approx(before.time_saved_seconds, rel=0.02)


def test_compact_by_two_workers_at_once_counts_nothing_twice() -> None:
    """Whoever comes second finds the rows gone and leaves them."""
    for second in range(500):
        _batch(NOON + timedelta(seconds=second), [1.0], model=str(second % 5))
    together = threading.Barrier(2)
    spared = []

    def work() -> None:
        together.wait()
        spared.append(compact(NOON + timedelta(hours=1)))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # What both left in pieces, one more run puts together.
    compact(NOON + timedelta(hours=1))
    assert [count for _, count, _ in _rows()] == [100] * 5
    assert sum(spared) <= 495


def test_sweep_merges_past_look_ups() -> None:
    """The schedule sees to it."""
    for _ in range(3):
        _batch(datetime.now(UTC) - timedelta(hours=2), [1.0])
    sweep()
    assert LookupBatch.objects.get().count == 3
