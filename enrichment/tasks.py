"""django-q2's entry points. Queued rows name them by path: a rename would strand those."""

import logging
import time

from django.utils import timezone
from structlog.contextvars import bound_contextvars

from cachestats.cache import get_cache
from enrichment import forgetting, hosts, jobs, services, warm_ups, warming, worker
from enrichment.errors import CallAborted
from enrichment.models import Job

logger = logging.getLogger(__name__)

# Of a ticket; with the longest job after it, it stays below the queue's time-out.
TURN_SECONDS = 60.0
LOST = "[JOB] Lost: it was cancelled, or is another worker's now"


class TicketFailed(Exception):
    """Working on jobs failed; the log says where."""


def run_next_job() -> None:
    """Work on the best job there is, then on the next, for a while.

    A worker that is at it does not wait for a ticket's way through the queue; the tickets of the
    jobs that it took find nothing to do.

    Raises:
        TicketFailed: names the kind of error and no more: django-q2 logs and keeps what a ticket
            raises, and an error may quote somebody's words.
    """
    try:
        _run_jobs()
    except Exception as exc:
        logger.exception("[JOB] A ticket failed")
        raise TicketFailed(type(exc).__name__) from None


def _run_jobs() -> None:
    hosts.wait_for_engine()
    ends_at = time.monotonic() + TURN_SECONDS
    worked = False
    # A job that is left is another ticket's; the reaper issues what is missing.
    while not worker.is_ending() and time.monotonic() < ends_at and (job := jobs.claim()):
        worked = True
        queued = timezone.now() - job.available_at
        with bound_contextvars(job=job.pk, attempt=job.attempts, token=str(job.token)[:8]):
            logger.info("[JOB] Claimed", extra={"queue_ms": round(queued.total_seconds() * 1000)})
            _run(job)
    # After a job it is left to another ticket: both together could outlast the queue's time-out.
    if not worked and not worker.is_ending() and (run := warm_ups.claim()):
        warming.work_on(run, interrupted=worker.is_ending)


def _run(job: Job) -> None:
    started = time.perf_counter()
    try:
        with worker.keeping_lease(job):
            services.run_job(job, interrupted=worker.is_ending)
    except (jobs.Interrupted, CallAborted):
        # A call may have been broken off for the job before this one; a lost claim frees nothing.
        released = jobs.release([jobs.worker_name()], charged=False)
        logger.info("[JOB] Given back" if released else LOST)
    except jobs.ClaimLost:
        logger.info(LOST)
    except Exception as exc:
        if isinstance(exc, jobs.NOBODY_ASKED):
            # Each that waits comes by twice a minute; the outage itself is warned of once.
            logger.info("[JOB] Waits for a model: %s", type(exc).__name__)
        else:
            logger.exception("[JOB] Failed")
        jobs.give_back(job, exc)
        forgetting.forget_failure(job)
    else:
        run_ms = round((time.perf_counter() - started) * 1000)
        logger.info("[JOB] Done", extra={"run_ms": run_ms})
    finally:
        get_cache().flush()
