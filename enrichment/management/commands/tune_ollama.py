"""Measures how the model on this machine is asked best; changes nothing unless told to."""

import json
import sys
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cachestats.durations import parse_duration
from cachestats.errors import InvalidConfig
from enrichment import tuning
from enrichment.inference.tuning import Candidate, Finding, Verdict
from enrichment.tuning import CantTune, ChangedMeanwhile, Tuning

LONGEST = timedelta(days=1)
RESTORE = (
    "To go back: in the admin, under /admin/cachestats/configrevision/, select the revision before"
    " it and choose 'Restore this revision'; if there is none, add one with the overlay {}."
)
INTERRUPTED_LATE = (
    "Interrupted after the measuring: /admin/cachestats/configrevision/ in the admin tells whether"
    " the result was saved."
)


class Command(BaseCommand):
    """manage.py tune_ollama"""

    help = (
        "Measure num_thread, num_batch, num_ctx, the caps on replies and parallel requests with"
        " the model in use. Without --apply nothing is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--budget", default="5m", metavar="TIME", help="how long it may take: 90s, 5m, 1h"
        )
        parser.add_argument(
            "--apply",
            action="store_true",
            help="save what is shown to be better as a revision of the configuration",
        )
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        budget = parse_duration(options["budget"])
        if not budget or budget > LONGEST:
            raise CommandError(
                f"--budget {options['budget']}: must be a length of time like 90s, 5m or 1h,"
                " a day at most.",
                returncode=2,
            )
        try:
            tuned = self._measure(int(budget.total_seconds()))
        except CantTune as exc:
            raise CommandError(str(exc)) from exc
        except DatabaseError as exc:
            raise CommandError(f"The site's database can't be used: {exc}") from exc
        except KeyboardInterrupt as exc:
            raise CommandError("Interrupted: nothing was changed.", returncode=130) from exc
        try:
            self._finish(tuned, apply=options["apply"], as_json=options["json"])
        except KeyboardInterrupt as exc:
            raise CommandError(INTERRUPTED_LATE, returncode=130) from exc

    def _finish(self, tuned: Tuning, *, apply: bool, as_json: bool) -> None:
        """Show what was measured, save it as asked, and keep it whatever becomes of that.

        Raises:
            CommandError: says what was not saved or kept.
        """
        if not as_json:
            Console(file=cast(IO[str], self.stdout), width=130).print(_table(tuned))
        revision, troubles = None, []
        if apply and tuned.changes and tuned.ended == "complete":
            try:
                revision = tuning.apply(tuned)
            except (ChangedMeanwhile, InvalidConfig, DatabaseError) as exc:
                troubles.append(f"Nothing was put in force: {exc}.")
        if as_json:
            self.stdout.write(json.dumps({**tuned.as_json(), "revision": revision}))
        self._say(tuned, revision, apply=apply)
        try:
            tuning.keep(tuned, revision)
        except DatabaseError as exc:
            troubles.append(f"What was measured could not be kept among the tuning runs: {exc}.")
        if troubles:
            raise CommandError(" ".join(troubles))

    def _measure(self, budget_seconds: int) -> Tuning:
        """Measure, and show how far it is: a bar where somebody looks, else a line a setting."""
        console = Console(stderr=True)
        watched = sys.stderr.isatty()
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn(f"of {budget_seconds} s at most"),
            console=console,
            disable=not watched,
            transient=True,
        )
        task = bar.add_task("Starting", total=budget_seconds)
        started = time.monotonic()

        def progress(doing: str) -> None:
            bar.update(task, description=doing, completed=time.monotonic() - started)

        def found(finding: Finding) -> None:
            if not watched:
                self.stderr.write(f"{finding.knob}: {_verdict(finding)}")

        with bar:
            return tuning.measure(
                budget_seconds,
                progress=progress,
                found=found,
                warn=lambda warning: self.stderr.write(f"Warning: {warning}"),
            )

    def _say(self, tuned: Tuning, revision: int | None, *, apply: bool) -> None:
        for finding in tuned.findings:
            if finding.advice:
                self.stderr.write(f"{finding.knob}: {finding.advice}.")
        if tuned.ended != "complete":
            self.stderr.write("Interrupted: nothing was changed.")
        elif not tuned.changes:
            self.stderr.write("Nothing is shown to be better than what is in force.")
        elif revision is not None:
            self.stderr.write(
                f"In force from now on, as revision {revision} of the configuration. {RESTORE}"
            )
        elif not apply:
            self.stderr.write("Nothing was changed; --apply puts what is better in force.")
        if any(finding.verdict == Verdict.UNDECIDED for finding in tuned.findings):
            self.stderr.write("Some settings are undecided: a longer --budget may tell.")
        if tuned.recomputes:
            self.stderr.write("With it, answers that are cached now are computed anew.")


def _table(tuned: Tuning) -> Table:
    table = Table(
        *("setting", "value", "rounds", "median ms", "tokens/s", "speed-up (95 %)", "replies"),
        "verdict",
        title=escape(
            f"{tuned.who.engine} {tuned.who.name} at {tuned.host}, {tuned.elapsed_seconds:.0f} s"
        ),
    )
    for finding in tuned.findings:
        table.add_section()
        table.add_row(finding.knob, _value(finding.now), *[""] * 5, _verdict(finding))
        for candidate in finding.candidates:
            table.add_row("", _value(candidate.value), *_cells(candidate), candidate.verdict)
    return table


def _cells(candidate: Candidate) -> tuple[str, str, str, str, str]:
    gain = candidate.speed_up
    return (
        str(candidate.rounds),
        _number(candidate.median_ms, 0),
        _number(candidate.tokens_per_second, 1),
        str(gain) if gain else "–",
        candidate.gate or "–",
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _value(value: int | None) -> str:
    return "host's own" if value is None else str(value)


def _verdict(finding: Finding) -> str:
    value = f" {finding.value}" if finding.verdict in {Verdict.BETTER, Verdict.ADVISED} else ""
    return f"{finding.verdict}{value}: {finding.why}"
