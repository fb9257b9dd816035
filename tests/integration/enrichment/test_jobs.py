"""Claim, lease and fence, on real rows."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from enrichment import backpressure, jobs, services, tasks
from enrichment.again import AGAIN_AT_ONCE, AGAIN_TRIES, queue_again
from enrichment.models import Job, Reflection, StageResult, Status, WorkerHeartbeat
from enrichment.models.jobs import Priority
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases", "one_variant")


def make_job(priority=Priority.INTERACTIVE, text="A quiet day", **fields) -> Job:
    reflection = Reflection.objects.create(
        text=text, key_scope="site", timestamp=timezone.now(), **fields
    )
    return jobs.create(reflection, priority=priority)


def expire_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def result(job: Job, stage: int) -> StageResult:
    return StageResult(
        reflection=job.reflection,
        stage=stage,
        result={},
        outcome="model",
        cache="miss",
        duration_ms=1.0,
    )


def test_claim_takes_interactive_work_first_and_older_before_newer():
    """Work is taken by priority, then by age."""
    bulk, first, second = make_job(Priority.BULK), make_job(), make_job()

    assert [jobs.claim(), jobs.claim(), jobs.claim()] == [first, second, bulk]


def test_abandoned_job_goes_before_newer_ones_and_behind_more_urgent_ones():
    """What a dead worker left keeps its place among those that wait."""
    left = make_job(Priority.BULK)
    jobs.claim()
    expire_lease(left)
    newer, urgent = make_job(Priority.BULK), make_job()

    assert [jobs.claim(), jobs.claim(), jobs.claim()] == [urgent, left, newer]


def test_claim_that_loses_its_race_takes_the_next_job():
    """Two workers that look at the same time both find work."""
    lost, other = make_job(), make_job()

    def overtake(execute, sql, *rest):
        """Let another worker have the best job once it has been seen."""
        if sql.startswith("UPDATE") and not raced:
            raced.append(True)
            Job.objects.filter(pk=lost.pk).update(attempts=1, status=Status.STAGE1_RUNNING)
        return execute(sql, *rest)

    raced: list[bool] = []
    with connection.execute_wrapper(overtake):
        assert jobs.claim() == other


def test_look_for_the_best_job_does_not_sort_the_backlog():
    """A claim costs the same however many jobs wait."""
    make_job()
    with CaptureQueriesContext(connection) as asked:
        jobs.claim()
    [look] = [
        query["sql"] for query in asked if "'queued'" in query["sql"] and "ORDER" in query["sql"]
    ]

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {look}")
        plan = str(cursor.fetchall())
    assert "job_claim" in plan
    assert "ORDER BY" not in plan


def test_claimed_job_is_not_claimed_again():
    """A spare ticket finds nothing to do while the work is going on."""
    make_job()

    assert jobs.claim() is not None
    assert jobs.claim() is None


def test_repeated_ticket_after_the_work_is_done_changes_nothing(model: Script):
    """However often a ticket is delivered, a job is done once."""
    make_job()
    for _ in range(3):
        tasks.run_next_job()

    assert Job.objects.get().attempts == 1
    assert StageResult.objects.count() == 2
    assert len(model.questions("/api/chat")) == 1


def test_worker_goes_on_to_the_next_job_without_another_ticket(model: Script):
    """Who is at it does all that waits, best first, and leaves nothing to the tickets' way."""
    for number in range(3):
        make_job(text=f"I was so happy on day {number}")

    tasks.run_next_job()

    assert set(Job.objects.values_list("status", flat=True)) == {Status.COMPLETE}


def test_worker_that_is_to_end_begins_no_other_job(model: Script, monkeypatch):
    """What it has not begun stays for others."""
    answers = iter([False, False, True])
    monkeypatch.setattr("enrichment.worker.is_ending", lambda: next(answers))
    make_job()
    make_job(text="Another quiet day")

    tasks.run_next_job()

    statuses = Job.objects.order_by("created_at").values_list("status", flat=True)
    assert list(statuses) == [Status.COMPLETE, Status.QUEUED]


