"""Deletes cache entries that match all given filters."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cachestats import services
from cachestats.errors import InvalidFilter


class Command(BaseCommand):
    """manage.py purge_cache"""

    help = "Delete cache entries. Filters combine with AND; asks before it deletes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--type", help="only entries of this cache type")
        parser.add_argument("--model", help="only answers of this model")
        parser.add_argument("--key", help="only keys that start with these 8 to 64 digits")
        parser.add_argument("--older-than", metavar="AGE", help="only entries of this age: 7d, 12h")
        parser.add_argument("--expired", action="store_true", help="only expired entries")
        parser.add_argument("--all", action="store_true", help="every entry")
        parser.add_argument("--dry-run", action="store_true", help="count, but delete nothing")
        parser.add_argument("--no-input", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            filters = services.PurgeFilter(
                type=options["type"],
                model=options["model"],
                key=options["key"],
                older_than=options["older_than"],
                expired=options["expired"],
                all=options["all"],
            )
        except InvalidFilter as exc:
            raise CommandError(str(exc), returncode=2) from exc
        try:
            self._run(filters, options)
        except services.UNUSABLE as exc:
            raise CommandError(f"The cache can't be purged: {exc}") from exc

    def _run(self, filters: services.PurgeFilter, options: dict[str, Any]) -> None:
        if not options["dry_run"] and not options["no_input"]:
            found = services.preview_purge(filters)
            about = f"{found.matched} entries ({_worth(found.bytes, found.cost_seconds)})"
            self.stderr.write(f"This deletes {about}. Type yes to go on: ", ending="")
            if _answer() != "yes":
                raise CommandError("Nothing was deleted.")
        result = services.purge(filters, "purge_cache", dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(result)))
        elif result.dry_run:
            worth = _worth(result.matched_bytes, result.cost_seconds)
            self.stdout.write(f"{result.matched} entries match ({worth}); nothing was deleted.")
        else:
            freed = f"{result.freed_bytes} bytes freed"
            self.stdout.write(f"{result.deleted} entries deleted, {freed}.")


def _worth(size_bytes: int, cost_seconds: float) -> str:
    return f"{size_bytes} bytes, {cost_seconds:.1f} s to compute again"


def _answer() -> str:
    try:
        return input()
    except EOFError:  # Nobody is there, as in a cron job.
        return ""
