"""What the queue's report says of jobs and workers, at a frozen time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from enrichment import backpressure, jobs
from enrichment.models import Job, Reflection, Status, WorkerHeartbeat
from enrichment.models.jobs import Priority
from enrichment.queue_reports import STALLED_AFTER, queue_report

pytestmark = pytest.mark.usefixtures("databases")

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def make_job(status: Status = Status.QUEUED, *, age: float = 0, **fields) -> Job:
    """Return a job that was submitted so many seconds ago."""
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=NOW)
    job = jobs.create(reflection, priority=Priority.INTERACTIVE)
    submitted = NOW - seconds(age)
    values = {"status": status, "created_at": submitted, "available_at": submitted, **fields}
    Job.objects.filter(pk=job.pk).update(**values)
    return job


def test_queue_without_jobs_and_workers_has_no_ages():
    """A number that there is none of is None, never zero."""
    report = queue_report()

    assert (report.depth, report.running, report.throughput_per_minute) == (0, 0, 0)
    assert report.oldest_waiting_seconds is None
    assert report.last_completed_seconds is None
    assert report.last_heartbeat_seconds is None


def test_depth_is_what_waits_and_running_what_a_worker_holds():
    """Of the unfinished jobs each is one or the other; the finished are neither."""
    make_job()
    make_job(available_at=NOW + seconds(60))
    for status in (Status.STAGE1_RUNNING, Status.STAGE1_COMPLETE, Status.STAGE2_RUNNING):
        make_job(status, lease_until=NOW + jobs.LEASE)
    make_job(Status.FAILED)
    make_job(Status.COMPLETE)

    report = queue_report()

    assert (report.depth, report.running) == (2, 3)
    assert [report.by_status[status] for status in (Status.COMPLETE, Status.FAILED)] == [1, 1]


def test_oldest_waiting_is_the_one_that_could_have_been_taken_longest():
    """Of two that wait, the one whose time came first."""
    make_job(age=40)
    make_job(age=70)

    assert queue_report().oldest_waiting_seconds == 70


def test_job_that_waits_out_a_back_off_is_not_stuck():
    """It waits, but nobody may work on it now."""
    make_job(age=600, available_at=NOW + seconds(5))

    report = queue_report()

    assert report.depth == 1
    assert report.oldest_waiting_seconds is None


def test_retried_job_waits_since_it_was_retried():
    """How long ago it was submitted says nothing about the queue."""
    job = make_job(Status.FAILED, age=86_400)

    with time_machine.travel(NOW - seconds(3), tick=False):
        jobs.retry(job.reflection.jobs.all())

    assert queue_report().oldest_waiting_seconds == 3


def test_job_that_a_dead_worker_left_waits_since_its_lease_ran_out():
    """Its status says that it runs; nobody is at work on it."""
    make_job(Status.STAGE1_RUNNING, age=600, lease_until=NOW - seconds(9))

    report = queue_report()

    assert (report.depth, report.running) == (1, 0)
    assert report.oldest_waiting_seconds == 9


def test_throughput_is_of_the_last_five_minutes_and_of_workers_alone():
    """What ended before, or was answered by the cache in the submission, is no work done now."""
    for ago in (10, 299, 300, 3600):
        make_job(Status.COMPLETE, started_at=NOW - seconds(ago + 5), finished_at=NOW - seconds(ago))
    make_job(Status.COMPLETE, finished_at=NOW)
    make_job(Status.FAILED, started_at=NOW, finished_at=NOW)

    report = queue_report()

    assert report.completed_recently == 2
    assert report.throughput_per_minute == 0.4
    assert report.last_completed_seconds == 10


def test_sign_of_life_is_the_newest_of_all_also_of_the_dead():
    """Workers that are gone are not alive, and still tell since when nobody was."""
    WorkerHeartbeat.objects.create(name="here:1", at=NOW - seconds(40))
    report = queue_report()
    assert (report.workers_alive, report.last_heartbeat_seconds) == (0, 40)

    WorkerHeartbeat.objects.create(name="here:2", at=NOW - seconds(1))
    report = queue_report()
    assert (report.workers_alive, report.last_heartbeat_seconds) == (1, 1)


def test_sign_of_life_given_meanwhile_has_no_age_below_zero():
    """A worker may write between the clock's reading and the query."""
    WorkerHeartbeat.objects.create(name="here:1", at=timezone.now() + seconds(0.5))

    assert queue_report().last_heartbeat_seconds == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_queue_is_stalled_only_under_workers_that_are_alive(workers: int):
    """Without any it is no riddle why nothing is done, even if nothing ever was."""
    make_job(age=STALLED_AFTER.total_seconds() + 1)
    WorkerHeartbeat.objects.create(name="here:1", at=NOW - seconds(0 if workers else 60))

    report = queue_report()

    assert report.workers_alive == workers
    assert report.stalled == bool(workers)


