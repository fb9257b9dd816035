"""Takes a sample of the queue each minute, however many workers there are, and merges old ones."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Min, Q
from django.utils import timezone

from enrichment.models import Job, QueueSample, Status, WorkerHeartbeat
from enrichment.models.jobs import FREE_SINCE, is_free, is_held
from enrichment.steps import MINUTE, QUARTER, floor

# What a minute ended is committed by then.
SETTLED = timedelta(seconds=5)
# Where nobody took samples for longer, nobody worked; what went on then is of no minute.
LONGEST_GAP = timedelta(minutes=15)
FINE = timedelta(days=7)
KEPT = timedelta(days=400)
FAILURES = (Status.FAILED, Status.QUARANTINED)
# What of a quarter's samples is the greatest, and what is added up.
MOST = ("waiting", "running", "workers")
ALL = ("minutes", "done", "failed")


def sample_queue(now: datetime | None = None) -> bool:
    """Keep how the queue is, and what was done since the last sample; return whether that was new.

    Of all workers the first one in a minute takes its sample.
    """
    now = now or timezone.now()
    at = floor(now - SETTLED, MINUTE)
    newest = QueueSample.objects.order_by("-at").values_list("at", flat=True).first()
    if newest is not None and newest >= at:
        return False
    since = at - MINUTE if newest is None else max(newest, at - LONGEST_GAP)
    # Another worker may have been as fast.
    _, created = QueueSample.objects.get_or_create(at=at, defaults=_found(at, since, now))
    return created


def sweep(now: datetime | None = None) -> None:
    """Merge samples by quarters of an hour that are older than FINE; delete those beyond KEPT."""
    now = now or timezone.now()
    QueueSample.objects.filter(at__lt=now - KEPT).delete()
    before = floor(now - FINE, QUARTER)
    minutes = QueueSample.objects.filter(at__lt=before, merged=False)
    quarters = {floor(at, QUARTER) for at in minutes.values_list("at", flat=True)}
    for quarter in sorted(quarters):
        _merge(quarter)


def _merge(quarter: datetime) -> None:
    """Make one row of the samples within a quarter."""
    within = QueueSample.objects.filter(at__gte=quarter, at__lt=quarter + QUARTER)
    with transaction.atomic():
        rows = list(within.select_for_update().order_by("at"))
        # Another worker may have merged them meanwhile.
        if not rows or all(row.merged for row in rows):
            return
        within.filter(pk__in=[row.pk for row in rows]).delete()
        QueueSample.objects.create(
            at=quarter,
            merged=True,
            **{name: max(getattr(row, name) for row in rows) for name in MOST},
            **{name: sum(getattr(row, name) for row in rows) for name in ALL},
            oldest_seconds=max(
                (row.oldest_seconds for row in rows if row.oldest_seconds is not None),
                default=None,
            ),
        )


def _found(at: datetime, since: datetime, now: datetime) -> dict[str, Any]:
    submitted = Job.objects.for_people()
    work = submitted.unfinished().aggregate(
        total=Count("id"),
        running=Count("id", filter=is_held(now)),
        oldest=Min(FREE_SINCE, filter=is_free(now)),
    )
    ended = Q(finished_at__gte=since, finished_at__lt=at)
    oldest = work["oldest"]
    return {
        "minutes": round((at - since) / MINUTE),
        "waiting": work["total"] - work["running"],
        "running": work["running"],
        "done": submitted.done_by_workers().filter(ended).count(),
        "failed": submitted.filter(ended, status__in=FAILURES).count(),
        "oldest_seconds": None if oldest is None else max(0.0, (now - oldest).total_seconds()),
        "workers": WorkerHeartbeat.objects.alive(now).count(),
    }
