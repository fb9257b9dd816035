"""Claim, lease, fence: who may work on a job and write its results.

The job row is the truth; a queue message is a ticket without content that says "look for work".
A claim sets a token by compare-and-swap, and every write of that worker is fenced by it, so that
a spare ticket finds nothing to do and a worker that was given up on writes nothing.
"""

import logging
import os
import random
import socket
import sys
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task
from redis import RedisError

from enrichment.again import AGAIN_AFTER, AGAIN_TRIES
from enrichment.errors import (
    CircuitOpen,
    HostBusy,
    HostUnreachable,
    InferenceError,
    ModelMissing,
)
from enrichment.inserts import insert
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import RUNNING, UNFINISHED, Priority, is_abandoned, is_ready
from enrichment.webhooks import outbox

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
# Separate budgets: who works on a job is killed for many reasons that are not the job's.
MAX_ERRORS = 5
MAX_CRASHES = 20
FIRST_WAIT = timedelta(seconds=2)
# Jobs that failed together must not come back together.
JITTER = 0.5
# A claim that lost its race tries the next best; after some it looks again, but not for ever.
CLAIM_CHOICE = 5
CLAIM_LOOKS = 5
TICKET = "enrichment.tasks.run_next_job"
# Issued at once: more than workers finish until the next look for missing ones, 5 s later, and
# written within about 0.1 s, for which other writers wait.
TICKETS_AT_ONCE = 100
# Jobs that are changed in one transaction, which takes a fifth of a second.
BATCH = 5_000
UNCLAIMED: dict[str, Any] = {"token": None, "claimed_by": "", "lease_until": None}
# What is no fault of the question: no host took it.
NOBODY_ASKED = (HostUnreachable, HostBusy, CircuitOpen, ModelMissing)
Row = TypeVar("Row", bound=Model)
RETRYABLE = (Status.FAILED, Status.CANCELLED, Status.QUARANTINED)


class ClaimLost(Exception):  # a fact, not a fault
    """Another worker holds the job now, it was cancelled, or it is gone; nothing was written."""


class Interrupted(Exception):  # likewise
    """This worker ends; the rest of the job is for another one."""


def worker_name(pid: int | None = None) -> str:
    """Return how a worker process of this machine signs its claims and its signs of life."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"


def create(reflection: Reflection, *, priority: Priority, status: Status = Status.QUEUED) -> Job:
    """Create a submission's job; call it in the transaction that creates the reflection."""
    now = timezone.now()
    finished_at = now if status == Status.COMPLETE else None
    if finished_at:
        outbox.put(reflection.pk, Status.STAGE1_COMPLETE, Status.COMPLETE, look=False)
    job = Job(
        reflection=reflection,
        priority=priority,
        status=status,
        available_at=now,
        finished_at=finished_at,
    )
    insert([job])
    return job


def issue_ticket() -> None:
    """Put a ticket into the queue: with the job in one transaction, or where Redis is, after it.

    One that Redis did not take is issued by the workers later, with a word in the log.
    """
    # What became of the work stands in the job; django-q2 would read all that it saved each time.
    issue = partial(async_task, TICKET, save=False)
    if settings.REDIS_URL:
        transaction.on_commit(issue, robust=True)
    else:
        issue()


def claim() -> Job | None:
    """Return the best job that may be worked on, now ours, or None when there is none."""
    for _ in range(CLAIM_LOOKS):
        now = timezone.now()
        best = _best(now)
        for seen in best:
            if _take(seen, now):
                return seen
        if not best:
            return None
    return None


def people_wait() -> bool:
    """Return whether anything is worked on, or could be, that somebody waits for.

    Then nothing is made ahead: they would share the model.
    """
    wanted = Q(status__in=RUNNING) | is_ready(timezone.now())
    return Job.objects.filter(wanted, priority__lt=Priority.BACKGROUND).exists()


def renew(token: uuid.UUID) -> bool:
    """Extend the lease of a claim that is still at work; return whether it still holds."""
    return Job.objects.filter(token=token).update(lease_until=timezone.now() + LEASE) > 0


def hold(job: Job) -> None:
    """Keep the claim until the transaction ends; ClaimLost if it does not hold any more."""
    _fenced_update(job, status=job.status)


def commit_stage(job: Job, result: StageResult, next_status: Status) -> None:
    """Write a stage's result and the job's progress together, if the claim still holds.

    Raises:
        ClaimLost: it does not; nothing was written.
    """
    changes: dict[str, Any] = {"status": next_status}
    if next_status == Status.COMPLETE:
        changes |= {"finished_at": timezone.now(), **UNCLAIMED}
    with transaction.atomic():
        _fenced_update(job, **changes)
        result.save(force_insert=True)
        outbox.put(job.reflection_id, next_status)
    job.status = next_status


