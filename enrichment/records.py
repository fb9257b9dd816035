"""How a stage's answer is kept as a row, and what the log says of it."""

import logging
import time

from django.conf import settings

from cachestats.cache import CacheState
from enrichment.models import Reflection, StageResult
from enrichment.stages.answers import StageAnswer
from enrichment.stages.hybrid_scorer import Stage1

logger = logging.getLogger(__name__)

PREVIEW_CHARACTERS = 60


def result_row(
    reflection: Reflection, stage: int, answer: StageAnswer, duration_ms: float
) -> StageResult:
    """Return what is kept of a stage's answer; not saved yet."""
    return StageResult(
        reflection=reflection,
        stage=stage,
        result=dict(answer.result),
        outcome=answer.outcome,
        cache=answer.cache,
        key=answer.key,
        reader=reflection.reader,
        stored=answer.stored,
        age_seconds=answer.age_seconds,
        ttl_seconds=answer.ttl_seconds,
        engine=answer.engine,
        model=answer.model,
        duration_ms=round(duration_ms, 3),
        # Legal in JSON, but no database but SQLite keeps it.
        raw_reply=answer.raw_reply.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        reason=answer.reason,
    )


def log_stage(row: StageResult, about: str) -> None:
    """Log a stage. A text is previewed only where LOG_PREVIEWS allows; else the key stands."""
    if row.stage == 1:
        about = _preview(about) if settings.LOG_PREVIEWS else row.key[:8]
    happened = "generated & cached" if row.stored else row.outcome
    if row.cache == CacheState.HIT:
        happened = "cached"
    logger.info(
        "[CACHE %s] Stage %d: %s → %s",
        row.cache.upper(),
        row.stage,
        about,
        happened,
        extra={"stage": row.stage, "run_ms": round(row.duration_ms)},
    )


def path_words(stage1: Stage1) -> str:
    """Return a feeling's place on the wheel as the log names it."""
    return " > ".join(stage1.path) or "undetermined"


def ms_since(started: float) -> float:
    """Return the milliseconds since a reading of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000


def _preview(text: str) -> str:
    """Return a text's beginning, which can neither break a log line nor command a terminal."""
    beginning = " ".join(text.split())[:PREVIEW_CHARACTERS]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in beginning)
