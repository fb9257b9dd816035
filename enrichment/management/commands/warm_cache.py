"""Computes answers before anybody asks for them, and tells how earlier runs did."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from cachestats import services as cache_services
from enrichment import warming
from enrichment.models import WarmUp
from enrichment.text_files import FileTexts, InvalidTexts, read_texts
from enrichment.warm_up_reports import WarmUpResult, results
from enrichment.warm_ups import LOST_LIMIT, MAX_CONCURRENCY, AlreadyWarming
from enrichment.warming import NothingKept, Warmed
from enrichment.warming_plans import NoModel, Plan, plan_lost, plan_texts

Ended = WarmUp.Ended
RUNS_SHOWN = 5
SKIPPED_SHOWN = 10
# As a shell reports what Ctrl-C ended.
INTERRUPTED = 130


class Command(BaseCommand):
    """manage.py warm_cache"""

    help = "Compute what is worth most among expired and evicted answers, or a file of texts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", nargs="?", type=Path, help="a text a line, or .csv with a column text; UTF-8"
        )
        parser.add_argument(
            "--limit",
            type=int,
            help=f"ask the model for so many answers at most (default: {LOST_LIMIT}; a file: all)",
        )
        parser.add_argument("--concurrency", type=int, default=1, help="so many at a time: 1 to 16")
        parser.add_argument(
            "--results", action="store_true", help="only tell how the last runs did so far"
        )
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        limit, concurrency = options["limit"], options["concurrency"]
        if limit is not None and limit < 1:
            raise CommandError("--limit must be 1 or more.", returncode=2)
        if not 1 <= concurrency <= MAX_CONCURRENCY:
            raise CommandError(f"--concurrency must be 1 to {MAX_CONCURRENCY}.", returncode=2)
        if options["file"] and options["results"]:
            raise CommandError("--results takes no FILE.", returncode=2)
        read = _read(options["file"]) if options["file"] else None
        try:
            self._run(read, limit, concurrency, options)
        except (NoModel, NothingKept) as exc:
            raise CommandError(f"Nothing is computed: {exc}") from exc
        except AlreadyWarming as exc:
            since = f"{exc.run.at:%Y-%m-%d %H:%M} UTC"
            raise CommandError(f"Another warm-up is at work, since {since}.") from exc
        except cache_services.UNUSABLE as exc:
            raise CommandError(f"The cache can't be warmed: {exc}") from exc
        except KeyboardInterrupt as exc:
            raise CommandError(
                "Stopped before anything was computed.", returncode=INTERRUPTED
            ) from exc

    def _run(
        self, read: FileTexts | None, limit: int | None, concurrency: int, options: dict[str, Any]
    ) -> None:
        earlier = results(RUNS_SHOWN)
        if not options["json"]:
            self._say(_result_lines(earlier))
        if options["results"]:
            if options["json"]:
                self.stdout.write(json.dumps({"runs": _runs_as_json(earlier)}))
            elif not earlier:
                self.stdout.write("No run has computed anything yet.")
            return
        for line in _skipped_lines(read) if read else []:
            self.stderr.write(line)
        plan = plan_lost(limit or LOST_LIMIT) if read is None else plan_texts(read)
        warmed = self._warm(plan, limit, concurrency)
        if options["json"]:
            runs = _runs_as_json(earlier)
            told = {"source": plan.source, **asdict(warmed), "runs": runs}
            self.stdout.write(json.dumps(told))
        else:
            self._say(_lines(plan, warmed))
        if warmed.ended in {Ended.MODEL, Ended.NOT_KEPT}:
            raise CommandError(_stopped(plan, warmed))
        if warmed.ended == Ended.INTERRUPTED:
            raise CommandError(_stopped(plan, warmed), returncode=INTERRUPTED)

    def _warm(self, plan: Plan, limit: int | None, concurrency: int) -> Warmed:
        """Carry a plan out, and show how far one is where somebody looks."""
        console = Console(stderr=True)
        hidden = not sys.stderr.isatty()
        with Progress(console=console, disable=hidden, transient=True) as progress:
            task = progress.add_task("Warming the cache", total=len(plan.wanted))
            return warming.warm(
                plan,
                limit=limit,
                concurrency=concurrency,
                advance=lambda: progress.advance(task),
            )

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _read(path: Path) -> FileTexts:
    try:
        return read_texts(path.read_bytes(), table=path.suffix.lower() == ".csv")
    except OSError as exc:
        raise CommandError(f"{path} can't be read: {exc.strerror}.", returncode=2) from exc
    except InvalidTexts as exc:
        raise CommandError(f"{path}: {exc}.", returncode=2) from exc


def _result_lines(runs: Sequence[WarmUpResult]) -> list[str]:
    return [
        f"{run.at:%Y-%m-%d}: {run.computed} entries, {run.predicted_hits} hits predicted, "
        f"{run.realised_hits} so far"
        for run in reversed(runs)
    ]


def _runs_as_json(runs: Sequence[WarmUpResult]) -> list[dict[str, Any]]:
    return [{**asdict(run), "at": run.at.isoformat()} for run in runs]


def _skipped_lines(read: FileTexts) -> list[str]:
    lines = [f"Line {skipped.line} is skipped: {skipped.why}" for skipped in read.skipped]
    more = len(lines) - SKIPPED_SHOWN
    return lines[:SKIPPED_SHOWN] + ([f"... and {more} more."] if more > 0 else [])


def _lines(plan: Plan, warmed: Warmed) -> list[str]:
    counts = [
        f"{warmed.computed} entries computed",
        f"{warmed.already_there} already there",
        *([f"{warmed.failed} without a valid answer"] if warmed.failed else []),
        *([f"{warmed.skipped} skipped"] if warmed.skipped else []),
    ]
    lines = [f"{', '.join(counts)}; {warmed.predicted_hits} hits predicted."]
    if not plan.wanted and plan.source == WarmUp.Source.LOST:
        lines = ["Nothing that expired or was evicted can be computed again."]
    if warmed.ended in {Ended.PEOPLE, Ended.LIMIT}:
        lines.append(_stopped(plan, warmed))
    return lines


def _stopped(plan: Plan, warmed: Warmed) -> str:
    why = {
        Ended.PEOPLE: "somebody waits for the model",
        Ended.LIMIT: "--limit is reached",
        Ended.MODEL: f"the model is out of reach ({warmed.trouble})",
        Ended.NOT_KEPT: "the cache keeps nothing (see caching in the tuning file, and its disk)",
        Ended.INTERRUPTED: "it was interrupted",
    }[warmed.ended]
    things = "texts" if plan.source == WarmUp.Source.FILE else "entries"
    done = f"{warmed.done} of {warmed.wanted} {things} done"
    return f"Stopped: {why}; {done}. Run it again later."