def test_report_takes_two_queries_however_many_jobs_there_are(
    django_assert_num_queries: DjangoAssertNumQueries,
):
    """Monitors ask for it all the time."""
    for status in Status:
        make_job(status, lease_until=NOW, started_at=NOW, finished_at=NOW)
    WorkerHeartbeat.objects.create(name="here:1", at=NOW)

    with django_assert_num_queries(2):
        queue_report()


def make_background_job(**fields) -> Job:
    """Return a job that makes texts ahead, for a reflection that is done."""
    job = make_job(Status.COMPLETE, finished_at=NOW - seconds(600))
    values = {"created_at": NOW, "available_at": NOW - seconds(600), "status": Status.QUEUED}
    ahead = Job.objects.create(
        reflection=job.reflection,
        purpose=Job.Purpose.VARIANTS,
        priority=Priority.BACKGROUND,
        available_at=NOW,
    )
    Job.objects.filter(pk=ahead.pk).update(**{**values, **fields})
    return ahead


def test_what_is_made_ahead_is_in_no_number_but_its_own():
    """However long it waits, runs or took: nobody waits for it, so no alarm may come of it."""
    for number in range(3):
        make_background_job(topic=f"waiting {number}")
    make_background_job(topic="runs", status=Status.STAGE2_RUNNING, lease_until=NOW + jobs.LEASE)
    make_background_job(topic="left", status=Status.STAGE2_RUNNING, lease_until=NOW - jobs.LEASE)
    make_background_job(
        status=Status.COMPLETE, started_at=NOW - seconds(100), finished_at=NOW - seconds(1)
    )
    make_background_job(status=Status.FAILED, finished_at=NOW)
    WorkerHeartbeat.objects.create(name="here:1", at=NOW)

    report = queue_report()

    assert report.background == 5
    assert (report.depth, report.running, report.completed_recently) == (0, 0, 0)
    assert (report.oldest_waiting_seconds, report.last_completed_seconds) == (None, None)
    assert report.by_status == {Status.COMPLETE: 7}
    assert not report.stalled


def test_worker_that_makes_something_ahead_does_not_hide_that_nobody_is_served():
    """Whoever waits is told to be stuck, whatever else is going on."""
    make_job(age=STALLED_AFTER.total_seconds() + 1)
    make_background_job(status=Status.STAGE2_RUNNING, lease_until=NOW + jobs.LEASE)
    WorkerHeartbeat.objects.create(name="here:1", at=NOW)

    assert queue_report().stalled


def test_room_in_the_queue_is_not_taken_by_what_is_made_ahead():
    """Neither its number nor how long it takes keeps anybody out."""
    for number in range(3):
        make_background_job(topic=f"waiting {number}")
    assert backpressure.seconds_until_room(Priority.BULK, depth=1) == 0

    make_job(Status.COMPLETE, started_at=NOW - seconds(4), finished_at=NOW - seconds(2))
    make_background_job(
        status=Status.COMPLETE, started_at=NOW - seconds(900), finished_at=NOW - seconds(1)
    )
    make_job()
    assert backpressure.seconds_until_room(Priority.BULK, depth=1) == 2
