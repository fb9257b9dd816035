"""How a stage's answer is kept as a row, and what the log says of it."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from cachestats.cache import CacheState, Reason
from enrichment.models import Forward, Reflection, StageResult
from enrichment.stages import analytics
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.hybrid_scorer import Stage1

logger = logging.getLogger(__name__)

PREVIEW_CHARACTERS = 60
# All other reasons tell why nothing was there.
FORWARDS: Mapping[str, Forward] = {
    Reason.BYPASSED: Forward.BYPASS,
    Reason.NO_STORE: Forward.BYPASS,
    Reason.NO_CACHE: Forward.REQUEST,
    Reason.EXPIRED: Forward.STALE,
    Reason.TOO_OLD: Forward.STALE,
}


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
        forward=FORWARDS.get(answer.missed, Forward.URI_MISS) if answer.missed else "",
        key=answer.key,
        reader=reflection.reader,
        stored=answer.stored,
        age_seconds=answer.age_seconds,
        ttl_seconds=answer.ttl_seconds,
        cost_ms=answer.cost_ms,
        engine=answer.engine,
        model=answer.model,
        duration_ms=round(duration_ms, 3),
        # Legal in JSON, but no database but SQLite keeps it.
        raw_reply=answer.raw_reply.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        reason=answer.reason,
    )


def as_stage1(result: Mapping[str, Any], outcome: Outcome, local_time: datetime) -> Stage1:
    """Return a stored Stage 1 as Stage 2 takes it."""
    answer = StageAnswer(result=result, outcome=outcome)
    return Stage1(answer=answer, context=analytics.context((), local_time))


def log_stage(row: StageResult, about: str) -> None:
    """Log a stage. A text is previewed only where LOG_PREVIEWS allows; else the key stands."""
    if row.stage == 1:
        # Where no model was in reach there is no key either.
        about = _preview(about) if settings.LOG_PREVIEWS else row.key[:8] or "no model"
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
