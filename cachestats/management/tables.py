"""Reports as text in columns, for the commands that print them."""

from cachestats.reports import CacheReport, LookupReport, Percentiles

WIDE = 20


def state_lines(report: CacheReport) -> list[str]:
    """Whether the cache works, how much it holds, and what became of damaged files."""
    state = "on" if report.enabled else "switched off"
    lines = [f"The cache is {state}. {report.entries} entries, {report.bytes} bytes."]
    if not report.healthy:
        lines[0] = f"The cache is {state}. It can't be read: {report.trouble}."
    if report.set_aside:
        lines.append("Damaged files were replaced and are kept:")
        lines += [f"  {name}" for name in report.set_aside]
    return lines


def type_lines(report: CacheReport) -> list[str]:
    """A line for all look-ups, then one a type: how many, hit rate, time saved."""
    lines = [
        f"Look-ups of the last {report.window_hours:g} hours:",
        f"{'':<{WIDE}}{'look-ups':>9}{'hit rate':>9}{'collapsed':>10}{'bypassed':>9}{'saved':>12}",
    ]
    for name, part in _parts(report):
        rate = "–" if part.hit_rate is None else f"{part.hit_rate:.0%}"
        lines.append(
            f"{name:<{WIDE}}{part.lookups:>9}{rate:>9}{part.collapsed_count:>10}"
            f"{part.bypass_count:>9}{part.time_saved_seconds:>10.1f} s"
        )
    return lines


def latency_lines(report: CacheReport) -> list[str]:
    """A line for hits and one for computed answers (cold), of all and of each type."""
    lines = [f"{'Latency in ms:':<{WIDE}}{'':>6}{'count':>9}{'p50':>10}{'p95':>10}{'p99':>10}"]
    for name, part in _parts(report):
        lines.append(_latency_line(name, "hit", part.hits))
        lines.append(_latency_line("", "cold", part.misses))
    return lines


def reason_lines(report: CacheReport) -> list[str]:
    """Why look-ups were no hits, the most frequent first; nothing when all were."""
    if not (reasons := report.overall.reason_shares):
        return []
    rows = [f"{row.count:>9}{row.share:>6.0%}  {row.words}. {row.advice}" for row in reasons]
    return ["Why look-ups were no hits:", *rows]


def _parts(report: CacheReport) -> list[tuple[str, LookupReport]]:
    return [("all", report.overall), *report.by_type.items()]


def _latency_line(name: str, kind: str, latency: Percentiles) -> str:
    ranks = (latency.p50_ms, latency.p95_ms, latency.p99_ms)
    shown = "".join(f"{'–' if rank is None else f'{rank:.2f}':>10}" for rank in ranks)
    return f"{name:<{WIDE}}{kind:>6}{latency.count:>9}{shown}"
