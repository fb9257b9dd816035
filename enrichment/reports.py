"""Reflections as people look at them: page and API show the same objects."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import FilteredRelation, Q

from enrichment import variants
from enrichment.jobs import RETRYABLE
from enrichment.models import (
    Job,
    Reflection,
    ReflectionImage,
    StageResult,
)
from enrichment.models.reflections import PERSON_SCOPE, ReflectionQuerySet
from enrichment.stages import analytics, help_lines, post_enricher, remarks
from enrichment.stages.analytics import PastReflection

# No streak is counted further back than a year, nor over more than so many reflections.
HISTORY = timedelta(days=366)
HISTORY_ROWS = 5000


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks: one owner's token, a person or service, or staff who may see all.

    An owner's token never reaches what a person of that name submitted, who is somebody else.

    issued: it is a token that another made, which must not reach further than that one.
    """

    user_id: int | None = None
    owner: str = ""
    issued: bool = False
    sees_all: bool = False

    @property
    def condition(self) -> dict[str, str | int | None]:
        """What columns must be for this viewer to see a reflection; none for all.

        Where there is an owner, its `key_scope` must not be a person's beside.
        """
        mine: dict[str, str | int | None] = {"submitted_by_id": self.user_id}
        if self.owner:
            return {"owner": self.owner, **(mine if self.issued else {})}
        return {} if self.sees_all else mine

    def reflections(self) -> ReflectionQuerySet:
        """Return the reflections that this viewer may see."""
        found = Reflection.objects.filter(**self.condition)
        return found.exclude(key_scope__startswith=PERSON_SCOPE) if self.owner else found


@dataclass(frozen=True, kw_only=True)
class StageReport:
    """One stage. forward: why it was no hit, as in `Cache-Status`; empty where it was.

    cost_ms: what computing it took, now or when it was stored; None where that is not known.
    computed_at: when the answer was made, which for a hit was earlier than the reflection's.
    extras: what is computed on reading, beside the cached result.
    """

    result: Mapping[str, Any]
    outcome: str
    cache: str
    age_seconds: int
    ttl_seconds: int
    stored: bool
    forward: str
    key: str
    engine: str
    model: str
    duration_ms: float
    cost_ms: float | None
    computed_at: datetime
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
    """A reflection and how far it is.

    submitter_id: the user who sent it; by_person: signed in, or with a token of their own.
    retryable, cancellable: whether its work can be queued again, or ended.
    better_wanted: fallbacks stand in it, for which better answers are looked for.
    queued_at, started_at: when a worker could first take it, and did; started_at is None where
    none did, or the cache answered at once.
    history: earlier ones of the same owner; empty without their context.
    """

    id: str
    status: str
    finished: bool
    text: str
    owner: str
    submitter_id: int | None
    by_person: bool
    timestamp: datetime
    timezone: str
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    retryable: bool
    cancellable: bool
    better_wanted: bool
    risk_signals: list[str]
    enrich_again: bool
    image: ImageReport | None
    stage1: StageReport | None
    stage2: StageReport | None
    history: Sequence[PastReflection]

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
    unfinished = [other for other in reflection.work if not other.finished]
    history = _history(reflection) if first and with_context else []
    return ReflectionReport(
        id=str(reflection.id),
        status=job.status,
        finished=job.finished,
        text=reflection.text,
        owner=reflection.owner,
        submitter_id=reflection.submitted_by_id,
        by_person=reflection.key_scope.startswith(PERSON_SCOPE),
        timestamp=reflection.timestamp,
        timezone=reflection.timezone,
        created_at=reflection.created_at,
        queued_at=job.created_at,
        started_at=job.started_at,
        retryable=job.status in RETRYABLE,
        cancellable=bool(unfinished),
        better_wanted=job.finished and (reflection.enrich_again or bool(unfinished)),
        risk_signals=reflection.risk_signals,
        enrich_again=reflection.enrich_again,
        image=_image(reflection.image_or_none, job),
        stage1=_stage(first, _context(reflection, first, history) if with_context else {})
        if first
        else None,
        stage2=_stage(second, _dress(reflection, first, second)) if second else None,
        history=history,
    )


def _stage(row: StageResult, extras: Mapping[str, Any]) -> StageReport:
    return StageReport(
        result=row.result,
        outcome=row.outcome,
        cache=row.cache,
        age_seconds=row.age_seconds,
        ttl_seconds=row.ttl_seconds,
        stored=row.stored,
        forward=row.forward,
        key=row.key,
        engine=row.engine,
        model=row.model,
        duration_ms=row.duration_ms,
        cost_ms=row.cost_ms,
        computed_at=row.created_at - timedelta(seconds=row.age_seconds),
        reason=row.reason,
        extras=extras,
    )


def _image(image: ReflectionImage | None, job: Job) -> ImageReport | None:
    if image is None:
        return None
    if image.described:
        return ImageReport(state="described", cache=image.cache, reason="")
    return ImageReport(state="waiting", cache="", reason=job.last_error)


def _context(
    reflection: Reflection, first: StageResult, history: Sequence[PastReflection]
) -> dict[str, Any]:
    """Return the context and what there is to say about it; nothing to who may be in danger."""
    felt = analytics.affect(first.result)
    found = analytics.context(history, reflection.local_time, *felt)
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
