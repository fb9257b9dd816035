"""Runs both stages on a text in the foreground, through the cache; keeps no reflection."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from enrichment import services
from enrichment.errors import InvalidSubmission
from enrichment.services import Enriched
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.help_lines import HELP_LINES
from enrichment.submission import parse


class Command(BaseCommand):
    """manage.py enrich"""

    help = "Enrich one text here and now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text")
        parser.add_argument("--json", action="store_true", help="print JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            submission = parse({"text": options["text"]}, timezone.now())
        except InvalidSubmission as exc:
            raise CommandError(str(exc), returncode=2) from exc
        enriched = services.enrich_text(submission)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(enriched)))
        else:
            self.stdout.write("\n".join(_lines(enriched)))


def _as_json(enriched: Enriched) -> dict[str, Any]:
    return {
        "stage1": _stage(enriched.stage1.answer, enriched.stage1_ms),
        "stage2": _stage(enriched.stage2.answer, enriched.stage2_ms),
    }


def _stage(answer: StageAnswer, duration_ms: float) -> dict[str, Any]:
    return {
        "result": answer.result,
        "outcome": answer.outcome,
        "cache": answer.cache,
        "engine": answer.engine,
        "model": answer.model,
        "reason": answer.reason,
        "duration_ms": round(duration_ms, 3),
    }


def _lines(enriched: Enriched) -> list[str]:
    first, second = enriched.stage1.answer, enriched.stage2.answer
    feeling = " > ".join(enriched.stage1.path) or "undetermined"
    written = second.result
    return [
        f"Stage 1: {feeling} ({_how(first)}, {enriched.stage1_ms:.1f} ms)",
        f"Stage 2: ({_how(second)}, {enriched.stage2_ms:.1f} ms)",
        "",
        *written["poem"],
        "",
        *(f"- {tip}" for tip in written["tips"]),
        "",
        written["closing_line"],
        *_help(second),
    ]


def _help(answer: StageAnswer) -> list[str]:
    """Return the help lines that the text for somebody in danger speaks of."""
    if answer.outcome is not Outcome.SAFETY:
        return []
    return ["", *(f"{line.region}  {line.name}: {line.contact}" for line in HELP_LINES)]


def _how(answer: StageAnswer) -> str:
    source = f"{answer.engine} {answer.model}".strip()
    return ", ".join(part for part in (answer.outcome, answer.cache, source, answer.reason) if part)
