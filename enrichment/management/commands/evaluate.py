"""Scores Stage 1 on texts whose writers said how they felt."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from cachestats.errors import InvalidConfig
from enrichment.evaluation import (
    BLEND,
    SIGNALS,
    Evaluation,
    NoModel,
    evaluate,
    fit,
    save_fitted,
)
from enrichment.stages import scoring, wheel
from enrichment.stages.fitting import FEWEST_IN_ALL, FOLDS, TooFew
from enrichment.stages.prompts import Method
from enrichment.stages.scoring import InvalidTable, LabelledTable, LabelledText
from enrichment.tuned_stages import as_overlay

FIGURES = ("any", "single", "polarity", "macro_precision", "ece")


class Command(BaseCommand):
    """manage.py evaluate"""

    help = "Score Stage 1's primaries on labelled texts (CSV), uncached."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV: text, and TRUE or FALSE for each label")
        parser.add_argument("--limit", type=int, help="only so many texts, from the beginning")
        parser.add_argument("--method", choices=[*Method], help="default: the tuning's")
        parser.add_argument(
            "--fit",
            action="store_true",
            help="fit the blend's weights; it is then scored on texts held back from the fit",
        )
        parser.add_argument(
            "--apply", action="store_true", help="with --fit: save the weights as a revision"
        )
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        limit = options["limit"]
        if limit is not None and limit < 1:
            raise CommandError("--limit must be 1 or more.", returncode=2)
        if options["apply"] and not options["fit"]:
            raise CommandError("--apply takes --fit.", returncode=2)
        table = _read(options["file"])
        self._tell_of_no_use(table)
        texts = table.texts[:limit]
        if not texts:
            raise CommandError(f"{options['file']} has no text with a feeling that counts.")
        if options["fit"] and len(texts) < FEWEST_IN_ALL:
            raise CommandError(f"--fit takes at least {FEWEST_IN_ALL} texts, not {len(texts)}.")
        try:
            found = evaluate(texts, _shown, options["method"] and Method(options["method"]))
            if options["fit"]:
                found = fit(found)
        except (NoModel, TooFew) as exc:
            raise CommandError(str(exc)) from exc
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
        else:
            console = Console(file=cast(IO[str], self.stdout), width=110)
            console.print(*_tables(found), sep="\n")
            if found.weights:
                console.print("Fitted on all of them:", json.dumps(as_overlay(found.weights)))
        if options["apply"]:
            self._apply(found)

    def _tell_of_no_use(self, table: LabelledTable) -> None:
        if table.left_out:
            self.stderr.write(f"Texts left out, without a feeling that counts: {table.left_out}.")
        if table.unread:
            self.stderr.write(f"Columns not read: {', '.join(map(repr, table.unread))}.")

    def _apply(self, found: Evaluation) -> None:
        """Put the fitted weights in force."""
        try:
            revision = save_fitted(found)
        except InvalidConfig as exc:
            raise CommandError(f"The weights can't be put in force: {exc}") from exc
        self.stderr.write(f"In force from now on, as revision {revision} of the configuration.")


def _read(path: Path) -> LabelledTable:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return scoring.read_table(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"{path} can't be read: {exc}", returncode=2) from exc
    except InvalidTable as exc:
        raise CommandError(f"{path}: {exc}.", returncode=2) from exc


def _shown(texts: Sequence[LabelledText]) -> Iterator[LabelledText]:
    """Yield the texts and show how far one is, where somebody looks."""
    console = Console(stderr=True)
    yield from track(texts, "Reading texts", console=console, disable=not sys.stderr.isatty())


def _tables(found: Evaluation) -> tuple[Table, Table]:
    title = f"{len(found.texts)} texts, {found.engine} {found.model}, by {found.method}"
    title += f", {median(found.durations_ms):.0f} ms a text (median)"
    if found.unanswered:
        title += f", {found.unanswered} without an answer"
    if found.weights:
        title += f"; blend: {FOLDS}-fold, weights fitted on the other folds"
    figures = Table("", *FIGURES, title=title)
    for signal in SIGNALS:
        scores = found.scores(signal)
        ranges = scoring.intervals(found.texts, found.readings[signal])
        cells = [_cell(getattr(scores, name), ranges[name]) for name in FIGURES]
        figures.add_row(signal, *cells)
    read = (*wheel.PRIMARIES, None)
    confused = Table(
        "one primary ↓ read as →",
        *(word or "undetermined" for word in read),
        title="What the blend confuses",
    )
    table = scoring.confusion(found.texts, found.readings[BLEND])
    for primary in wheel.PRIMARIES:
        row: Mapping[str | None, int] = table.get(primary, {})
        confused.add_row(primary, *(str(row.get(word, 0)) for word in read))
    return figures, confused


def _cell(value: float | None, bounds: tuple[float, float] | None) -> str:
    if value is None or bounds is None:
        return "–"
    return f"{value:.3f} ({bounds[0]:.2f} to {bounds[1]:.2f})"
