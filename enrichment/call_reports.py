"""Where calls to models go: time, tokens and failures over a window, from the rows of `calls`.

Only questions that reached for a host are calls. What the cache answered is none, so that hits
never count as inference.

Counts and sums are exact and added up in the database. Medians and percentiles come from a sample:
of each host, model and kind all calls up to SAMPLE, beyond that so many spread evenly over the
window. Its p99 then lies between the 98.5th and the 99.5th percentile of all.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from enrichment.models import InferenceCall, InferenceTotal

DAY = timedelta(hours=24)
PARTS = ("queue", "load", "prompt", "generation")
TIMES = ("elapsed_ms", *(f"{part}_ms" for part in PARTS))
SAMPLE = 2_000
# A row's place is its id times the golden ratio, as a fraction of PLACES: rows below any place are
# spread evenly, where each tenth row could be the same question of each reflection.
PLACES = 2**16
GOLDEN = 40_503

MANY_TOKENS = Q(generated_tokens__gt=1)

# Of calls: host, model, kind.
Sort = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Elapsed:
    """How long answered calls took, in milliseconds by nearest rank; None without one."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part of answered calls took.

    share: of all four parts' time, 0 to 1; None where there was none. median_ms: None without an
    answered call.
    """

    total_seconds: float
    share: float | None
    median_ms: float | None


@dataclass(frozen=True, kw_only=True)
class CallNumbers:
    """Some calls.

    calls: all, failed ones too; the times and tokens are those of answered calls alone.
    failed: calls by kind of error, the most frequent first.
    retried: calls that took more than one attempt.
    parts: by name, in the order of PARTS. Queue is what the host does not account for: waiting
    for it, attempts that it turned down, the way there and back.
    prompt_tokens_per_second: all prompt tokens over all prompt time; None without such time.
    Ollama counts tokens that it had in its prompt cache, which take no time, so that it overstates
    how fast a prompt is read.
    generated_tokens_per_second: likewise, of calls that generated more than one token: the first
    comes with the end of the prompt, in no time of its own.
    """

    calls: int
    failed: dict[str, int]
    retried: int
    elapsed: Elapsed
    parts: dict[str, Part]
    prompt_tokens: int
    generated_tokens: int
    prompt_tokens_per_second: float | None
    generated_tokens_per_second: float | None

    @property
    def answered_count(self) -> int:
        """Calls that were answered."""
        return self.calls - self.failed_count

    @property
    def failed_count(self) -> int:
        """Calls that were not."""
        return sum(self.failed.values())


@dataclass(frozen=True, kw_only=True)
class CallReport:
    """Calls to models over a window; by model, host and kind (generate or chat) as well."""

    window_hours: float
    overall: CallNumbers
    by_model: dict[str, CallNumbers]
    by_host: dict[str, CallNumbers]
    by_kind: dict[str, CallNumbers]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Calls of one host, model and kind, added up. error: the kind of error that they ended in; ""
    for answered ones.

    paced_tokens, paced_ms: of calls that generated more than one token, these and their time.
    total_ms: by part. times_ms: by the names of TIMES, of all of them or of a sample.
    """

    host: str
    model: str
    kind: str
    error: str = ""
    calls: int
    retried: int = 0
    total_ms: Mapping[str, float] = field(default_factory=dict)
    prompt_tokens: int = 0
    generated_tokens: int = 0
    paced_tokens: int = 0
    paced_ms: float = 0.0
    times_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)


def call_report(window: timedelta = DAY) -> CallReport:
    """Return the calls to models over the window."""
    groups = _groups(timezone.now() - window)
    return CallReport(
        window_hours=window.total_seconds() / 3600,
        overall=call_numbers(groups),
        by_model=_by("model", groups),
        by_host=_by("host", groups),
        by_kind=_by("kind", groups),
    )