def test_abandoned_job_is_claimed_again_when_its_lease_has_run_out():
    """A worker that died gives its job up with its lease."""
    make_job()
    lost = jobs.claim()
    expire_lease(lost)

    again = jobs.claim()

    assert again == lost
    assert again.attempts == 2
    assert again.token != lost.token


def test_job_goes_on_behind_the_stage_that_was_committed(model: Script):
    """What a dead worker committed is not inferred again."""
    make_job()
    lost = jobs.claim()
    row = result(lost, 1)
    row.result = {
        "wheel": {"primary": "joyful", "secondary": None, "tertiary": None},
        "invoked": [],
        "expressed": [],
        "valence": 0.8,
        "arousal": 0.5,
    }
    jobs.commit_stage(lost, row, Status.STAGE1_COMPLETE)
    expire_lease(lost)

    tasks.run_next_job()

    assert Job.objects.get().status == Status.COMPLETE
    assert model.questions("/api/generate") == []


def test_worker_that_was_given_up_on_writes_nothing():
    """After another claim the former holder's commit is refused as a whole."""
    make_job()
    zombie = jobs.claim()
    expire_lease(zombie)
    jobs.claim()

    with pytest.raises(jobs.ClaimLost):
        jobs.commit_stage(zombie, result(zombie, 1), Status.STAGE1_COMPLETE)

    assert not StageResult.objects.exists()
    assert Job.objects.get().status == Status.STAGE1_RUNNING


def test_renewed_lease_keeps_the_job():
    """A heartbeat moves the lease's end."""
    make_job()
    mine = jobs.claim()
    expire_lease(mine)
    jobs.renew(mine.token)

    assert jobs.claim() is None


def test_job_whose_work_raises_is_tried_again_later_and_fails_after_its_budget(monkeypatch):
    """Errors wait longer each time; the fifth ends the job as failed, with the error's kind."""
    make_job()
    monkeypatch.setattr("enrichment.services.run_job", lambda _job, **_how: 1 / 0)
    waits = []
    for _ in range(5):
        Job.objects.update(available_at=timezone.now())
        tasks.run_next_job()
        waits.append(Job.objects.get().available_at)

    job = Job.objects.get()
    assert job.status == Status.FAILED
    assert (job.errors, job.last_error) == (5, "ZeroDivisionError")
    assert waits[:4] == sorted(waits[:4])


def test_job_whose_workers_died_too_often_is_quarantined():
    """A job that takes its workers down with it ends in quarantine, not in a loop."""
    job = make_job()
    Job.objects.update(attempts=jobs.MAX_CRASHES)

    assert jobs.claim() is None
    job.refresh_from_db()
    assert job.status == Status.QUARANTINED


def test_errors_do_not_count_as_crashes():
    """The two budgets are apart: errors on the way leave all its crashes to a job."""
    make_job()
    Job.objects.update(attempts=jobs.MAX_CRASHES, errors=1)

    assert jobs.claim() is not None


@pytest.mark.parametrize(("charged", "attempts"), [(True, 1), (False, 0)])
def test_release_frees_what_a_dead_worker_held_at_once(charged: bool, attempts: int):
    """No lease has to run out first; only the claim of the one that died is counted."""
    make_job()
    lost = jobs.claim()

    assert jobs.release(["elsewhere:1"], charged=charged) == 0
    assert jobs.release([jobs.worker_name()], charged=charged) == 1
    assert Job.objects.get().attempts == attempts
    assert jobs.claim() == lost


