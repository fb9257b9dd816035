"""How far a reflection is, step by step, as its page tells it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from enrichment.models import Status
from enrichment.reports import ReflectionReport, StageReport


class Progress(StrEnum):
    """How far one step is; MISSING: the work ended without it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. kind: sent, picture, stage1 or stage2.

    duration_ms: how long it took, of `sent` how long the wait for a worker was; None where it did
    not happen or is not known. stage: what is known of a stage that is done. at: when it was sent.
    """

    kind: str
    progress: Progress
    duration_ms: float | None = None
    stage: StageReport | None = None
    at: datetime | None = None


def timeline(reflection: ReflectionReport) -> list[Step]:
    """Return the steps of a reflection in their order."""
    return list(_steps(reflection))


def _steps(reflection: ReflectionReport) -> Iterator[Step]:
    waited = None
    if reflection.started_at:
        waited = (reflection.started_at - reflection.queued_at).total_seconds() * 1000
    yield Step(kind="sent", progress=Progress.DONE, duration_ms=waited, at=reflection.created_at)
    described = True
    if reflection.image:
        described = reflection.image.state == "described"
        runs = reflection.status == Status.STAGE1_RUNNING
        yield Step(kind="picture", progress=_progress(reflection, done=described, runs=runs))
    runs = described and reflection.status == Status.STAGE1_RUNNING
    yield _stage(reflection, "stage1", reflection.stage1, runs=runs)
    # Whoever completed Stage 1 goes on with Stage 2 at once.
    runs = reflection.status in {Status.STAGE1_COMPLETE, Status.STAGE2_RUNNING}
    yield _stage(reflection, "stage2", reflection.stage2, runs=runs)


def _stage(
    reflection: ReflectionReport, kind: str, stage: StageReport | None, *, runs: bool
) -> Step:
    return Step(
        kind=kind,
        progress=_progress(reflection, done=stage is not None, runs=runs),
        duration_ms=stage.duration_ms if stage else None,
        stage=stage,
    )


def _progress(reflection: ReflectionReport, *, done: bool, runs: bool) -> Progress:
    if done:
        return Progress.DONE
    if reflection.finished:
        return Progress.MISSING
    return Progress.RUNNING if runs else Progress.WAITING
