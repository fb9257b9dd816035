"""Calls to models as text in columns."""

from enrichment.call_reports import CallNumbers, CallReport

WIDE = 32
NONE = "–"


def part_lines(report: CallReport) -> list[str]:
    """How many calls there were, what became of them, and where the time of answered ones went."""
    numbers = report.overall
    lines = [f"Calls to models in the last {report.window_hours:g} hours: {_outcomes(numbers)}."]
    if not numbers.answered_count:
        return lines
    lines.append(f"{'Where a cold call goes:':<{WIDE}}{'share':>9}{'median ms':>12}{'total':>12}")
    for name, part in numbers.parts.items():
        share = NONE if part.share is None else f"{part.share:.1%}"
        total = f"{part.total_seconds:.1f} s"
        lines.append(f"{name:<{WIDE}}{share:>9}{_number(part.median_ms):>12}{total:>12}")
    return lines


def speed_lines(report: CallReport) -> list[str]:
    """A line for all calls, then one a model, host and kind; nothing where none was answered.

    Tokens a second: of the prompt, and generated.
    """
    if not report.overall.answered_count:
        return []
    parts = [
        ("all", report.overall),
        *((f"model {name}", numbers) for name, numbers in report.by_model.items()),
        *((f"host {name}", numbers) for name, numbers in report.by_host.items()),
        *((f"kind {name}", numbers) for name, numbers in report.by_kind.items()),
    ]
    wide = max(WIDE, *(len(name) + 1 for name, _ in parts))
    headings = (
        f"{'calls':>9}{'failed':>8}{'p50':>10}{'p95':>10}{'p99':>10}{'prompt':>13}{'tok/s':>8}"
    )
    return [
        f"{'Latency in ms, and tokens:':<{wide}}{headings}{'generated':>13}{'tok/s':>8}",
        *(f"{name:<{wide}}{_speed_columns(numbers)}" for name, numbers in parts),
    ]


def _outcomes(numbers: CallNumbers) -> str:
    failed = ", ".join(f"{kind} {count}" for kind, count in numbers.failed.items())
    return f"{numbers.calls}, {numbers.retried} tried again, {numbers.failed_count} failed" + (
        f" ({failed})" if failed else ""
    )


def _speed_columns(numbers: CallNumbers) -> str:
    elapsed = numbers.elapsed
    ranks = "".join(
        f"{_number(rank):>10}" for rank in (elapsed.p50_ms, elapsed.p95_ms, elapsed.p99_ms)
    )
    return (
        f"{numbers.calls:>9}{numbers.failed_count:>8}{ranks}"
        f"{numbers.prompt_tokens:>13}{_number(numbers.prompt_tokens_per_second):>8}"
        f"{numbers.generated_tokens:>13}{_number(numbers.generated_tokens_per_second):>8}"
    )


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