def test_interrupted_worker_leaves_the_second_stage_to_another(model: Script):
    """Who is told to end finishes its stage and gives the rest back uncharged."""
    make_job()
    mine = jobs.claim()

    with pytest.raises(jobs.Interrupted):
        services.run_job(mine, interrupted=lambda: True)

    asked = len(model.questions("/api/generate"))
    jobs.release([jobs.worker_name()], charged=False)
    assert Job.objects.get().attempts == 0
    tasks.run_next_job()
    assert Job.objects.get().status == Status.COMPLETE
    assert len(model.questions("/api/generate")) == asked


@pytest.mark.parametrize("claimed", [False, True])
def test_cancelled_job_is_worked_on_by_nobody(claimed: bool):
    """Waiting or running, it ends; who held it writes nothing."""
    job = make_job()
    mine = jobs.claim() if claimed else None

    assert jobs.cancel(job.reflection.jobs.all())

    assert Job.objects.get().status == Status.CANCELLED
    assert jobs.claim() is None
    assert not jobs.cancel(job.reflection.jobs.all())
    if mine:
        assert not jobs.renew(mine.token)
        with pytest.raises(jobs.ClaimLost):
            jobs.commit_stage(mine, result(mine, 1), Status.STAGE1_COMPLETE)


@pytest.mark.parametrize("ended", jobs.RETRYABLE)
def test_retried_job_has_all_its_budgets_again(ended: Status):
    """What did not complete is queued with a ticket, as if it had just been submitted."""
    job = make_job()
    Job.objects.update(status=ended, attempts=20, errors=5, finished_at=timezone.now())

    assert jobs.retry(job.reflection.jobs.all())

    again = jobs.claim()
    assert (again.attempts, again.errors, again.finished_at) == (1, 0, None)
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("status", [Status.QUEUED, Status.STAGE2_RUNNING, Status.COMPLETE])
def test_job_that_did_not_end_badly_is_not_retried(status: Status):
    """What is done or will be done is left alone."""
    job = make_job()
    Job.objects.update(status=status)

    assert not jobs.retry(job.reflection.jobs.all())
    assert Job.objects.get().status == status


def test_queue_has_room_for_persons_behind_a_flood_of_bulk_work():
    """Only what goes before a job counts; the wait is that of the jobs too many."""
    for _ in range(3):
        make_job(Priority.BULK)

    assert backpressure.seconds_until_room(Priority.INTERACTIVE, depth=3) == 0
    assert backpressure.seconds_until_room(Priority.BULK, depth=4) == 0
    assert (
        backpressure.seconds_until_room(Priority.BULK, depth=3)
        == backpressure.UNKNOWN_SERVICE_SECONDS
    )


def test_queue_has_room_for_texts_beside_jobs_whose_time_has_not_come():
    """Pictures that wait for a model keep no text out, but other pictures, or they would grow for
    ever; once their time has come they count for all.
    """
    for _ in range(2):
        make_job()
    Job.objects.update(available_at=timezone.now() + timedelta(minutes=1))

    assert backpressure.seconds_until_room(Priority.INTERACTIVE, depth=2) == 0
    assert backpressure.seconds_until_room(Priority.INTERACTIVE, depth=2, looks=True) > 0
    Job.objects.update(available_at=timezone.now())
    assert backpressure.seconds_until_room(Priority.INTERACTIVE, depth=2) > 0


def test_wait_for_room_is_what_the_last_jobs_took_by_worker():
    """Two jobs too many, 30 s each, four workers: 15 s."""
    done, now = make_job(), timezone.now()
    Job.objects.filter(pk=done.pk).update(
        status=Status.COMPLETE, started_at=now - timedelta(seconds=30), finished_at=now
    )
    for number in range(4):
        WorkerHeartbeat.objects.create(name=f"here:{number}", at=now)
    make_job()
    make_job()

    assert backpressure.seconds_until_room(Priority.INTERACTIVE, depth=1) == 15


def test_lost_tickets_are_issued_again_up_to_the_number_of_jobs():
    """Two jobs without a ticket get two, and no third however often one looks."""
    make_job()
    make_job()

    assert jobs.top_up_tickets() == 2
    assert jobs.top_up_tickets() == 0
    assert OrmQ.objects.count() == 2


