"""Counted look-ups of the past are added up by spans: few rows, the same numbers."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, Sum

from cachestats import batches
from cachestats.batches import KEPT, MOVED_ROWS, compact
from cachestats.histograms import Histogram
from cachestats.models import CacheState, LookupBatch, LookupSpan, Span
from cachestats.reports import cache_report
from cachestats.services import sweep

pytestmark = pytest.mark.usefixtures("main_database")

HIT, MISS, COLLAPSED, BYPASS = CacheState
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
SOON = NOON + timedelta(minutes=30)


def _batch(at: datetime, latencies_ms: list[float], **fields: Any) -> LookupBatch:
    """Counted look-ups; with `costs_ms` they computed their answers."""
    costs_ms = fields.pop("costs_ms", [])
    kind = {"cache_type": "api", "model": "m", "state": HIT, "reason": "", **fields}
    return LookupBatch(
        at=at,
        count=len(latencies_ms),
        latency_ms=sum(latencies_ms),
        cost_ms=sum(costs_ms),
        latencies=Histogram.of(latencies_ms).pack(),
        costs=Histogram.of(costs_ms).pack(),
        **kind,
    )


def _count(*found: LookupBatch) -> None:
    LookupBatch.objects.bulk_create(found)


def _spans(seconds: Span) -> list[tuple[datetime, int, float]]:
    spans = LookupSpan.objects.filter(seconds=seconds).order_by("at")
    return list(spans.values_list("at", "count", "latency_ms"))


def _counts() -> dict[int, int]:
    """How many look-ups the spans of each length hold."""
    spans = LookupSpan.objects.order_by().values_list("seconds")
    return dict(spans.annotate(Sum("count")))


@pytest.fixture
def many() -> Iterator[datetime]:
    """Look-ups of a day and a half, of three kinds; the time that they end."""
    now, chance = datetime.now(UTC), random.Random(5)
    found = []
    for minute in range(0, 36 * 60, 7):
        at = now - timedelta(minutes=minute)
        found.append(_batch(at, [chance.lognormvariate(0, 0.3) for _ in range(30)]))
        costs_ms = [chance.lognormvariate(6, 0.3) for _ in range(20)]
        slower_ms = [cost_ms + 2 for cost_ms in costs_ms]
        fields: dict[str, Any] = {"state": MISS, "reason": "first_seen", "costs_ms": costs_ms}
        found.append(_batch(at, slower_ms, **fields))
        found.append(_batch(at, [3.0], state=BYPASS, reason="bypassed"))
    _count(*found)
    yield now


def test_compact_adds_batches_to_spans_of_each_length() -> None:
    """A kind of look-up is one row a span; counts and sums are exact, and no batch is left."""
    _count(*(_batch(NOON + timedelta(seconds=at), [1.0, 3.0]) for at in range(0, 120, 10)))
    assert compact(SOON) == 12
    minute = timedelta(minutes=1)
    assert _spans(Span.MINUTE) == [(NOON, 12, 24.0), (NOON + minute, 12, 24.0)]
    for span in (Span.QUARTER_HOUR, Span.HOUR, Span.QUARTER_DAY):
        assert _spans(span) == [(NOON, 24, 48.0)]
    assert _spans(Span.DAY) == [(NOON - timedelta(hours=12), 24, 48.0)]
    day = LookupSpan.objects.get(seconds=Span.DAY)
    assert Histogram.unpack(day.latencies) == Histogram.of([1.0, 3.0] * 12)
    assert not LookupBatch.objects.exists()


def test_compact_keeps_kinds_apart() -> None:
    """Type, model, state, reason and whether something was computed are never mixed."""
    for _ in range(2):
        _count(
            _batch(NOON, [1.0]),
            _batch(NOON, [1.0], cache_type="vision"),
            _batch(NOON, [1.0], model="another"),
            _batch(NOON, [1.0], state=COLLAPSED, reason="expired"),
            _batch(NOON, [1.0], state=MISS, reason="expired"),
            _batch(NOON, [1.0], state=MISS, reason="evicted"),
            _batch(NOON, [1.0], state=MISS, reason="expired", costs_ms=[0.5]),
        )
    compact(SOON)
    hours = LookupSpan.objects.filter(seconds=Span.HOUR)
    assert list(hours.exclude(count=0).values_list("count", flat=True)) == [2] * 7
    computed = hours.filter(computed=True, count__gt=0)
    assert computed.values_list("reason", "cost_ms").get() == ("expired", 1.0)


def test_compact_adds_to_a_span_what_comes_late() -> None:
    """A slow flush still finds its place, however long ago its span was added up."""
    _count(_batch(NOON, [1.0]))
    compact(SOON)
    _count(_batch(NOON + timedelta(seconds=5), [2.0]))
    compact(SOON)
    assert _spans(Span.MINUTE) == [(NOON, 2, 3.0)]


def test_compact_again_changes_nothing() -> None:
    """What was moved is not there to be moved again."""
    _count(*(_batch(NOON + timedelta(seconds=at), [float(at)] * 40) for at in range(30)))
    compact(SOON)
    before = list(LookupSpan.objects.order_by("id").values_list())
    assert compact(SOON) == 0
    assert list(LookupSpan.objects.order_by("id").values_list()) == before


def test_compact_does_not_move_the_report(many: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """All numbers are the same before, in the middle of it, and after."""
    before = cache_report(timedelta(hours=30)).overall
    monkeypatch.setattr(batches, "MOVED_ROWS", 100)
    batches._move(dict.fromkeys(Span, many - timedelta(days=9)))
    assert LookupBatch.objects.exists()
    halfway = cache_report(timedelta(hours=30)).overall
    compact()
    after = cache_report(timedelta(hours=30)).overall
    assert LookupSpan.objects.count() > 0
    for found in (halfway, after):
        saved_seconds = found.time_saved_seconds
        assert saved_seconds == pytest.approx(before.time_saved_seconds)
        assert replace(found, time_saved_seconds=before.time_saved_seconds) == before


def test_compact_that_breaks_loses_nothing(many: datetime) -> None:
    """Killed between adding and deleting, it has done neither."""

    def breaks(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("DELETE"):
            raise RuntimeError("killed")
        return execute(sql, *rest)

    before = cache_report().overall
    with connection.execute_wrapper(breaks), pytest.raises(RuntimeError):
        compact()
    assert not LookupSpan.objects.exists()
    assert cache_report().overall == before


def test_compact_by_two_workers_at_once_counts_nothing_twice() -> None:
    """Whoever comes second finds the rows gone and leaves them; no reader sees more or less."""
    count = 3 * MOVED_ROWS
    now = datetime.now(UTC)
    ats = [now - timedelta(seconds=at) for at in range(count)]
    _count(*(_batch(at, [1.0], model=str(at.second % 5)) for at in ats))
    together = threading.Barrier(3)
    moved = []

    def work() -> None:
        together.wait()
        moved.append(compact())
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    together.wait()
    seen = set()
    while any(worker.is_alive() for worker in workers):
        seen.add(cache_report().overall.lookups)
    for worker in workers:
        worker.join()
    seen.add(cache_report().overall.lookups)
    assert seen == {count}
    compact()
    assert set(_counts().values()) == {count}
    assert sum(moved) <= count


def test_compact_forgets_spans_that_nobody_looks_at() -> None:
    """Short spans go within the day, days after more than a year."""
    now = NOON + timedelta(days=500)
    for span, kept in KEPT.items():
        _count(_batch(now - kept, [1.0], model=f"kept {span}"))
        _count(_batch(now - kept - timedelta(days=1), [1.0], model=f"over {span}"))
    compact(now)
    there = LookupSpan.objects.order_by().values_list("seconds").annotate(Count("id"))
    assert dict(there) == {
        Span.MINUTE: 1,
        Span.QUARTER_HOUR: 2,
        Span.HOUR: 6,
        Span.QUARTER_DAY: 6,
        Span.DAY: 9,
    }


def test_sweep_adds_up_past_look_ups() -> None:
    """The schedule sees to it."""
    _count(*(_batch(datetime.now(UTC) - timedelta(hours=2), [1.0]) for _ in range(3)))
    sweep()
    assert _counts()[Span.HOUR] == 3


def test_misses_keep_one_histogram_of_all_their_reasons():
    """Counts are told by reason; how long misses took is told of all, and as it was before."""
    for reason, latencies_ms in (("first_seen", [100.0] * 19), ("expired", [900.0])):
        costs_ms = [ms - 1 for ms in latencies_ms]
        _count(_batch(NOON, latencies_ms, state=MISS, reason=reason, costs_ms=costs_ms))

    compact(SOON)

    hours = LookupSpan.objects.filter(seconds=Span.HOUR)
    assert {row.reason: (row.count, bool(row.latencies)) for row in hours} == {
        "first_seen": (19, False),
        "expired": (1, False),
        "": (0, True),
    }


def test_report_of_spans_is_that_of_their_batches_by_reason():
    """No reason is made up for the row that has the histograms."""
    now = datetime.now(UTC)
    for reason, ms in (("first_seen", 100.0), ("expired", 900.0)):
        _count(_batch(now, [ms], state=MISS, reason=reason, costs_ms=[ms - 1]))
    before = cache_report()

    compact(now)

    assert cache_report() == before
    assert before.overall.reasons == {"first_seen": 1, "expired": 1}
