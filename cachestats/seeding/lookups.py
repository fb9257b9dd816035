"""Made-up look-ups: by the hour of the day, with a hit rate that rises while the cache fills."""

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from django.db import router, transaction

from cachestats import totals
from cachestats.batches import KEPT, Kind, floor
from cachestats.histograms import Histogram
from cachestats.models import CacheState, LookupBatch, Reason, Span
from cachestats.seeding.shapes import MODELS, TYPES, cost_ms

# Look-ups by the hour of the day, UTC: people write in the morning and, most, in the evening.
BY_HOUR = (2, 1, 1, 1, 1, 2, 5, 9, 11, 9, 8, 8, 9, 8, 7, 7, 8, 10, 13, 16, 18, 16, 10, 5)
AT_WEEKENDS = 1.3
# The hit rate begins at the first, and comes near the second.
FIRST_RATE, LAST_RATE, FILLING = 0.12, 0.68, 2.5
COLLAPSED = 0.02
HIT_MS, HIT_SPREAD = 1.8, 0.35
LOOK_UP_MS, LOOK_UP_SPREAD = 3.0, 0.4
# Why look-ups are misses, by weight; one day somebody changed the model.
REASONS = {
    str(Reason.FIRST_SEEN): 70.0,
    str(Reason.EXPIRED): 9.0,
    str(Reason.EVICTED): 4.0,
    str(Reason.NO_CACHE): 3.0,
    f"{Reason.CHANGED}: model": 2.0,
}
CHANGED = f"{Reason.CHANGED}: model"
CHANGED_AT, CHANGED_FOR, CHANGED_WEIGHT = 0.6, 0.05, 60.0

Values = tuple[list[float], list[float]]


def add_lookups(lookups: int, days: int, seed: int, now: datetime) -> None:
    """Add so many look-ups of the last days: batches, and what they add up to since the first."""
    every: dict[Kind, list[float]] = defaultdict(list)
    batches = []
    for at, kind, (latencies_ms, costs_ms) in _counted(lookups, days, seed, now):
        every[kind] += latencies_ms
        batches.append(
            LookupBatch(
                at=at,
                cache_type=kind.cache_type,
                model=kind.model,
                state=kind.state,
                reason=kind.reason,
                count=len(latencies_ms),
                latency_ms=sum(latencies_ms),
                cost_ms=sum(costs_ms),
                latencies=Histogram.of(latencies_ms).pack(),
                costs=Histogram.of(costs_ms).pack(),
            )
        )
    with transaction.atomic(using=router.db_for_write(LookupBatch)):
        LookupBatch.objects.bulk_create(batches, batch_size=500)
        totals.add(
            totals.Added(
                cache_type=kind.cache_type,
                model=kind.model,
                state=kind.state,
                latencies_ms=sorted(latencies_ms),
                answered=True,
            )
            for kind, latencies_ms in every.items()
        )


def _counted(
    lookups: int, days: int, seed: int, now: datetime
) -> Iterator[tuple[datetime, Kind, Values]]:
    chance = Random(f"{seed} look-ups")  # noqa: S311  # the same again is what is wanted
    since = now - timedelta(days=days)
    starts = list(_starts(since, now))
    busy = [_busy(start) * step.total_seconds() for start, step in starts]
    whole, done, left = sum(busy), 0.0, lookups
    for (start, step), weight in zip(starts, busy, strict=True):
        done += weight
        # What was rounded away comes with the next, so that the sum is right.
        some = left - round(lookups * (1 - done / whole))
        left -= some
        progress = (start - since) / (now - since)
        found: dict[Kind, Values] = defaultdict(lambda: ([], []))
        for _ in range(some):
            kind, latency_ms, computing_ms = _look_up(progress, chance)
            found[kind][0].append(latency_ms)
            if kind.computed:
                found[kind][1].append(computing_ms)
        for kind in sorted(found):
            yield min(start + step / 2, now), kind, found[kind]


def _starts(since: datetime, now: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """Yield when batches begin, and how long they are: as short as anybody looks."""
    at = floor(since, Span.HOUR)
    while at < now:
        span = next(span for span in KEPT if KEPT[span] >= now - at or span is Span.HOUR)
        step = timedelta(seconds=span)
        yield max(at, since), step
        at += step


def _busy(at: datetime) -> float:
    return BY_HOUR[at.hour] * (AT_WEEKENDS if at.weekday() >= 5 else 1.0)


def _look_up(progress: float, chance: Random) -> tuple[Kind, float, float]:
    """Return a look-up: its kind, how long it took, and how long computing took."""
    cache_type = chance.choices(TYPES, [one.weight for one in TYPES])[0]
    model = chance.choices(MODELS, [one.weight for one in MODELS])[0]
    rate = LAST_RATE - (LAST_RATE - FIRST_RATE) * math.exp(-FILLING * progress)
    changing = 0 <= progress - CHANGED_AT < CHANGED_FOR
    if changing:
        rate /= 2
    if chance.random() < rate:
        kind = Kind(cache_type.name, model.name, CacheState.HIT, "", computed=False)
        return kind, HIT_MS * chance.lognormvariate(0, HIT_SPREAD), 0.0
    weights = {**REASONS, CHANGED: CHANGED_WEIGHT} if changing else REASONS
    reason = chance.choices(list(weights), list(weights.values()))[0]
    computing_ms = cost_ms(cache_type, model, chance)
    if chance.random() < COLLAPSED:
        kind = Kind(cache_type.name, model.name, CacheState.COLLAPSED, reason, computed=False)
        return kind, computing_ms * chance.random(), 0.0
    kind = Kind(cache_type.name, model.name, CacheState.MISS, reason, computed=True)
    beside_ms = LOOK_UP_MS * chance.lognormvariate(0, LOOK_UP_SPREAD)
    return kind, computing_ms + beside_ms, computing_ms