def test_foreign_token_renews_nothing():
    """A token that nobody holds changes no row."""
    make_job()
    mine = jobs.claim()
    before = Job.objects.get().lease_until

    jobs.renew(uuid.uuid4())

    assert Job.objects.get().lease_until == before
    assert mine.token == Job.objects.get().token


def test_fallbacks_are_replaced_when_the_model_is_back(model: Script):
    """A reflection that only got fallbacks is enriched again, as a new job behind the others."""
    working = model.generate
    model.generate = lambda _body: (503, b"{}")
    make_job(text="I was so happy to see my sister today")
    tasks.run_next_job()
    reflection = Reflection.objects.get()
    assert reflection.enrich_again
    assert reflection.result_of(1).outcome == "fallback"

    model.generate = working
    assert queue_again() == 1
    assert queue_again() == 0
    tasks.run_next_job()

    reflection = Reflection.objects.get()
    assert not reflection.enrich_again
    assert [reflection.result_of(stage).outcome for stage in (1, 2)] == ["model", "model"]
    again = Job.objects.get(purpose=Job.Purpose.AGAIN)
    assert (again.status, again.priority) == (Status.COMPLETE, Priority.BULK)


def test_fallbacks_stay_while_the_model_is_away(model: Script):
    """A second failure changes nothing that was shown, and is not repeated at once."""
    model.generate = lambda _body: (503, b"{}")
    make_job(text="I was so happy to see my sister today")
    tasks.run_next_job()
    before = list(StageResult.objects.values_list("pk", flat=True))

    queue_again()
    tasks.run_next_job()

    assert list(StageResult.objects.values_list("pk", flat=True)) == before
    assert Reflection.objects.get().enrich_again
    assert queue_again() == 0


def test_model_that_fails_again_is_left_alone_for_longer_each_time_and_in_the_end_for_good(
    model: Script,
):
    """30 s after the first try, twice as long after each other, and after ten tries never."""
    model.generate = lambda _body: (503, b"{}")
    make_job(text="I was so happy to see my sister today")
    tasks.run_next_job()
    waited, begun = [], timezone.now()
    for _ in range(AGAIN_TRIES):
        with time_machine.travel(begun, tick=False) as clock:
            seconds = 0
            while not queue_again():
                seconds += 10
                clock.shift(10)
            Job.objects.filter(finished_at=None).update(
                status=Status.COMPLETE, finished_at=timezone.now(), created_at=timezone.now()
            )
            Job.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))
            waited.append(seconds)

    assert waited == [0, *(30 * 2**number for number in range(9))]
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert queue_again() == 0


def test_what_waits_for_long_keeps_nothing_that_is_due_from_another_try():
    """Those that were tried long ago and wait for hours stand in nobody's way."""
    now = timezone.now()

    def tried(times: int, ago: timedelta) -> Reflection:
        job = make_job(enrich_again=True)
        Job.objects.filter(pk=job.pk).update(status=Status.COMPLETE, finished_at=now)
        for _ in range(times):
            again = Job.objects.create(
                reflection=job.reflection,
                purpose=Job.Purpose.AGAIN,
                status=Status.COMPLETE,
                available_at=now,
                finished_at=now,
            )
            Job.objects.filter(pk=again.pk).update(created_at=now - ago)
        return job.reflection

    for _ in range(AGAIN_AT_ONCE):
        tried(9, timedelta(hours=1))
    due = tried(1, timedelta(minutes=10))

    assert queue_again() == 1
    assert Job.objects.get(finished_at=None).reflection == due


