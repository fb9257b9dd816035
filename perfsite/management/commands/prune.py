"""Removes at once what the workers remove bit by bit: rows that are too old or too many."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from cachestats import retention
from cachestats.models import RetentionRun
from cachestats.retention import Rule
from cachestats.services import UNUSABLE


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What became of a rule. due: rows that it is about. removed: how many went. rows: of the
    table, afterwards.
    """

    table: str
    rule: str
    rows: int
    due: int
    removed: int


class Command(BaseCommand):
    """manage.py prune"""

    help = "Remove rows that are too old or too many, as the workers do bit by bit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, but remove nothing")
        parser.add_argument("--json", action="store_true", help="print JSON alone")
        parser.add_argument("--table", nargs="+", help="only these, such as enrichment.Reflection")

    def handle(self, *_args: Any, **options: Any) -> None:
        pruned, failed = [], []
        for rule in _chosen(retention.rules(), options["table"]):
            try:
                pruned.append(_prune(rule, dry_run=options["dry_run"]))
            except UNUSABLE as exc:
                # A cache that can't be used keeps nothing else from being pruned.
                failed.append(f"{rule.name}: {exc}")
        last = retention.last_run()
        if options["json"]:
            self.stdout.write(json.dumps(_members(pruned, last, dry_run=options["dry_run"])))
        else:
            self.stdout.write("\n".join(_lines(pruned, last, dry_run=options["dry_run"])))
        if failed:
            raise CommandError(f"Not all could be pruned. {'; '.join(failed)}")


def _chosen(rules: Sequence[Rule], tables: Sequence[str] | None) -> Sequence[Rule]:
    if tables is None:
        return rules
    names = {rule.name.lower(): rule.name for rule in rules}
    if unknown := [table for table in tables if table.lower() not in names]:
        accepted = ", ".join(sorted(set(names.values())))
        raise CommandError(
            f"--table {' '.join(unknown)}: nothing goes by itself there. Accepted: {accepted}",
            returncode=2,
        )
    wanted = {table.lower() for table in tables}
    return [rule for rule in rules if rule.name.lower() in wanted]


def _prune(rule: Rule, *, dry_run: bool) -> Pruned:
    now = timezone.now()
    due = rule.count(now)
    removed = 0 if dry_run else retention.apply(rule, now)
    rows = rule.table._default_manager.count()
    return Pruned(table=rule.name, rule=rule.why, rows=rows, due=due, removed=removed)


def _members(
    pruned: Sequence[Pruned], last: RetentionRun | None, *, dry_run: bool
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "rules": [asdict(row) for row in pruned],
        "last_run": last
        and {
            "at": last.begun_at.isoformat(),
            "seconds": last.seconds,
            "removed": last.removed,
        },
    }


def _lines(pruned: Sequence[Pruned], last: RetentionRun | None, *, dry_run: bool) -> list[str]:
    width = max((len(row.table) for row in pruned), default=0)
    lines = [f"{'table':<{width}}{'rows':>12}{'to go' if dry_run else 'removed':>12}  which"]
    for row in pruned:
        gone = row.due if dry_run else row.removed
        lines.append(f"{row.table:<{width}}{row.rows:>12,}{gone:>12,}  {row.rule}")
    return [*lines, _last(last)]


def _last(run: RetentionRun | None) -> str:
    if run is None:
        return "No worker has pruned yet."
    if run.seconds is None:
        return f"A worker has been pruning since {run.begun_at:%Y-%m-%d %H:%M:%S} UTC."
    went = ", ".join(f"{count:,} of {table}" for table, count in run.removed.items()) or "nothing"
    at = f"{run.begun_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"The workers last pruned at {at}, in {run.seconds:.1f} s: {went} went."
