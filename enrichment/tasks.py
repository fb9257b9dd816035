"""django-q2's entry points. Queued rows name them by path: a rename would strand those."""

import logging

from cachestats.cache import get_cache
from enrichment import hosts, jobs, services, worker
from enrichment.errors import CallAborted

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
    try:
        with worker.keeping_lease(job):
            services.run_job(job, interrupted=worker.is_ending)
    except (jobs.Interrupted, CallAborted):
        # A call may have been broken off for the job before this one; a lost claim frees nothing.
        jobs.release([jobs.worker_name()], charged=False)
    except jobs.ClaimLost:
        logger.info("Job %s was cancelled, or is another worker's now", job.pk)
    except Exception as exc:
        logger.exception("Job %s failed on attempt %d", job.pk, job.attempts)
        jobs.give_back(job, exc)
    finally:
        get_cache().flush()
