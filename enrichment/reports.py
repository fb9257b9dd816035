"""Reflections and jobs as people look at them: page and API show the same objects."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, FilteredRelation, Max, Min, Q
from django.utils import timezone

from enrichment import variants
from enrichment.models import (
    Job,
    Reflection,
    ReflectionImage,
    StageResult,
    Status,
    WorkerHeartbeat,
)
from enrichment.models.heartbeats import is_alive
from enrichment.models.jobs import FINISHED, FREE_SINCE, is_free, is_held
from enrichment.models.reflections import ReflectionQuerySet
from enrichment.stages import analytics, help_lines, post_enricher, remarks
from enrichment.stages.analytics import PastReflection

# No streak is counted further back than a year, nor over more than so many reflections.
HISTORY = timedelta(days=366)
HISTORY_ROWS = 5000
MINUTE = timedelta(minutes=1)
# Over so long throughput is measured: a job takes seconds to minutes on a CPU.
RECENT = 5 * MINUTE
# Missing tickets are issued within 5 s and a dead worker's lease runs out within 30: a job that
# waits for so long while nobody is at work waits for nobody.
STALLED_AFTER = timedelta(seconds=120)


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
class ImageReport:
    """The image that a reflection came with.

    state: described or waiting. cache: how the cache took part in its description; empty before.
    reason: the kind of error that kept it from being described, so far or for good.
    """

    state: str
    cache: str
    reason: str


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
    image: ImageReport | None
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
            "image": asdict(self.image) if self.image else None,
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
        image=_image(reflection.image_or_none, job),
        stage1=_stage(first, _context(reflection, first) if with_context else {})
        if first
        else None,
        stage2=_stage(second, _dress(reflection, first, second)) if second else None,
    )


@dataclass(frozen=True, kw_only=True)
class QueueReport:
    """The work there is that somebody waits for, and who is there to do it.

    by_status: jobs; only statuses that have any.
    depth: unfinished jobs that nobody is at work on, those that wait out a back-off included.
    oldest_waiting_seconds: for how long the first of them could have been worked on; None when
    none can be now.
    running: jobs that a worker is at work on.
    completed_recently: jobs that workers completed within `RECENT`; what the cache answered in
    the submission itself is none.
    last_completed_seconds: age of the newest of those; None without one.
    background: unfinished jobs that make texts ahead; they count in no other number.
    workers_alive: processes that gave a sign of life lately.
    last_heartbeat_seconds: age of the newest sign of life; None without one.
    """

    by_status: dict[str, int]
    depth: int
    oldest_waiting_seconds: float | None
    running: int
    completed_recently: int
    last_completed_seconds: float | None
    background: int
    workers_alive: int
    last_heartbeat_seconds: float | None

    @property
    def throughput_per_minute(self) -> float:
        """Jobs that workers completed in a minute, the mean of the last five."""
        return self.completed_recently / (RECENT / MINUTE)

    @property
    def stalled(self) -> bool:
        """Whether workers live and jobs wait, and yet nothing is done; a backlog alone is not."""
        long = STALLED_AFTER.total_seconds()
        idle = self.last_completed_seconds is None or self.last_completed_seconds > long
        return (
            self.workers_alive > 0
            and self.oldest_waiting_seconds is not None
            and self.oldest_waiting_seconds > long
            and not self.running
            and idle
        )

    @property
    def finished(self) -> dict[str, int]:
        """Jobs by status, without those that wait or are worked on."""
        return {status: count for status, count in self.by_status.items() if status in FINISHED}


def queue_report() -> QueueReport:
    """Return how much work there is, how fast it goes, and who is there to do it."""
    now = timezone.now()
    by_status = dict(
        Job.objects.for_people().order_by().values_list("status").annotate(Count("id"))
    )
    ahead = Q(purpose=Job.Purpose.VARIANTS)
    work = Job.objects.unfinished().aggregate(
        total=Count("id", filter=~ahead),
        running=Count("id", filter=is_held(now) & ~ahead),
        oldest=Min(FREE_SINCE, filter=is_free(now) & ~ahead),
        background=Count("id", filter=ahead),
    )
    done = (
        Job.objects.done_by_workers()
        .for_people()
        .filter(finished_at__gt=now - RECENT)
        .aggregate(count=Count("id"), last=Max("finished_at"))
    )
    workers = WorkerHeartbeat.objects.aggregate(
        alive=Count("name", filter=is_alive(now)), last=Max("at")
    )
    return QueueReport(
        by_status={status: by_status[status] for status in Status if status in by_status},
        depth=work["total"] - work["running"],
        oldest_waiting_seconds=_age_seconds(work["oldest"], now),
        running=work["running"],
        completed_recently=done["count"],
        last_completed_seconds=_age_seconds(done["last"], now),
        background=work["background"],
        workers_alive=workers["alive"],
        last_heartbeat_seconds=_age_seconds(workers["last"], now),
    )


def recent_reflections(viewer: Viewer, limit: int = 10) -> list[ReflectionReport]:
    """Return the newest reflections that a viewer may see."""
    newest = viewer.reflections().with_parts().order_by("-created_at")[:limit]
    return [reflection_report(reflection, with_context=False) for reflection in newest]


def _age_seconds(at: datetime | None, now: datetime) -> float | None:
    # What was written while the report was made is no older than nothing.
    return None if at is None else max(0.0, (now - at).total_seconds())


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


def _image(image: ReflectionImage | None, job: Job) -> ImageReport | None:
    if image is None:
        return None
    if image.described:
        return ImageReport(state="described", cache=image.cache, reason="")
    return ImageReport(state="waiting", cache="", reason=job.last_error)


def _context(reflection: Reflection, first: StageResult) -> dict[str, Any]:
    """Return the context and what there is to say about it; nothing to who may be in danger."""
    felt = analytics.affect(first.result)
    found = analytics.context(_history(reflection), reflection.local_time, *felt)
    said = () if reflection.at_risk else remarks.remarks(found)
    return {"context": asdict(found), "remarks": list(said)}


def _history(reflection: Reflection) -> list[PastReflection]:
    """Return the owner's earlier reflections; none without an owner, who might be anybody.

    Those without a Stage 1 are among them: their days were days of writing.
    """
    if not reflection.owner:
        return []
    rows = (
        Reflection.objects.filter(
            owner=reflection.owner,
            submitted_by_id=reflection.submitted_by_id,
            timestamp__gte=reflection.timestamp - HISTORY,
            timestamp__lt=reflection.timestamp,
        )
        .annotate(first=FilteredRelation("results", condition=Q(results__stage=1)))
        .order_by("-timestamp")
        # Whole results would take twice as long: they are two kilobytes each.
        .values_list(
            "timestamp",
            "first__result__undetermined",
            "first__result__valence",
            "first__result__arousal",
        )[:HISTORY_ROWS]
    )
    return [
        PastReflection(at=at, valence=None, arousal=None)
        if undetermined
        else PastReflection(at=at, valence=valence, arousal=arousal)
        for at, undetermined, valence, arousal in rows
    ]


def _dress(
    reflection: Reflection, first: StageResult | None, second: StageResult
) -> dict[str, Any]:
    """Return what stands beside Stage 2's text: style, tags and which of several it is, or help
    lines.
    """
    if reflection.at_risk:
        lines = help_lines.nearest_first(reflection.timezone)
        return {"help_lines": [asdict(line) for line in lines]}
    if first is None:
        return {}
    content = first.result
    return {
        "style": asdict(post_enricher.style(content["valence"], content["arousal"])),
        "tags": list(post_enricher.tags(content)),
        **_which(second),
    }


def _which(second: StageResult) -> dict[str, Any]:
    """Return which of how many texts it is, counted from 1; nothing where there is one alone."""
    number = second.result["provenance"].get("variant")
    if number is None:
        return {}
    of = max(variants.number_in_force(), number + 1)
    return {"variant": {"number": number + 1, "of": of}} if of > 1 else {}
