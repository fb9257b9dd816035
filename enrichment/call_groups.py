"""Calls to models added up by what they have in common: from sums of the past, and recent rows.

Counts and sums are exact. Times come from histograms, which are off by no more than
`cachestats.histograms` says, and of what is in no sum yet from a sample: of each host, model and
kind all calls up to SAMPLE, beyond that so many spread evenly, and fewer where most calls are in
sums. Its p99 then lies between the 98.5th and the 99.5th percentile of all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import (
    BinaryField,
    Case,
    Count,
    Expression,
    F,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from cachestats.histograms import Histogram
from cachestats.spans import Grid
from enrichment.call_rollups import PARTS, TIMES, first_whole
from enrichment.models import CallRollup, InferenceCall
from enrichment.steps import QUARTER, Step

SAMPLE = 2_000
LEAST = 50
# A row's place is its id times the golden ratio, as a fraction of PLACES: rows below any place are
# spread evenly, where each tenth row could be the same question of each reflection.
PLACES = 2**16
GOLDEN = 40_503

ANSWERED = Q(error="")
PACED = Q(error="", generated_tokens__gt=1)

SUMS = (
    "calls",
    "retried",
    "prompt_tokens",
    "generated_tokens",
    "paced_tokens",
    "paced_ms",
)

# Of calls: host, model, kind.
Sort = tuple[str, str, str]
# A time in milliseconds, and how many calls it stands for.
Weighted = tuple[float, float]
# By the names of TIMES.
Times = Mapping[Sort, Mapping[str, Sequence[Weighted]]]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Calls of one host, model and kind, added up. error: the kind of error that they ended in; ""
    for answered ones.

    summed: whether they were found in sums, and not one by one.
    step: of a grid, the number of the step that they ended in; 0 without one.
    paced_tokens, paced_ms: of calls that generated more than one token, these and their time.
    total_ms: by part. times_ms: by the names of TIMES.
    """

    host: str
    model: str
    kind: str
    error: str = ""
    summed: bool = False
    step: int = 0
    calls: int
    retried: int = 0
    total_ms: Mapping[str, float] = field(default_factory=dict)
    prompt_tokens: int = 0
    generated_tokens: int = 0
    paced_tokens: int = 0
    paced_ms: float = 0.0
    times_ms: Mapping[str, Sequence[Weighted]] = field(default_factory=dict)


def groups(since: datetime, until: datetime | None, now: datetime) -> list[Group]:
    """Return calls that ended from `since` on, and before `until` if that is given, with times."""
    rows, rollups = _sources(since, first_whole(since, now), until)
    found, told = _added_up(rows, rollups, Value(0))
    return _timed(_together(found), rows, told)


def stepped(grid: Grid, now: datetime) -> tuple[list[Group], list[Group]]:
    """Return the calls of each step, without their times, and all of them, with times. A step may
    have several groups of the same host, model, kind and error.

    Steps are multiples of the spans that sums of their age have, or shorter than a quarter, where
    each call is read.
    """
    edge = grid.until if grid.step < QUARTER else first_whole(grid.since, now)
    rows, rollups = _sources(grid.since, edge, grid.until)
    found, told = _added_up(rows, rollups, Step(grid))
    return found, _timed(_together(found), rows, told)


def _together(found: Iterable[Group]) -> list[Group]:
    """Add groups up that differ only in their step."""
    alike: dict[tuple[Any, ...], list[Group]] = defaultdict(list)
    for group in found:
        alike[*_sort(group), group.error, group.summed].append(group)
    return [
        replace(
            same[0],
            step=0,
            total_ms={part: sum(group.total_ms[part] for group in same) for part in PARTS},
            **{name: sum(getattr(group, name) for group in same) for name in SUMS},
        )
        for same in alike.values()
    ]


def _timed(found: list[Group], rows: QuerySet[InferenceCall], told: Times) -> list[Group]:
    answered = [group for group in found if not group.error]
    times_ms = {False: _sampled(rows, answered), True: told}
    return [
        group
        if group.error
        else replace(group, times_ms=times_ms[group.summed].get(_sort(group), {}))
        for group in found
    ]


def _sources(
    since: datetime, edge: datetime, until: datetime | None
) -> tuple[QuerySet[InferenceCall], QuerySet[CallRollup]]:
    """Return the rows that are to be read, and the sums, which from the edge on stand for all
    others.
    """
    ended = {"at__lt": until} if until else {}
    unsummed = Q(at__gte=since, at__lt=edge) | Q(at__gte=edge, rolled_up=False)
    rows = InferenceCall.objects.filter(unsummed, **ended).order_by()
    return rows, CallRollup.objects.filter(at__gte=edge, **ended).order_by()


