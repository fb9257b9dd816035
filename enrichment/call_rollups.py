"""Adds calls to models up by quarters of an hour, and these by longer spans when they are old.

Each row of a call says whether it was added up. It is marked in the transaction that adds it, so
that none is added twice or left out, whoever is killed, comes late or does the same at once.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from cachestats.histograms import NONE, Histogram
from enrichment.models import CallRollup, InferenceCall
from enrichment.steps import HOUR, QUARTER, ceil, floor

# Younger calls are read one by one: their percentiles are exact.
RECENT = HOUR
# From what age on sums are merged by so many hours: pictures of a longer time have longer steps.
SPANS = ((timedelta(days=2), 1), (timedelta(days=8), 6), (timedelta(days=32), 24))
KEPT = timedelta(days=400)
# A transaction takes so many: whoever writes meanwhile waits for one of them.
BATCH_ROWS = 2_000
MERGED_AT_ONCE = 12 * HOUR
# Of each turn; a sweep's caller has leases to renew.
BUDGET_SECONDS = 4.0

PARTS = ("queue", "load", "prompt", "generation")
TIMES = ("elapsed", *PARTS)
SUMS = (
    "calls",
    "retried",
    *(f"{part}_ms" for part in PARTS),
    "prompt_tokens",
    "generated_tokens",
    "paced_tokens",
    "paced_ms",
)
HISTOGRAMS = tuple(f"{name}_histogram" for name in TIMES)

PLACE = ("at", "host", "model", "kind", "error")
# Where calls are added up, by the names of PLACE.
Place = tuple[datetime, str, str, str, str]


def first_whole(since: datetime, now: datetime) -> datetime:
    """Return from when on sums lie wholly after an instant, however old they have become."""
    hours = max((hours for age, hours in SPANS if since <= now - age), default=0)
    return ceil(since, hours * HOUR or QUARTER)


def roll_up(now: datetime | None = None, *, budget_seconds: float = BUDGET_SECONDS) -> int:
    """Add calls up that are no longer recent, and merge sums that are old; return how many calls.

    What is not done in time is left for the next time. Run twice it changes nothing more.
    """
    now = now or timezone.now()
    ends_at = time.monotonic() + budget_seconds
    done = 0
    for count in _until(ends_at, _roll_up_some(floor(now - RECENT, QUARTER))):
        done += count
    for _ in _until(ends_at, merging(now)):
        pass
    return done


def mergeable(now: datetime) -> QuerySet[CallRollup]:
    """Return sums that are to be merged into some of longer spans."""
    lengths = (Q(hours__lt=hours, at__lt=before) for hours, before in _lengths(now))
    return CallRollup.objects.filter(reduce(or_, lengths))


def merging(now: datetime) -> Iterator[int]:
    """Merge sums into some of longer spans, a day's at most at each step; yield how many."""
    for hours, before in _lengths(now):
        yield from _merge(hours, before)


def outdated(now: datetime) -> QuerySet[CallRollup]:
    """Return sums that are older than KEPT."""
    return CallRollup.objects.filter(at__lt=now - KEPT)


def _lengths(now: datetime) -> Iterator[tuple[int, datetime]]:
    """Yield how many hours sums are merged by that are older than an instant."""
    for age, hours in SPANS:
        yield hours, floor(now - age, hours * HOUR)


def _until(ends_at: float, steps: Iterator[int]) -> Iterator[int]:
    """Take one step after the other while there is time; others may write between two of them,
    but where time is without end, which is for who fills a site that nobody uses.
    """
    while time.monotonic() < ends_at:
        began = time.monotonic()
        if not (done := next(steps, 0)):
            return
        yield done
        if math.isfinite(ends_at):
            time.sleep(min(time.monotonic() - began, max(0.0, ends_at - time.monotonic())))


