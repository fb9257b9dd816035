"""Reflections and jobs as people look at them: page and API show the same objects."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count
from django.utils import timezone

from enrichment import jobs
from enrichment.models import Job, Reflection, StageResult, Status, WorkerHeartbeat
from enrichment.models.reflections import ReflectionQuerySet
from enrichment.stages import analytics, help_lines, post_enricher
from enrichment.stages.analytics import PastReflection

HISTORY = timedelta(days=28)
HISTORY_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks: one owner's token, a person or service, or staff who may see all."""

    user: User | AnonymousUser
    owner: str = ""
    sees_all: bool = False

    def reflections(self) -> ReflectionQuerySet:
        """Return the reflections that this viewer may see."""
        if self.owner:
            return Reflection.objects.filter(owner=self.owner)
        if self.sees_all:
            return Reflection.objects.all()
        return Reflection.objects.filter(submitted_by_id=self.user.pk)


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage. extras: what is computed on reading, beside the cached result."""

    result: Mapping[str, Any]
    outcome: str
    cache: str
    age_seconds: int
    ttl_seconds: int
    stored: bool
    key: str
    engine: str
    model: str
    duration_ms: float
    reason: str
    extras: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the members that the API shows; the key is cut to what can prove no text."""
        return {
            "result": self.result,
            "outcome": self.outcome,
            "cache": self.cache,
            "age_seconds": self.age_seconds,
            "key": self.key[:8],
            "engine": self.engine,
            "model": self.model,
            "duration_ms": self.duration_ms,
            "reason": self.reason,
            **self.extras,
        }


@dataclass(frozen=True, kw_only=True)
class ReflectionReport:
    """A reflection and how far it is."""

    id: str
    status: str
    finished: bool
    text: str
    owner: str
    timestamp: datetime
    timezone: str
    created_at: datetime
    risk_signals: list[str]
    enrich_again: bool
    stage1: StageReport | None
    stage2: StageReport | None

    def as_json(self) -> dict[str, Any]:
        """Return what the API answers."""
        return {
            "id": self.id,
            "status": self.status,
            "text": self.text,
            "owner": self.owner,
            "timestamp": self.timestamp.isoformat(),
            "timezone": self.timezone,
            "created_at": self.created_at.isoformat(),
            "risk": {"flagged": bool(self.risk_signals), "signals": self.risk_signals},
            "enrich_again": self.enrich_again,
            "stage1": self.stage1.as_json() if self.stage1 else None,
            "stage2": self.stage2.as_json() if self.stage2 else None,
        }


def reflection_report(reflection: Reflection, *, with_context: bool = True) -> ReflectionReport:
    """Return one reflection's report; takes what `with_parts` fetched along.

    Args:
        with_context: look up the owner's history, which a list does not show.
    """
    first, second = reflection.result_of(1), reflection.result_of(2)
    job = reflection.submitted_job
    return ReflectionReport(
        id=str(reflection.id),
        status=job.status,
        finished=job.finished,
        text=reflection.text,
        owner=reflection.owner,
        timestamp=reflection.timestamp,
        timezone=reflection.timezone,
        created_at=reflection.created_at,
        risk_signals=reflection.risk_signals,
        enrich_again=reflection.enrich_again,
        stage1=_stage(first, _context(reflection) if with_context else {}) if first else None,
        stage2=_stage(second, _dress(reflection, first)) if second else None,
    )


@dataclass(frozen=True, kw_only=True)
class QueueReport:
    """The state of the work. oldest_waiting_seconds: None when nothing waits."""

    by_status: dict[str, int]
    oldest_waiting_seconds: float | None
    workers_alive: int


def queue_report() -> QueueReport:
    """Return how much work there is, and who is there to do it."""
    now = timezone.now()
    oldest = jobs.oldest_waiting()
    counted = dict(Job.objects.order_by().values_list("status").annotate(Count("id")))
    return QueueReport(
        by_status={status: counted[status] for status in Status if status in counted},
        oldest_waiting_seconds=(now - oldest).total_seconds() if oldest else None,
        workers_alive=workers_alive(),
    )


def workers_alive() -> int:
    """Return how many worker processes gave a sign of life lately."""
    return WorkerHeartbeat.objects.alive(timezone.now()).count()


def recent_reflections(viewer: Viewer, limit: int = 10) -> list[ReflectionReport]:
    """Return the newest reflections that a viewer may see."""
    newest = viewer.reflections().with_parts().order_by("-created_at")[:limit]
    return [reflection_report(reflection, with_context=False) for reflection in newest]


def _stage(row: StageResult, extras: Mapping[str, Any]) -> StageReport:
    return StageReport(
        result=row.result,
        outcome=row.outcome,
        cache=row.cache,
        age_seconds=row.age_seconds,
        ttl_seconds=row.ttl_seconds,
        stored=row.stored,
        key=row.key,
        engine=row.engine,
        model=row.model,
        duration_ms=row.duration_ms,
        reason=row.reason,
        extras=extras,
    )


def _context(reflection: Reflection) -> dict[str, Any]:
    found = analytics.context(_history(reflection), reflection.local_time)
    return {"context": asdict(found)}


def _history(reflection: Reflection) -> list[PastReflection]:
    """Return the owner's earlier reflections; none without an owner, who might be anybody."""
    if not reflection.owner:
        return []
    rows = (
        StageResult.objects.filter(
            stage=1,
            reflection__owner=reflection.owner,
            reflection__submitted_by_id=reflection.submitted_by_id,
            reflection__timestamp__gte=reflection.timestamp - HISTORY,
            reflection__timestamp__lt=reflection.timestamp,
        )
        .order_by("-reflection__timestamp")
        .values_list("reflection__timestamp", "result")[:HISTORY_ROWS]
    )
    return [
        PastReflection(at=at, valence=result["valence"], arousal=result["arousal"])
        for at, result in rows
    ]


def _dress(reflection: Reflection, first: StageResult | None) -> dict[str, Any]:
    """Return what stands beside Stage 2's text: style and tags, or help lines."""
    if reflection.at_risk:
        lines = help_lines.nearest_first(reflection.timezone)
        return {"help_lines": [asdict(line) for line in lines]}
    if first is None:
        return {}
    content = first.result
    return {
        "style": asdict(post_enricher.style(content["valence"], content["arousal"])),
        "tags": list(post_enricher.tags(content)),
    }
