"""Claim, lease, fence: who may work on a job and write its results.

The job row is the truth; a queue message is a ticket without content that says "look for work".
A claim sets a token by compare-and-swap, and every write of that worker is fenced by it, so that
a spare ticket finds nothing to do and a worker that was given up on writes nothing.
"""

import logging
import os
import random
import socket
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial, reduce
from operator import attrgetter, or_
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task
from redis import RedisError

from enrichment.errors import (
    CircuitOpen,
    HostBusy,
    HostUnreachable,
    InferenceError,
    ModelMissing,
)
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import RUNNING, UNFINISHED, Priority, is_abandoned, is_ready

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
# Separate budgets: who works on a job is killed for many reasons that are not the job's.
MAX_ERRORS = 5
MAX_CRASHES = 20
FIRST_WAIT = timedelta(seconds=2)
# Jobs that failed together must not come back together.
JITTER = 0.5
# A claim that lost its race for a job tries the next best; after some it looks again, but not for
# ever.
CLAIM_CHOICE = 5
CLAIM_LOOKS = 5
AGAIN_AT_ONCE = 20
# Twice as long after each try that failed; what takes the model down each time must not do so for
# ever.
AGAIN_AFTER = timedelta(seconds=30)
AGAIN_TRIES = 10
TICKET = "enrichment.tasks.run_next_job"
# Issued at once: more than workers finish until the next look for missing ones, 5 s later, and
# written within about 0.1 s, for which other writers wait.
TICKETS_AT_ONCE = 100
UNCLAIMED: dict[str, Any] = {"token": None, "claimed_by": "", "lease_until": None}
# What is no fault of the question: no host took it.
NOBODY_ASKED = (HostUnreachable, HostBusy, CircuitOpen, ModelMissing)
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
    return Job.objects.create(
        reflection=reflection,
        priority=priority,
        status=status,
        available_at=now,
        finished_at=finished_at,
    )


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
    job.status = next_status


def commit_again(job: Job, results: Sequence[StageResult]) -> None:
    """Put better results in the place of a reflection's fallbacks, and end the job.

    Raises:
        ClaimLost: the claim does not hold any more; nothing was written.
    """
    with transaction.atomic():
        finish(job)
        stages = [result.stage for result in results]
        job.reflection.results.filter(stage__in=stages).delete()
        StageResult.objects.bulk_create(results)
        Reflection.objects.filter(pk=job.reflection_id).update(enrich_again=False)


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


def queue_again() -> int:
    """Queue reflections that only got fallbacks; return how many.

    Call it when a model answers. Few at a time, behind what persons wait for: oldest first, then
    those that failed again, which are left alone for a while, and in the end for good.
    """
    now = timezone.now()
    pending = Job.objects.filter(purpose=Job.Purpose.AGAIN, finished_at__isnull=True).count()
    mine = Q(jobs__purpose=Job.Purpose.AGAIN)
    waited = (
        Q(tries=tries, tried_at__lte=now - AGAIN_AFTER * 2 ** (tries - 1))
        for tries in range(1, AGAIN_TRIES)
    )
    due = (
        Reflection.objects.filter(enrich_again=True)
        .annotate(
            complete=Count("jobs", filter=Q(jobs__status=Status.COMPLETE)),
            unfinished=Count("jobs", filter=mine & Q(jobs__finished_at=None)),
            tries=Count("jobs", filter=mine),
            tried_at=Max("jobs__created_at", filter=mine),
        )
        .filter(reduce(or_, waited, Q(tries=0)), complete__gt=0, unfinished=0)
        .order_by(F("tried_at").asc(nulls_first=True), "created_at")
        .values_list("pk", flat=True)
    )
    again = [
        Job(
            reflection_id=reflection_id,
            purpose=Job.Purpose.AGAIN,
            priority=Priority.BULK,
            available_at=now,
        )
        for reflection_id in due[: max(0, AGAIN_AT_ONCE - pending)]
    ]
    # Of two workers that look at the same time one is refused by the constraint.
    Job.objects.bulk_create(again, ignore_conflicts=True)
    return len(again)


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
    _fenced_update(job, status=Status.COMPLETE, finished_at=timezone.now(), **UNCLAIMED)


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
        _fenced_update(job, **changes)
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


def cancel(chosen: QuerySet[Job]) -> int:
    """End those of these jobs that are unfinished, at once; return how many.

    Whoever is at work on one has lost its claim, and writes nothing more. Where it was to find
    better answers, no other job is made for that.
    """
    unfinished = chosen.filter(status__in=UNFINISHED)
    marked = unfinished.exclude(purpose=Job.Purpose.VARIANTS).filter(
        reflection__in=Reflection.objects.filter(enrich_again=True)
    )
    with transaction.atomic():
        # Jobs before reflections, as a worker's commit does, or the two could wait for each other.
        reflections = list(marked.select_for_update().values_list("reflection_id", flat=True))
        Reflection.objects.filter(pk__in=reflections).update(enrich_again=False)
        return unfinished.update(status=Status.CANCELLED, finished_at=timezone.now(), **UNCLAIMED)


def retry(chosen: QuerySet[Job]) -> int:
    """Queue again those that failed, were cancelled or quarantined, with all their budgets.

    Stages that are done are kept. Enriching fallbacks again is `queue_again`'s affair. Return how
    many were queued.
    """
    ended = chosen.filter(purpose=Job.Purpose.SUBMITTED, status__in=RETRYABLE)
    with transaction.atomic():
        queued = ended.update(
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


def top_up_tickets() -> int:
    """Issue tickets up to the number of claimable jobs, never beyond; return how many.

    Some at a time: it is the heartbeat that calls, and leases must be renewed meanwhile.
    """
    claimable_jobs = Job.objects.claimable(timezone.now())
    if people_wait():
        claimable_jobs = claimable_jobs.for_people()
    claimable = claimable_jobs.count()
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
        _update_as_seen(seen, status=Status.QUARANTINED, finished_at=now, **UNCLAIMED)
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


def _fenced_update(job: Job, **changes: Any) -> None:
    if not Job.objects.filter(pk=job.pk, token=job.token).update(**changes):
        raise ClaimLost
