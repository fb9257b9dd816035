"""Fills an empty site with invented data, to be looked at or measured."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from perfsite import seeding

LIMITS = {"days": 1, "reflections": 0, "entries": 0, "samples": 0, "seed": 0}


class Command(BaseCommand):
    """manage.py seed_demo"""

    help = "Fill an empty site with invented data of some days: reflections, cache and numbers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7)
        parser.add_argument("--reflections", type=int, default=2_500)
        parser.add_argument("--entries", type=int, default=20_000, help="of the cache")
        parser.add_argument("--samples", type=int, default=200_000, help="look-ups in the cache")
        parser.add_argument("--seed", type=int, default=1, help="the same makes the same")
        parser.add_argument("--force", action="store_true", help="add to what is there")

    def handle(self, *_args: Any, **options: Any) -> None:
        for name, least in LIMITS.items():
            if options[name] < least:
                raise CommandError(f"--{name} must be {least} or more.", returncode=2)
        if not options["force"] and not seeding.is_empty():
            raise CommandError(
                "This site has data, with which invented data would be mixed. "
                "Use an empty one (VAR_DIR, DATABASE_URL), or --force to add to it."
            )
        made = seeding.seed(
            reflections=options["reflections"],
            entries=options["entries"],
            lookups=options["samples"],
            days=options["days"],
            seed=options["seed"],
            now=timezone.now(),
        )
        self.stdout.write(
            f"Made {made.reflections:,} reflections with {made.calls:,} calls to models, "
            f"{made.entries:,} cache entries, {made.lookups:,} look-ups, "
            f"{made.queue_samples:,} queue samples and {made.markers:,} markers."
        )
