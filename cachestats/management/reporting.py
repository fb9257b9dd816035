"""What the commands that print a report have in common: its window, and JSON or text."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cachestats.errors import InvalidWindow
from cachestats.reports import CacheReport, cache_report, read_window

# JSON's members, and blocks of lines.
Told = tuple[dict[str, Any], list[list[str]]]


class ReportCommand(BaseCommand):
    """Prints the cache's report over a window."""

    sections: tuple[Callable[[CacheReport], list[str]], ...]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--window", default="24h", help="how far back: 90m, 24h, 7d")
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            window = read_window(options["window"])
        except InvalidWindow as exc:
            raise CommandError(f"--{exc}", returncode=2) from exc
        members, blocks = self.tell(window)
        if options["json"]:
            self.stdout.write(json.dumps(members))
            return
        self.stdout.write("\n\n".join("\n".join(lines) for lines in blocks if lines))

    def tell(self, window: timedelta) -> Told:
        """Return the report as JSON's members and as blocks of lines; empty ones are not shown."""
        report = cache_report(window)
        return asdict(report), self.blocks(report)

    def blocks(self, report: CacheReport) -> list[list[str]]:
        """Return the sections' lines."""
        return [section(report) for section in self.sections]
