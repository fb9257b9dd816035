"""Prints the state of the cache and its look-ups of the last day."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from cachestats.reports import CacheReport, LookupReport, Percentiles, cache_report


class Command(BaseCommand):
    """manage.py cache_stats"""

    help = "Show entries, bytes, hit rate, percentiles and time saved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        report = cache_report()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write("\n".join(_lines(report)))


def _lines(report: CacheReport) -> list[str]:
    state = "on" if report.enabled else "switched off"
    health = "" if report.healthy else f" It can't be read: {report.trouble}."
    lines = [
        f"The cache is {state}.{health} {report.entries} entries, {report.bytes} bytes.",
        f"Look-ups of the last {report.window_hours:g} hours:",
        f"{'':<20}{'look-ups':>9}{'hit rate':>9}{'saved':>10}"
        "  hit p50/p95/p99 ms, miss p50/p95/p99 ms",
    ]
    for name, part in [("all", report.overall), *report.by_type.items()]:
        lines.append(_line(name, part))
    return lines


def _line(name: str, part: LookupReport) -> str:
    rate = "–" if part.hit_rate is None else f"{part.hit_rate:.0%}"
    return (
        f"{name:<20}{part.lookups:>9}{rate:>9}{part.time_saved_seconds:>8.1f} s"
        f"  {_percentiles(part.hits)}, {_percentiles(part.misses)}"
    )


def _percentiles(values: Percentiles) -> str:
    ranks = (values.p50_ms, values.p95_ms, values.p99_ms)
    return "/".join("–" if rank is None else f"{rank:.1f}" for rank in ranks)
