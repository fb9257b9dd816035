"""Where calls to models go: time, tokens and failures over a window.

Only questions that reached for a host are calls. What the cache answered is none, so that hits
never count as inference. Counts and sums are exact; how close medians and percentiles are, says
`call_groups`.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from django.utils import timezone

from enrichment.call_groups import Group, groups
from enrichment.call_rollups import PARTS
from enrichment.models import InferenceTotal

DAY = timedelta(hours=24)


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


def call_report(window: timedelta = DAY) -> CallReport:
    """Return the calls to models over the window."""
    now = timezone.now()
    found = groups(now - window, None, now)
    return CallReport(
        window_hours=window.total_seconds() / 3600,
        overall=call_numbers(found),
        by_model=_by("model", found),
        by_host=_by("host", found),
        by_kind=_by("kind", found),
    )


def call_numbers(found: Iterable[Group]) -> CallNumbers:
    """Return the numbers of these calls."""
    calls = retried = prompt_tokens = generated_tokens = paced_tokens = 0
    paced_ms = 0.0
    failed: Counter[str] = Counter()
    answered = []
    for group in found:
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
    p50_ms, p95_ms, p99_ms = _ranks(answered, "elapsed", 0.5, 0.95, 0.99)
    return CallNumbers(
        calls=calls,
        failed=dict(failed.most_common()),
        retried=retried,
        elapsed=Elapsed(p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms),
        parts={
            part: Part(
                total_seconds=total_ms[part] / 1000,
                share=over(total_ms[part], sum(total_ms.values())),
                median_ms=_ranks(answered, part, 0.5)[0],
            )
            for part in PARTS
        },
        prompt_tokens=prompt_tokens,
        generated_tokens=generated_tokens,
        prompt_tokens_per_second=over(prompt_tokens, total_ms["prompt"] / 1000),
        generated_tokens_per_second=over(paced_tokens, paced_ms / 1000),
    )


def call_totals() -> InferenceTotal:
    """Return all answered calls ever, added up; zeros where there were none."""
    return InferenceTotal.objects.first() or InferenceTotal()


def over(amount: float, of: float) -> float | None:
    """Return a ratio; None where there is nothing to divide by."""
    return amount / of if of else None


def _by(name: str, of: Iterable[Group]) -> dict[str, CallNumbers]:
    found: dict[str, list[Group]] = defaultdict(list)
    for group in of:
        found[getattr(group, name)].append(group)
    return {value: call_numbers(found[value]) for value in sorted(found)}


def _ranks(of: Iterable[Group], name: str, *shares: float) -> list[float | None]:
    """Return for each share the first value that so many calls do not exceed."""
    ordered = sorted(pair for group in of for pair in group.times_ms.get(name, ()))
    if not ordered:
        return [None] * len(shares)
    reached = list(accumulate(weight for _, weight in ordered))
    # Weights are no whole numbers: their sum may miss a rank by a hair.
    ranks = (bisect_left(reached, share * reached[-1] - 1e-6) for share in shares)
    return [ordered[min(rank, len(ordered) - 1)][0] for rank in ranks]
