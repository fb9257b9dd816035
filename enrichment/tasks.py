"""django-q2's entry points. Queued rows name them by path: a rename would strand those."""

import logging
import time

from django.utils import timezone
from structlog.contextvars import bound_contextvars

from cachestats.cache import get_cache
from enrichment import hosts, jobs, services, worker
from enrichment.errors import CallAborted
from enrichment.models import Job

logger = logging.getLogger(__name__)


def run_next_job() -> None:
    """Work on the best job there is, if any."""
    hosts.wait_for_engine()
    if worker.is_ending():
        # The reaper issues another ticket for this job.
        return
    job = jobs.claim()
    if job is None:
        return
    queued = timezone.now() - job.available_at
    with bound_contextvars(job=job.pk, attempt=job.attempts, token=str(job.token)[:8]):
        logger.info("[JOB] Claimed", extra={"queue_ms": round(queued.total_seconds() * 1000)})
        _run(job)


def _run(job: Job) -> None:
    started = time.perf_counter()
    try:
        with worker.keeping_lease(job):
            services.run_job(job, interrupted=worker.is_ending)
    except (jobs.Interrupted, CallAborted):
        # A call may have been broken off for the job before this one; a lost claim frees nothing.
        jobs.release([jobs.worker_name()], charged=False)
        logger.info("[JOB] Given back")
    except jobs.ClaimLost:
        logger.info("[JOB] Lost: it was cancelled, or is another worker's now")
    except Exception as exc:
        logger.exception("[JOB] Failed")
        jobs.give_back(job, exc)
    else:
        run_ms = round((time.perf_counter() - started) * 1000)
        logger.info("[JOB] Done", extra={"run_ms": run_ms})
    finally:
        get_cache().flush()