def call_numbers(groups: Iterable[Group]) -> CallNumbers:
    """Return the numbers of these calls."""
    calls = retried = prompt_tokens = generated_tokens = paced_tokens = 0
    paced_ms = 0.0
    failed: Counter[str] = Counter()
    answered = []
    for group in groups:
        calls += group.calls
        retried += group.retried
        if group.error:
            failed[group.error] += group.calls
            continue
        answered.append(group)
        prompt_tokens += group.prompt_tokens
        generated_tokens += group.generated_tokens
        paced_tokens += group.paced_tokens
        paced_ms += group.paced_ms
    total_ms = {part: sum(group.total_ms[part] for group in answered) for part in PARTS}
    p50_ms, p95_ms, p99_ms = _ranks(answered, "elapsed_ms", 0.5, 0.95, 0.99)
    return CallNumbers(
        calls=calls,
        failed=dict(failed.most_common()),
        retried=retried,
        elapsed=Elapsed(p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms),
        parts={
            part: Part(
                total_seconds=total_ms[part] / 1000,
                share=_over(total_ms[part], sum(total_ms.values())),
                median_ms=_ranks(answered, f"{part}_ms", 0.5)[0],
            )
            for part in PARTS
        },
        prompt_tokens=prompt_tokens,
        generated_tokens=generated_tokens,
        prompt_tokens_per_second=_over(prompt_tokens, total_ms["prompt"] / 1000),
        generated_tokens_per_second=_over(paced_tokens, paced_ms / 1000),
    )


def call_totals() -> InferenceTotal:
    """Return all answered calls ever, added up; zeros where there were none."""
    return InferenceTotal.objects.first() or InferenceTotal()


def _by(name: str, groups: Iterable[Group]) -> dict[str, CallNumbers]:
    found: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        found[getattr(group, name)].append(group)
    return {value: call_numbers(found[value]) for value in sorted(found)}


def _over(amount: float, of: float) -> float | None:
    return amount / of if of else None


def _ranks(groups: Iterable[Group], name: str, *shares: float) -> list[float | None]:
    """Return for each share the first value that so many calls do not exceed."""
    ordered = sorted(
        (value, group.calls / len(group.times_ms[name]))
        for group in groups
        for value in group.times_ms[name]
    )
    if not ordered:
        return [None] * len(shares)
    reached = list(accumulate(weight for _, weight in ordered))
    # Weights are no whole numbers: their sum may miss a rank by a hair.
    ranks = (bisect_left(reached, share * reached[-1] - 1e-6) for share in shares)
    return [ordered[min(rank, len(ordered) - 1)][0] for rank in ranks]


def _groups(since: datetime) -> list[Group]:
    rows = InferenceCall.objects.filter(at__gte=since).order_by()
    sums = rows.values("host", "model", "kind", "error").annotate(
        calls=Count("id"),
        retried=Count("id", filter=Q(attempts__gt=1)),
        read=Sum("prompt_tokens", default=0),
        written=Sum("generated_tokens", default=0),
        paced=Sum("generated_tokens", filter=MANY_TOKENS, default=0),
        paced_ms=Sum("generation_ms", filter=MANY_TOKENS, default=0.0),
        **{part: Sum(f"{part}_ms", default=0.0) for part in PARTS},
    )
    summed: list[dict[str, Any]] = [{**row} for row in sums]
    answered = {_sort(row): row["calls"] for row in summed if not row["error"]}
    times_ms = _sample(rows.filter(error="", prompt_ms__isnull=False), answered)
    return [
        Group(
            host=row["host"],
            model=row["model"],
            kind=row["kind"],
            error=row["error"],
            calls=row["calls"],
            retried=row["retried"],
            total_ms={part: row[part] for part in PARTS},
            prompt_tokens=row["read"],
            generated_tokens=row["written"],
            paced_tokens=row["paced"],
            paced_ms=row["paced_ms"],
            times_ms={} if row["error"] else times_ms[_sort(row)],
        )
        for row in summed
    ]


def _sort(row: Mapping[str, Any]) -> Sort:
    return row["host"], row["model"], row["kind"]


def _sample(
    answered: QuerySet[InferenceCall], calls: Mapping[Sort, int]
) -> dict[Sort, dict[str, list[float]]]:
    """Return the times of at most about SAMPLE calls of each sort."""
    many = [
        When(host=host, model=model, kind=kind, then=Value(PLACES * SAMPLE // count))
        for (host, model, kind), count in calls.items()
        if count > SAMPLE
    ]
    if many:
        below = Case(*many, default=Value(PLACES), output_field=IntegerField())
        answered = answered.alias(place=F("id") * GOLDEN % PLACES).filter(place__lt=below)
    found: dict[Sort, dict[str, list[float]]]
    found = defaultdict(lambda: {name: [] for name in TIMES})
    for host, model, kind, *times in answered.values_list("host", "model", "kind", *TIMES):
        for name, value in zip(TIMES, times, strict=True):
            found[host, model, kind][name].append(value)
    return found
