"""Whether there is room for more work, and if not, how soon there will be."""

import math

from django.utils import timezone

from enrichment.models import Job, WorkerHeartbeat
from enrichment.models.jobs import Priority, is_ready

# Of so many jobs that were done the mean tells how soon there will be room for more.
SERVICE_SAMPLE = 50
UNKNOWN_SERVICE_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 3600


def seconds_until_room(priority: Priority, depth: int, *, looks: bool = False) -> int:
    """Return in how many seconds a job of this priority finds room in the queue; 0: now.

    Only what goes before it counts, so that a flood of bulk work keeps no person waiting, and
    neither do jobs whose time has not come, such as pictures that wait for a model.

    Args:
        looks: the job has a picture to be described. Then those count too: it may come to wait
            with them, and without a model nothing else would end their growing.
    """
    now = timezone.now()
    before = Job.objects.waiting() if looks else Job.objects.filter(is_ready(now))
    waiting = before.filter(priority__lte=priority).count()
    if waiting < depth:
        return 0
    workers = max(1, WorkerHeartbeat.objects.alive(now).count())
    seconds = (waiting - depth + 1) * _mean_service_seconds() / workers
    return min(max(1, math.ceil(seconds)), LONGEST_RETRY_SECONDS)


def _mean_service_seconds() -> float:
    """Return how long the last jobs took that a worker did."""
    done = Job.objects.done_by_workers().for_people().order_by("-finished_at")
    times = done.values_list("started_at", "finished_at")
    took = [
        (finished - started).total_seconds()
        for started, finished in times[:SERVICE_SAMPLE]
        if started and finished
    ]
    return sum(took) / len(took) if took else UNKNOWN_SERVICE_SECONDS
