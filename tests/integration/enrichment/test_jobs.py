"""Claim, lease and fence, on real rows."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from enrichment import jobs, tasks
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")


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
    monkeypatch.setattr("enrichment.services.run_job", lambda _job: 1 / 0)
    waits = []
    for _ in range(5):
        Job.objects.update(available_at=timezone.now())
        tasks.run_next_job()
        waits.append(Job.objects.get().available_at)

    job = Job.objects.get()
    assert job.status == Status.FAILED
    assert (job.errors, job.last_error) == (5, "ZeroDivisionError")
    assert waits[:4] == sorted(waits[:4])


def test_job_that_was_claimed_too_often_is_quarantined():
    """A job that takes its workers down with it ends in quarantine, not in a loop."""
    job = make_job()
    Job.objects.update(attempts=jobs.MAX_ATTEMPTS)

    assert jobs.claim() is None
    job.refresh_from_db()
    assert job.status == Status.QUARANTINED


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
