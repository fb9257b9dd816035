"""Takes a sample of the queue each minute, however many workers there are, and merges old ones."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from enrichment.models import Job, QueueSample, Status, WorkerHeartbeat
from enrichment.models.jobs import FREE_SINCE, is_free, is_held
from enrichment.steps import DAY, HOUR, MINUTE, QUARTER, floor

# What a minute ended is committed by then.
SETTLED = timedelta(seconds=5)
# Where nobody took samples for longer, nobody worked; what went on then is of no minute.
LONGEST_GAP = timedelta(minutes=15)
# From what age on samples are merged by such spans: pictures of a longer time have longer steps.
SPANS = ((timedelta(days=2), QUARTER), (timedelta(days=8), HOUR), (timedelta(days=32), DAY))
KEPT = timedelta(days=400)
FAILURES = (Status.FAILED, Status.QUARANTINED)
# What of a span's samples is the greatest, and what is added up.
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


def mergeable(now: datetime) -> QuerySet[QueueSample]:
    """Return samples that are to be merged into some of longer spans."""
    lengths = (
        Q(seconds__lt=length.total_seconds(), at__lt=before) for length, before in _lengths(now)
    )
    return QueueSample.objects.filter(reduce(or_, lengths))


def merging(now: datetime) -> Iterator[int]:
    """Merge samples into some of longer spans, a day's at each step; yield how many rows went."""
    for length, before in _lengths(now):
        shorter = QueueSample.objects.filter(seconds__lt=length.total_seconds(), at__lt=before)
        while (oldest := shorter.aggregate(at=Min("at"))["at"]) is not None:
            day = floor(oldest, DAY)
            yield _merge(day, min(before, day + DAY), length)


def outdated(now: datetime) -> QuerySet[QueueSample]:
    """Return samples that are older than KEPT."""
    return QueueSample.objects.filter(at__lt=now - KEPT)


def _lengths(now: datetime) -> Iterator[tuple[timedelta, datetime]]:
    """Yield how long the spans are that samples are merged by which are older than an instant."""
    for age, length in SPANS:
        yield length, floor(now - age, length)


def _merge(since: datetime, until: datetime, length: timedelta) -> int:
    """Make one row of the samples of each span; return how many there were."""
    seconds = int(length.total_seconds())
    # With those of such spans: one that came late is of one of them.
    within = QueueSample.objects.filter(at__gte=since, at__lt=until, seconds__lte=seconds)
    with transaction.atomic():
        by_span: dict[datetime, list[QueueSample]] = defaultdict(list)
        for row in within.select_for_update().order_by("at"):
            by_span[floor(row.at, length)].append(row)
        merged = {
            span: rows
            for span, rows in by_span.items()
            if any(row.seconds < seconds for row in rows)
        }
        gone = [row.pk for rows in merged.values() for row in rows]
        QueueSample.objects.filter(pk__in=gone).delete()
        QueueSample.objects.bulk_create(
            _merged(span, seconds, rows) for span, rows in merged.items()
        )
    return len(gone)


def _merged(span: datetime, seconds: int, rows: Sequence[QueueSample]) -> QueueSample:
    oldest = (row.oldest_seconds for row in rows if row.oldest_seconds is not None)
    return QueueSample(
        at=span,
        seconds=seconds,
        **{name: max(getattr(row, name) for row in rows) for name in MOST},
        **{name: sum(getattr(row, name) for row in rows) for name in ALL},
        oldest_seconds=max(oldest, default=None),
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