def _added_up(
    rows: QuerySet[InferenceCall], rollups: QuerySet[CallRollup], step: Expression
) -> tuple[list[Group], Times]:
    """Return the groups of both, apart, and the times that the sums tell.

    In one statement: it would count twice what is added up between two of them, or miss it.
    """
    names = ("summed", "host", "model", "kind", "error", "number")
    of_rows = (
        rows.annotate(summed=Value(0), number=step)
        .values(*names)
        .annotate(
            count=Count("id"),
            again=Count("id", filter=Q(attempts__gt=1)),
            read=Sum("prompt_tokens", filter=ANSWERED, default=0),
            written=Sum("generated_tokens", filter=ANSWERED, default=0),
            paced=Sum("generated_tokens", filter=PACED, default=0),
            pacing=Sum("generation_ms", filter=PACED, default=0.0),
            **{part: Sum(f"{part}_ms", filter=ANSWERED, default=0.0) for part in PARTS},
            **{f"{name}_packed": Value(b"", BinaryField()) for name in TIMES},
        )
    )
    of_rollups = rollups.annotate(summed=Value(1), number=step).values(
        *names,
        count=F("calls"),
        again=F("retried"),
        read=F("prompt_tokens"),
        written=F("generated_tokens"),
        paced=F("paced_tokens"),
        pacing=F("paced_ms"),
        **{part: F(f"{part}_ms") for part in PARTS},
        **{f"{name}_packed": F(f"{name}_histogram") for name in TIMES},
    )
    found: list[Group] = []
    packed: dict[Sort, list[Mapping[str, Any]]] = defaultdict(list)
    for row in of_rows.union(of_rollups, all=True):
        group = _group(row)
        found.append(group)
        if group.summed and not group.error:
            packed[_sort(group)].append(row)
    told = {
        sort: {
            name: list(Histogram.summed(row[f"{name}_packed"] for row in some)) for name in TIMES
        }
        for sort, some in packed.items()
    }
    return found, told


def _group(row: Mapping[str, Any]) -> Group:
    # PostgreSQL adds large whole numbers up to decimal ones.
    return Group(
        summed=bool(row["summed"]),
        host=row["host"],
        model=row["model"],
        kind=row["kind"],
        error=row["error"],
        step=row["number"],
        calls=int(row["count"]),
        retried=int(row["again"]),
        total_ms={part: row[part] for part in PARTS},
        prompt_tokens=int(row["read"]),
        generated_tokens=int(row["written"]),
        paced_tokens=int(row["paced"]),
        paced_ms=row["pacing"],
    )


def _sampled(
    rows: QuerySet[InferenceCall], answered: Iterable[Group]
) -> dict[Sort, dict[str, list[Weighted]]]:
    """Return the times of some of the answered calls of each sort that are in no sum.

    The share of SAMPLE that they are of all calls of their sort, and no fewer than LEAST.
    """
    counts = {_sort(group): group.calls for group in answered if not group.summed}
    of: Counter[Sort] = Counter()
    for group in answered:
        of[_sort(group)] += group.calls
    limits = {sort: max(LEAST, SAMPLE * count // of[sort]) for sort, count in counts.items()}
    known = rows.filter(error="", prompt_ms__isnull=False)
    many = [
        When(host=host, model=model, kind=kind, then=Value(PLACES * limit // count))
        for ((host, model, kind), count), limit in zip(counts.items(), limits.values(), strict=True)
        if count > limit
    ]
    if many:
        below = Case(*many, default=Value(PLACES), output_field=IntegerField())
        known = known.alias(place=F("id") * GOLDEN % PLACES).filter(place__lt=below)
    columns = [f"{name}_ms" for name in TIMES]
    found: dict[Sort, list[Sequence[float]]] = defaultdict(list)
    for host, model, kind, *times in known.values_list("host", "model", "kind", *columns):
        found[host, model, kind].append(times)
    return {
        sort: {
            name: [(value, counts.get(sort, 0) / len(times)) for value in values]
            for name, values in zip(TIMES, zip(*times, strict=True), strict=True)
        }
        for sort, times in found.items()
    }


def _sort(group: Group) -> Sort:
    return group.host, group.model, group.kind
