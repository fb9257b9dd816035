"""The queue over time: one sample a minute, merged when old, and what trends tell of them."""

from datetime import UTC, datetime, timedelta

import pytest

from cachestats.spans import RANGES
from enrichment.models import Job, QueueSample, Reflection, Status, WorkerHeartbeat
from enrichment.queue_samples import sample_queue
from enrichment.queue_trends import queue_trend
from tests.pruning import prune
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("main_database")

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(status: Status, at: datetime, **changes) -> Job:
    """Keep a job that could be worked on from an instant, and ended then if it did."""
    reflection = Reflection.objects.create(text="x", key_scope="site", timestamp=at)
    ended = status in {Status.COMPLETE, Status.FAILED, Status.QUARANTINED}
    values = {"started_at": at, "finished_at": at} if ended else {}
    return Job.objects.create(
        reflection=reflection, status=status, available_at=at, **{**values, **changes}
    )


def sample(at: datetime, **changes) -> QueueSample:
    values = {"waiting": 0, "running": 0, "done": 0, "failed": 0, "workers": 2}
    return QueueSample(at=at, **{**values, **changes})


def test_sample_tells_the_queue_and_what_was_done_since_the_last():
    """Those that wait, their oldest, those at work, workers; and each end once."""
    job(Status.QUEUED, NOW - timedelta(seconds=90))
    job(Status.QUEUED, NOW + MINUTE)
    job(Status.STAGE1_RUNNING, NOW, lease_until=NOW + MINUTE)
    job(Status.COMPLETE, NOW - MINUTE)
    job(Status.COMPLETE, NOW - MINUTE, started_at=None)  # answered from the cache
    job(Status.FAILED, NOW - MINUTE)
    WorkerHeartbeat.objects.create(name="here:1", at=NOW)
    WorkerHeartbeat.objects.create(name="here:2", at=NOW - MINUTE)

    assert sample_queue(NOW)
    job(Status.COMPLETE, NOW + timedelta(seconds=10))
    job(Status.QUARANTINED, NOW + MINUTE)
    assert sample_queue(NOW + 3 * MINUTE)

    first, second = QueueSample.objects.order_by("at")
    assert first.at == datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
    assert (first.waiting, first.running, first.workers) == (2, 1, 1)
    assert (first.done, first.failed, first.oldest_seconds) == (1, 1, 90)
    assert (second.done, second.failed, second.minutes) == (1, 1, 3)


def test_clusters_at_the_same_time_take_one_sample_a_minute():
    """Of all that look in a minute one keeps it, whoever is first."""
    assert sorted(done.result() for done in at_once(lambda: sample_queue(NOW), 4)) == [
        False,
        False,
        False,
        True,
    ]
    assert not sample_queue(NOW + timedelta(seconds=20))
    assert sample_queue(NOW + MINUTE)
    assert QueueSample.objects.count() == 2


def test_old_samples_are_merged_by_longer_spans_without_changing_the_trend():
    """Quarters, hours, days by age. Run twice it changes nothing more; beyond 400 days they go."""
    start = datetime(2026, 3, 11, 10, 0, tzinfo=UTC)
    week, month = datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 1, 9, tzinfo=UTC)
    QueueSample.objects.bulk_create(
        [
            sample(start + number * MINUTE, waiting=number % 7, done=2, failed=number % 2)
            for number in range(40)
        ]
        + [
            sample(at + number * 15 * MINUTE, waiting=number, done=1)
            for at in (week, month)
            for number in range(8)
        ]
        + [sample(NOW - MINUTE), sample(NOW - timedelta(days=401))]
    )
    before = queue_trend(RANGES["30d"], NOW)

    prune(QueueSample, now=NOW)
    columns = ("at", "seconds", "minutes", "waiting", "done")
    merged = list(QueueSample.objects.order_by("at").values_list(*columns))
    assert merged == [
        (month, 86_400, 8, 7, 8),
        (week, 3_600, 4, 3, 4),
        (week + 60 * MINUTE, 3_600, 4, 7, 4),
        (start, 900, 15, 6, 30),
        (start + 15 * MINUTE, 900, 15, 6, 30),
        (start + 30 * MINUTE, 900, 10, 6, 20),
        (NOW - MINUTE, 60, 1, 0, 0),
    ]
    assert queue_trend(RANGES["30d"], NOW) == before
    prune(QueueSample, now=NOW)
    assert list(QueueSample.objects.order_by("at").values_list(*columns)) == merged


def test_trend_tells_the_most_that_waited_and_jobs_a_minute():
    """By step; nothing is made up for steps in which nobody looked."""
    grid = RANGES["24h"].grid(NOW)
    QueueSample.objects.bulk_create(
        [
            sample(grid.starts[3], waiting=4, done=3),
            sample(grid.starts[3] + MINUTE, waiting=9, done=0),
            sample(grid.starts[3] + 2 * MINUTE, waiting=1, done=6),
            sample(grid.starts[0] - MINUTE, waiting=99),
        ]
    )

    trend = queue_trend(RANGES["24h"], NOW)

    assert trend.grid == grid
    assert (trend.depth[3], trend.throughput[3]) == (9, 3.0)
    for series in (trend.depth, trend.throughput):
        assert len(series) == 96
        assert {value for step, value in enumerate(series) if step != 3} == {None}
