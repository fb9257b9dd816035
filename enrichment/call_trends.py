"""How calls to models went over time: what `call_reports` adds up, step by step."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cachestats.spans import Grid, Range
from enrichment.call_groups import Group, stepped
from enrichment.call_reports import CallNumbers, call_numbers, over
from enrichment.call_rollups import PARTS

# By step; None where no call was answered.
Series = list[float | None]


@dataclass(frozen=True, kw_only=True)
class CallTrend:
    """Calls to models over a range. Each list has an item for each step of the grid.

    overall: all of them.
    part_seconds: by the names of `call_rollups.PARTS`, what it took of an answered call on average.
    tokens_per_second: generated ones, as in `CallNumbers`; None where none were.
    by_host: that of each host, in the order of their names.
    """

    grid: Grid
    overall: CallNumbers
    part_seconds: dict[str, Series]
    tokens_per_second: Series
    by_host: dict[str, Series]


def call_trend(span: Range, now: datetime | None = None) -> CallTrend:
    """Return the calls to models over the steps of a range that ends now."""
    now = now or timezone.now()
    grid = span.grid(now)
    by_step: list[list[Group]] = [[] for _ in range(grid.steps)]
    found, together = stepped(grid, now)
    for group in found:
        by_step[group.step].append(group)
    hosts = sorted({group.host for found in by_step for group in found})
    return CallTrend(
        grid=grid,
        overall=call_numbers(together),
        part_seconds={part: [_mean_seconds(part, found) for found in by_step] for part in PARTS},
        tokens_per_second=[_speed(found) for found in by_step],
        by_host={
            host: [_speed(group for group in found if group.host == host) for found in by_step]
            for host in hosts
        },
    )


def _mean_seconds(part: str, found: Iterable[Group]) -> float | None:
    answered = [group for group in found if not group.error]
    total_ms = sum(group.total_ms[part] for group in answered)
    return over(total_ms / 1000, sum(group.calls for group in answered))


def _speed(found: Iterable[Group]) -> float | None:
    answered = [group for group in found if not group.error]
    seconds = sum(group.paced_ms for group in answered) / 1000
    return over(sum(group.paced_tokens for group in answered), seconds)