def _roll_up_some(before: datetime) -> Iterator[int]:
    """Add up some calls at each step; yield how many."""
    waiting = InferenceCall.objects.filter(rolled_up=False, at__lt=before).order_by("at", "id")
    # In SQLite a transaction locks out all who write, even where there is nothing to do.
    while waiting.exists():
        with transaction.atomic():
            calls = list(waiting.select_for_update()[:BATCH_ROWS])
            by_place: dict[Place, list[InferenceCall]] = defaultdict(list)
            for call in calls:
                by_place[_place(call, QUARTER)].append(call)
            _add({place: [_added_up(some)] for place, some in by_place.items()})
            InferenceCall.objects.filter(pk__in=[call.pk for call in calls]).update(rolled_up=True)
        yield len(calls)


def _merge(hours: int, before: datetime) -> Iterator[int]:
    """Merge sums of shorter spans into some of so many hours at each step; yield how many."""
    shorter = CallRollup.objects.filter(hours__lt=hours, at__lt=before)
    while (oldest := shorter.aggregate(at=Min("at"))["at"]) is not None:
        until = min(before, floor(oldest, hours * HOUR) + max(MERGED_AT_ONCE, hours * HOUR))
        with transaction.atomic():
            rows = list(shorter.select_for_update().filter(at__lt=until).order_by(*PLACE))
            by_place: dict[Place, list[CallRollup]] = defaultdict(list)
            for row in rows:
                by_place[_place(row, hours * HOUR)].append(row)
            CallRollup.objects.filter(pk__in=[row.pk for row in rows]).delete()
            _add(by_place, hours=hours)
        yield len(rows)


def _place(row: InferenceCall | CallRollup, step: timedelta) -> Place:
    return floor(row.at, step), row.host, row.model, row.kind, row.error


def _add(more: Mapping[Place, Iterable[CallRollup]], *, hours: int = 0) -> None:
    """Add sums to those of their places, within the caller's transaction."""
    empty = [
        CallRollup(**dict(zip(PLACE, place, strict=True)), hours=hours) for place in sorted(more)
    ]
    # Who adds to the same places at the same time waits here, in one order, and then finds them.
    CallRollup.objects.bulk_create(empty, ignore_conflicts=True)
    there = CallRollup.objects.select_for_update().filter(at__in={place[0] for place in more})
    rows = {tuple(getattr(row, name) for name in PLACE): row for row in there.order_by(*PLACE)}
    added = []
    for place, others in more.items():
        row, parts = rows[place], [rows[place], *others]
        for name in SUMS:
            setattr(row, name, sum(getattr(part, name) for part in parts))
        for name in HISTOGRAMS:
            times = sum((Histogram.unpack(getattr(part, name)) for part in parts), NONE)
            setattr(row, name, times.pack())
        row.hours = max(row.hours, hours)
        row.pk = None
        added.append(row)
    CallRollup.objects.bulk_create(
        added,
        update_conflicts=True,
        unique_fields=PLACE,
        update_fields=["hours", *SUMS, *HISTOGRAMS],
    )


def _added_up(calls: Sequence[InferenceCall]) -> CallRollup:
    """Return the sums of calls of one place, not yet in any."""
    rollup = CallRollup(calls=len(calls), retried=sum(1 for call in calls if call.attempts > 1))
    answered = [call for call in calls if not call.error]
    paced = [call for call in answered if (call.generated_tokens or 0) > 1]
    for name in ("prompt_tokens", "generated_tokens", *(f"{part}_ms" for part in PARTS)):
        setattr(rollup, name, sum(getattr(call, name) or 0 for call in answered))
    rollup.paced_tokens = sum(call.generated_tokens or 0 for call in paced)
    rollup.paced_ms = sum(call.generation_ms or 0.0 for call in paced)
    # Of others it is not known where their time went.
    known = [call for call in answered if call.prompt_ms is not None]
    for name in TIMES:
        times = Histogram.of(getattr(call, f"{name}_ms") for call in known)
        setattr(rollup, f"{name}_histogram", times.pack())
    return rollup
