"""How the queue went over time, from the samples that the workers take of it each minute."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Sum
from django.utils import timezone

from cachestats.spans import Grid, Range
from enrichment.models import QueueSample
from enrichment.steps import Step


@dataclass(frozen=True, kw_only=True)
class QueueTrend:
    """The queue over a range. Each list has an item for each step; None where none was sampled.

    depth: the most jobs that waited. throughput: jobs done a minute.
    """

    grid: Grid
    depth: list[int | None]
    throughput: list[float | None]


def queue_trend(span: Range, now: datetime | None = None) -> QueueTrend:
    """Return the queue over the steps of a range that ends now."""
    grid = span.grid(now or timezone.now())
    rows = (
        QueueSample.objects.filter(at__gte=grid.since, at__lt=grid.until)
        .order_by()
        .values(number=Step(grid))
        .annotate(
            depth=Max("waiting"),
            all_done=Sum("done"),
            all_minutes=Sum("minutes"),
        )
    )
    found = {row["number"]: row for row in rows}
    steps = [found.get(number) for number in range(grid.steps)]
    return QueueTrend(
        grid=grid,
        depth=[row and row["depth"] for row in steps],
        throughput=[row and row["all_done"] / row["all_minutes"] for row in steps],
    )