def test_last_try_that_fails_takes_the_mark_away(model: Script, settings: Settings):
    """What will not be tried again does not say so, nor is it looked at for ever."""
    # The host is asked as often, without its pauses.
    settings.PERF_CONFIG.write_text(
        '{"inference": {"variants": 1}, "networking": {"retry_backoff_ms": [1]}}'
    )
    model.generate = lambda _body: (503, b"{}")
    job = make_job(text="I was so happy to see my sister today", enrich_again=True)
    Job.objects.filter(pk=job.pk).update(status=Status.COMPLETE, finished_at=timezone.now())
    for number in range(AGAIN_TRIES):
        assert Reflection.objects.get().enrich_again
        with time_machine.travel(timezone.now() + timedelta(days=number + 1)):
            assert queue_again() == 1
            tasks.run_next_job()

    assert not Reflection.objects.get().enrich_again


def test_retry_leaves_ended_attempts_at_better_answers_alone():
    """Of two that were cancelled none is queued again: they would be two at once."""
    job = make_job()
    Job.objects.update(status=Status.COMPLETE, finished_at=timezone.now())
    for _ in range(2):
        Job.objects.create(
            reflection=job.reflection,
            purpose=Job.Purpose.AGAIN,
            status=Status.CANCELLED,
            available_at=timezone.now(),
            finished_at=timezone.now(),
        )

    assert not jobs.retry(job.reflection.jobs.all())


def make_jobs(count: int, **fields) -> None:
    now = timezone.now()
    reflections = [
        Reflection(text="A day", key_scope="site", timestamp=now) for _number in range(count)
    ]
    Reflection.objects.bulk_create(reflections)
    Job.objects.bulk_create(
        Job(reflection=reflection, available_at=now, **fields) for reflection in reflections
    )


def test_retry_of_many_issues_some_tickets_and_the_workers_the_others():
    """Tickets never outnumber the jobs, and no pass writes more than some."""
    count = 2 * jobs.TICKETS_AT_ONCE + 1
    make_jobs(count, status=Status.FAILED)

    assert jobs.retry(Job.objects.all()) == count
    assert OrmQ.objects.count() == jobs.TICKETS_AT_ONCE
    assert [jobs.top_up_tickets() for _ in range(3)] == [jobs.TICKETS_AT_ONCE, 1, 0]
    assert OrmQ.objects.count() == count


def test_retry_leaves_all_as_it_was_when_its_tickets_cannot_be_written(monkeypatch):
    """Jobs and tickets are written together or not at all."""
    make_jobs(3, status=Status.FAILED)
    monkeypatch.setattr("enrichment.jobs.async_task", lambda _task, **_how: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        jobs.retry(Job.objects.all())

    assert set(Job.objects.values_list("status", flat=True)) == {Status.FAILED}


def test_cancelled_attempt_at_better_answers_is_not_made_again():
    """Who cancels it wants the work to end; the fallbacks stay."""
    job = make_job(enrich_again=True)
    Job.objects.update(status=Status.COMPLETE, finished_at=timezone.now())
    queue_again()

    assert jobs.cancel(job.reflection.jobs.all()) == 1

    Job.objects.update(created_at=timezone.now() - timedelta(days=1))
    assert queue_again() == 0


def test_cancel_of_many_spares_what_is_finished():
    """What waits and what runs ends; what has ended keeps how it did."""
    for status in Status:
        make_jobs(1, status=status)

    assert jobs.cancel(Job.objects.all()) == 4
    ended = sorted(Job.objects.values_list("status", flat=True))
    assert ended == ["cancelled"] * 5 + ["complete", "failed", "quarantined"]


def test_overlapping_changes_of_many_wait_for_each_other(main_database: None):
    """Two people's bulk changes of the same jobs both end, whatever order their lists had."""
    make_jobs(2_000, status=Status.FAILED, finished_at=timezone.now())

    def change(number: int) -> int:
        order = "pk" if number % 2 else "-pk"
        act = jobs.cancel if number % 3 else jobs.retry
        try:
            return act(Job.objects.order_by(order))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        changed = list(threads.map(change, range(40)))

    assert sum(changed) >= 2_000
    assert Job.objects.filter(status=Status.FAILED).count() == 0
