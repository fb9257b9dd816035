"""Which reflections that only got fallbacks are enriched again, and when."""

from datetime import timedelta
from functools import reduce
from operator import or_

from django.db.models import Count, F, Max, Q
from django.utils import timezone

from enrichment.models import Job, Reflection, Status
from enrichment.models.jobs import Priority

AGAIN_AT_ONCE = 20
# Doubled after each try that failed; what takes the model down must not do so for ever.
AGAIN_AFTER = timedelta(seconds=30)
AGAIN_TRIES = 10


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
        Job(reflection_id=pk, purpose=Job.Purpose.AGAIN, priority=Priority.BULK, available_at=now)
        for pk in due[: max(0, AGAIN_AT_ONCE - pending)]
    ]
    # Of two workers that look at the same time one is refused by the constraint.
    Job.objects.bulk_create(again, ignore_conflicts=True)
    return len(again)