def commit_again(job: Job, results: Sequence[StageResult]) -> None:
    """Put better results in the place of a reflection's fallbacks, tell of it, and end the job.

    Raises:
        ClaimLost: the claim does not hold any more; nothing was written.
    """
    with transaction.atomic():
        finish(job)
        stages = [result.stage for result in results]
        job.reflection.results.filter(stage__in=stages).delete()
        StageResult.objects.bulk_create(results)
        Reflection.objects.filter(pk=job.reflection_id).update(enrich_again=False)
        outbox.put(job.reflection_id, Status.COMPLETE)


def finish_in_vain(job: Job) -> None:
    """End an attempt at better answers that found none; after the last one no other is made.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    with transaction.atomic():
        finish(job)
        tries = Job.objects.filter(reflection=job.reflection_id, purpose=Job.Purpose.AGAIN).count()
        if tries >= AGAIN_TRIES:
            Reflection.objects.filter(pk=job.reflection_id).update(enrich_again=False)


def withdraw(job: Job) -> None:
    """Take back a job that makes something ahead; another one is made when it is wanted again.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    if not Job.objects.filter(pk=job.pk, token=job.token).delete()[0]:
        raise ClaimLost


def finish(job: Job) -> None:
    """End a job whose results are all written.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    _end(job, status=Status.COMPLETE, finished_at=timezone.now(), **UNCLAIMED)


def give_back(job: Job, error: Exception) -> None:
    """Return a job after an error, to be tried again later, or end it as failed.

    What a model can't do, or answered badly, would be no better the next time. While no model is
    there to be asked, the job waits for one, however long that is.
    """
    now = timezone.now()
    errors, wait = job.errors + 1, FIRST_WAIT * 2**job.errors
    changes: dict[str, Any] = {"last_error": type(error).__name__, **UNCLAIMED}
    if isinstance(error, NOBODY_ASKED):
        errors, wait = job.errors, AGAIN_AFTER
        changes["attempts"] = F("attempts") - 1
    hopeless = isinstance(error, InferenceError) and not error.outage
    if hopeless or errors >= MAX_ERRORS:
        changes |= {"status": Status.FAILED, "finished_at": now}
    else:
        wait *= random.uniform(1, 1 + JITTER)  # noqa: S311
        changes |= {"status": Status.QUEUED, "available_at": now + wait}
    changes["errors"] = errors
    try:
        _end(job, **changes)
    except ClaimLost:
        logger.warning("[JOB] Lost to another worker while it failed")


def release(workers: Collection[str], *, charged: bool) -> int:
    """Return what workers that are gone had claimed, for others to go on with at once.

    Args:
        workers: by `worker_name`.
        charged: whether the claim counts: the work may be what killed the worker.
    """
    changes: dict[str, Any] = {} if charged else {"attempts": F("attempts") - 1}
    claimed = Job.objects.filter(status__in=RUNNING, claimed_by__in=workers)
    return claimed.update(status=Status.QUEUED, available_at=timezone.now(), **UNCLAIMED, **changes)


def cancel(chosen: QuerySet[Job], most: int | None = None) -> int:
    """End those of these jobs that are unfinished, at once; return how many.

    Whoever is at work on one has lost its claim, and writes nothing more. Where it was to find
    better answers, no other job is made for that.

    Args:
        most: no more than so many, those that were made first; None: all.
    """
    return _in_batches(chosen.filter(status__in=UNFINISHED), most, _cancel)


def _cancel(held: Sequence[Job]) -> int:
    mine = {job.reflection_id for job in held if job.purpose not in Job.BESIDES}
    marked = _lock(Reflection.objects.filter(enrich_again=True, pk__in=mine).only("pk"))
    Reflection.objects.filter(pk__in=[one.pk for one in marked]).update(enrich_again=False)
    ended = {"status": Status.CANCELLED, "finished_at": timezone.now(), **UNCLAIMED}
    return Job.objects.filter(pk__in=[job.pk for job in held]).update(**ended)


def retry(chosen: QuerySet[Job], most: int | None = None) -> int:
    """Queue again those that failed, were cancelled or quarantined, with all their budgets.

    Stages that are done are kept. Enriching fallbacks again is `again`'s affair. Return how
    many were queued.

    Args:
        most: no more than so many, those that were made first; None: all.
    """
    ended = chosen.filter(purpose=Job.Purpose.SUBMITTED, status__in=RETRYABLE)
    return _in_batches(ended, most, _retry)


def _retry(held: Sequence[Job]) -> int:
    queued = Job.objects.filter(pk__in=[job.pk for job in held]).update(
        status=Status.QUEUED,
        attempts=0,
        errors=0,
        available_at=timezone.now(),
        finished_at=None,
    )
    # The workers issue the others.
    for _ in range(min(queued, TICKETS_AT_ONCE)):
        issue_ticket()
    return queued


def _in_batches(
    chosen: QuerySet[Job], most: int | None, change: Callable[[Sequence[Job]], int]
) -> int:
    """Change jobs, each batch of them locked in a transaction of its own; return how many."""
    changed, last, left = 0, 0, sys.maxsize if most is None else most
    while left > 0:
        size = min(BATCH, left)
        with transaction.atomic():
            following = chosen.filter(pk__gt=last).only("pk", "reflection_id", "purpose")
            held = _lock(following, size)
            changed += change(held) if held else 0
        if len(held) < size:
            break
        last, left = held[-1].pk, left - size
    return changed


def _lock(rows: QuerySet[Row], most: int | None = None) -> list[Row]:
    """Lock rows in the order of their keys, so that no two who do so wait for each other."""
    return list(rows.order_by("pk").select_for_update()[:most])


def top_up_tickets(others: int = 0) -> int:
    """Issue tickets up to the number of claimable jobs, never beyond; return how many.

    Some at a time: it is the heartbeat that calls, and leases must be renewed meanwhile.

    Args:
        others: work that is no job and needs a ticket too.
    """
    claimable_jobs = Job.objects.claimable(timezone.now())
    if people_wait():
        claimable_jobs = claimable_jobs.for_people()
    claimable = claimable_jobs.count() + others
    try:
        missing = min(claimable - int(get_broker().queue_size()), TICKETS_AT_ONCE)
        for _ in range(missing):
            issue_ticket()
    except RedisError as exc:
        logger.warning("%d jobs wait for tickets: %s", claimable, exc)
        return 0
    return max(0, missing)


def _best(now: datetime) -> list[Job]:
    """Return the few jobs to try, best first.

    One look for each kind of claimable job: the index has those that wait in order, and few are
    abandoned. One look for both would sort the whole backlog each time.
    """
    found: list[Job] = []
    for kind in (is_ready(now), is_abandoned(now)):
        ordered = (
            Job.objects.filter(kind).order_by("priority", "created_at").select_related("reflection")
        )
        found += ordered[:CLAIM_CHOICE]
    best = sorted(found, key=attrgetter("priority", "created_at"))[:CLAIM_CHOICE]
    if best and best[0].priority == Priority.BACKGROUND and people_wait():
        return []
    return best


def _take(seen: Job, now: datetime) -> bool:
    """Claim a job, unless another worker was faster or it has cost too many workers."""
    if seen.crashes >= MAX_CRASHES:
        with transaction.atomic():
            if _update_as_seen(seen, status=Status.QUARANTINED, finished_at=now, **UNCLAIMED):
                _tell(seen, Status.QUARANTINED)
        return False
    # What was never begun has no results, and is not asked for them.
    first = StageResult.objects.filter(reflection=seen.reflection, stage=1)
    second = seen.purpose == Job.Purpose.VARIANTS or (
        seen.started_at is not None and first.exists()
    )
    return _update_as_seen(
        seen,
        status=Status.STAGE2_RUNNING if second else Status.STAGE1_RUNNING,
        token=uuid.uuid4(),
        claimed_by=worker_name(),
        lease_until=now + LEASE,
        attempts=seen.attempts + 1,
        started_at=seen.started_at or now,
    )


def _update_as_seen(job: Job, **changes: Any) -> bool:
    """Apply changes if nobody else changed the claim since the job was read."""
    done = Job.objects.filter(
        pk=job.pk, status=job.status, token=job.token, attempts=job.attempts
    ).update(**changes)
    if done:
        for name, value in changes.items():
            setattr(job, name, value)
    return done == 1


def _end(job: Job, **changes: Any) -> None:
    """Apply changes that may end the job, and tell of it in the same transaction."""
    with transaction.atomic():
        _fenced_update(job, **changes)
        _tell(job, changes["status"])


def _tell(job: Job, status: Status) -> None:
    """Write who is to be told what became of a submission; of other jobs nobody is."""
    if job.purpose == Job.Purpose.SUBMITTED and status in outbox.EVENT_OF:
        outbox.put(job.reflection_id, status)


def _fenced_update(job: Job, **changes: Any) -> None:
    if not Job.objects.filter(pk=job.pk, token=job.token).update(**changes):
        raise ClaimLost
