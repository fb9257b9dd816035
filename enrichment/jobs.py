"""Claim, lease, fence: who may work on a job and write its results.

The job row is the truth; a queue message is a ticket without content that says "look for work".
A claim sets a token by compare-and-swap, and every write of that worker is fenced by it, so that
a spare ticket finds nothing to do and a worker that was given up on writes nothing.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task

from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
MAX_ERRORS = 5
MAX_ATTEMPTS = 20
FIRST_WAIT = timedelta(seconds=2)
# A claim that lost its race looks again, but not for ever.
CLAIM_TRIES = 5
TICKET = "enrichment.tasks.run_next_job"


class ClaimLost(Exception):  # a fact, not a fault
    """Another worker holds the job now, or it is gone; nothing was written."""


def create(reflection: Reflection, *, priority: Priority, status: Status = Status.QUEUED) -> Job:
    """Create a submission's job; call it in the transaction that creates the reflection."""
    now = timezone.now()
    finished_at = now if status == Status.COMPLETE else None
    return Job.objects.create(
        reflection=reflection,
        priority=priority,
        status=status,
        available_at=now,
        finished_at=finished_at,
    )


def issue_ticket() -> None:
    """Put a ticket into the queue; with the database as broker it commits with the job."""
    async_task(TICKET)


def claim() -> Job | None:
    """Return the best job that may be worked on, now ours, or None when there is none."""
    for _ in range(CLAIM_TRIES):
        now = timezone.now()
        seen = (
            Job.objects.claimable(now)
            .order_by("priority", "created_at")
            .select_related("reflection")
            .first()
        )
        if seen is None:
            return None
        if seen.attempts >= MAX_ATTEMPTS:
            _update_as_seen(seen, status=Status.QUARANTINED, token=None, finished_at=now)
            continue
        second = StageResult.objects.filter(reflection=seen.reflection, stage=1).exists()
        claimed = _update_as_seen(
            seen,
            status=Status.STAGE2_RUNNING if second else Status.STAGE1_RUNNING,
            token=uuid.uuid4(),
            lease_until=now + LEASE,
            attempts=seen.attempts + 1,
            started_at=seen.started_at or now,
        )
        if claimed:
            return seen
    return None


def renew(token: uuid.UUID) -> None:
    """Extend the lease of a claim that is still at work."""
    Job.objects.filter(token=token).update(lease_until=timezone.now() + LEASE)


def commit_stage(job: Job, result: StageResult, next_status: Status) -> None:
    """Write a stage's result and the job's progress together, if the claim still holds.

    Raises:
        ClaimLost: it does not; nothing was written.
    """
    changes: dict[str, Any] = {"status": next_status}
    if next_status == Status.COMPLETE:
        changes |= {"token": None, "lease_until": None, "finished_at": timezone.now()}
    with transaction.atomic():
        _fenced_update(job, **changes)
        result.save(force_insert=True)
    job.status = next_status


def finish(job: Job) -> None:
    """End a job whose results are all written.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    _fenced_update(
        job, status=Status.COMPLETE, token=None, lease_until=None, finished_at=timezone.now()
    )


def give_back(job: Job, error: Exception) -> None:
    """Return a job after an error, to be tried again later, or end it as failed."""
    now = timezone.now()
    errors = job.errors + 1
    changes: dict[str, Any] = {
        "errors": errors,
        "last_error": type(error).__name__,
        "token": None,
        "lease_until": None,
    }
    if errors >= MAX_ERRORS:
        changes |= {"status": Status.FAILED, "finished_at": now}
    else:
        changes |= {"status": Status.QUEUED, "available_at": now + FIRST_WAIT * 2 ** (errors - 1)}
    try:
        _fenced_update(job, **changes)
    except ClaimLost:
        logger.warning("Job %s was lost to another worker", job.pk)


def top_up_tickets() -> int:
    """Issue tickets up to the number of claimable jobs, never beyond; return how many."""
    missing = Job.objects.claimable(timezone.now()).count() - int(get_broker().queue_size())
    for _ in range(missing):
        issue_ticket()
    return max(0, missing)


def oldest_waiting() -> datetime | None:
    """Return since when the oldest waiting job waits."""
    return Job.objects.waiting().order_by("created_at").values_list("created_at", flat=True).first()


def _update_as_seen(job: Job, **changes: Any) -> bool:
    """Apply changes if nobody else changed the claim since the job was read."""
    done = Job.objects.filter(
        pk=job.pk, status=job.status, token=job.token, attempts=job.attempts
    ).update(**changes)
    if done:
        for name, value in changes.items():
            setattr(job, name, value)
    return done == 1


def _fenced_update(job: Job, **changes: Any) -> None:
    if not Job.objects.filter(pk=job.pk, token=job.token).update(**changes):
        raise ClaimLost
