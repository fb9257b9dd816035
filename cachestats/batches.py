"""Counted look-ups as rows: those of each flush, and what they add up to by spans of time.

Processes write a row a second for each kind of look-up. Upkeep moves these into spans of a minute,
a quarter of an hour, an hour, a quarter of a day and a day, each kept as long as anybody looks so
closely. So a report costs the same however busy the site was: it takes the longest spans that fit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from cachestats.histograms import NONE, Histogram
from cachestats.models import CacheState, LookupBatch, LookupSpan, Span

LOOKUP_DAYS = 30
KEPT: Mapping[Span, timedelta] = {
    Span.MINUTE: timedelta(hours=3),
    Span.QUARTER_HOUR: timedelta(hours=26),
    Span.HOUR: timedelta(days=LOOKUP_DAYS + 1),
    Span.QUARTER_DAY: timedelta(days=LOOKUP_DAYS + 1),
    Span.DAY: timedelta(days=400),
}
# A transaction moves so many at once: whoever writes meanwhile waits for one of them.
MOVED_ROWS = 500
ALONE = "SELECT pg_advisory_xact_lock(hashtext('cachestats spans'))"

HIT = str(CacheState.HIT)
SUMS = ("count", "latency_ms", "cost_ms", "latencies", "costs")


class Kind(NamedTuple):
    """What is the same for all look-ups of a row; computed: whether they computed their answers."""

    cache_type: str
    model: str
    state: str
    reason: str
    computed: bool


class Second(Func):
    """The whole second of an instant, since 1970: a number is read in a tenth of the time."""

    output_field = BigIntegerField()

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:  # noqa: ARG002
        # Both databases give a whole number; to make sure of it is a fifth of a report's time.
        return []

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        # SQLite would round up what is within half a millisecond of the next second.
        template = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint"
        return self.as_sql(compiler, connection, template=template, **extra)


# Length in seconds and beginning of a span, and the kind of its look-ups.
Place = tuple[int, datetime, Kind]


@dataclass(kw_only=True, slots=True)
class Tally:
    """So many look-ups, how long they took in all, what computing took, and both by histogram."""

    count: int = 0
    latency_ms: float = 0.0
    cost_ms: float = 0.0
    latencies: Histogram = NONE
    costs: Histogram = NONE

    def add(self, other: "Tally") -> None:
        """Count others in."""
        self.count += other.count
        self.latency_ms += other.latency_ms
        self.cost_ms += other.cost_ms
        self.latencies += other.latencies
        self.costs += other.costs


def summed(tallies: Iterable[tuple[Kind, Tally]]) -> dict[Kind, Tally]:
    """Return one tally of each kind."""
    found: dict[Kind, Tally] = {}
    for kind, tally in tallies:
        if kind not in found:
            found[kind] = Tally()
        found[kind].add(tally)
    return found


def read(
    since: datetime, until: datetime, now: datetime, longest: timedelta = timedelta(days=1)
) -> Iterator[tuple[datetime, Kind, Tally]]:
    """Yield look-ups of a stretch of time, each once: second or beginning, kind and tally.

    The stretch begins at the shortest span that was kept for so long. It is read in one statement,
    which sees no look-up twice while they are moved. Histograms are of hits and of what computed an
    answer alone: most of the time goes into them.

    Args:
        longest: spans to be told apart; a multiple of the shortest that was kept for so long.
    """
    spans = [span for span in Span if KEPT[span] >= now - since] or [Span.DAY]
    spans = spans[:1] + [span for span in spans[1:] if span <= longest.total_seconds()]
    begin = floor(since, spans[0])
    batches = LookupBatch.objects.filter(at__gte=begin, at__lt=until)
    within = Q()
    for span, longer in pairwise([*spans, None]):
        end = -(-begin.timestamp() // longer) * longer if longer else until.timestamp()
        end_at = min(datetime.fromtimestamp(end, UTC), until)
        within |= Q(seconds=span, at__gte=begin, at__lt=end_at)
        begin = end_at
    columns = ("second", *Kind._fields[:-1], *SUMS)
    batches = batches.annotate(second=Second("at")).order_by()
    spanned = LookupSpan.objects.filter(within).annotate(second=Second("at")).order_by()
    rows = batches.values_list(*columns).union(spanned.values_list(*columns), all=True)
    moments: dict[int, datetime] = {}
    for second, cache_type, model, state, reason, *sums, latencies, costs in rows:
        count, latency_ms, cost_ms = sums
        tally = Tally(count=count, latency_ms=latency_ms, cost_ms=cost_ms)
        if costs or state == HIT:
            tally.latencies = Histogram.unpack(latencies)
            tally.costs = Histogram.unpack(costs)
        if second not in moments:
            moments[second] = datetime.fromtimestamp(second, UTC)
        yield moments[second], Kind(cache_type, model, state, reason, bool(costs)), tally


def compact(now: datetime | None = None) -> int:
    """Move batches into spans, and forget spans that nobody looks at any more; return how many
    batches were moved.

    Killed at any moment, or run by two workers at once, it loses no look-up and counts none twice.
    """
    now = now or datetime.now(UTC)
    moved = sum(moving(now))
    outdated(now).delete()
    return moved


def moving(now: datetime) -> Iterator[int]:
    """Move batches into spans, some in each transaction; yield how many."""
    since = _since(now)
    while some := _move(since):
        yield some


def outdated(now: datetime) -> QuerySet[LookupSpan]:
    """Return the spans that nobody looks at any more."""
    old = Q()
    for span, at in _since(now).items():
        old |= Q(seconds=span, at__lt=at)
    return LookupSpan.objects.filter(old)


def _since(now: datetime) -> Mapping[Span, datetime]:
    """Return from when on spans of each length are kept."""
    return {span: floor(now - kept, span) for span, kept in KEPT.items()}


def floor(at: datetime, span: Span) -> datetime:
    """Return when the span that an instant lies in begins."""
    return datetime.fromtimestamp(at.timestamp() // span * span, UTC)


def _move(since: Mapping[Span, datetime]) -> int:
    """Move some batches into the spans that are kept; return how many.

    One process moves at a time, or two that add to the same span would each lose what the other
    added. SQLite's transactions see to that by themselves.
    """
    using = router.db_for_write(LookupBatch)
    with transaction.atomic(using=using):
        if connections[using].vendor == "postgresql":
            with connections[using].cursor() as cursor:
                cursor.execute(ALONE)
        batches = list(LookupBatch.objects.order_by("id")[:MOVED_ROWS])
        if not batches:
            return 0
        wanted: dict[Place, Tally] = {}
        for batch in batches:
            kind = Kind(batch.cache_type, batch.model, batch.state, batch.reason, bool(batch.costs))
            for kept, tally in _parted(kind, _tally(batch)):
                for span in Span:
                    if (at := floor(batch.at, span)) >= since[span]:
                        wanted.setdefault((span, at, kept), Tally()).add(tally)
        _add(wanted)
        LookupBatch.objects.filter(id__in=[batch.pk for batch in batches]).delete()
    return len(batches)


def _parted(kind: Kind, tally: Tally) -> Iterator[tuple[Kind, Tally]]:
    """Yield the rows that a span keeps look-ups in.

    Of what was computed there is a row of each reason with the counts and sums, and one without a
    reason with the histograms of all: nobody asks how long the misses of one reason took, and most
    of a report's time goes into histograms.
    """
    if not (kind.computed and kind.reason):
        yield kind, tally
        return
    yield kind, replace(tally, latencies=NONE, costs=NONE)
    yield kind._replace(reason=""), Tally(latencies=tally.latencies, costs=tally.costs)


def _add(wanted: Mapping[Place, Tally]) -> None:
    """Add to the rows of spans."""
    there = Q()
    for span in Span:
        there |= Q(seconds=span, at__in={at for seconds, at, _ in wanted if seconds == span})
    for row in LookupSpan.objects.filter(there).order_by():
        kind = Kind(row.cache_type, row.model, row.state, row.reason, row.computed)
        if tally := wanted.get((row.seconds, row.at, kind)):
            tally.add(_tally(row))
    LookupSpan.objects.bulk_create(
        (_row(place, tally) for place, tally in wanted.items()),
        update_conflicts=True,
        unique_fields=["seconds", "at", *Kind._fields],
        update_fields=SUMS,
    )


def _tally(row: LookupBatch | LookupSpan) -> Tally:
    return Tally(
        count=row.count,
        latency_ms=row.latency_ms,
        cost_ms=row.cost_ms,
        latencies=Histogram.unpack(row.latencies),
        costs=Histogram.unpack(row.costs),
    )


def _row(place: Place, tally: Tally) -> LookupSpan:
    seconds, at, kind = place
    return LookupSpan(
        seconds=seconds,
        at=at,
        **kind._asdict(),
        count=tally.count,
        latency_ms=tally.latency_ms,
        cost_ms=tally.cost_ms,
        latencies=tally.latencies.pack(),
        costs=tally.costs.pack(),
    )
