"""Warm-ups as people look at them: how far each is, and what came of what it computed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from django.utils import timezone

from cachestats import services as cache_services
from enrichment.models import WarmUp, WarmUpEntry

State = Literal[
    "waiting",
    "working",
    "done",
    "limit",
    "people",
    "model",
    "not_kept",
    "time",
    "failed",
    "interrupted",
]


@dataclass(frozen=True, kw_only=True)
class WarmUpReport:
    """A run.

    state: waiting for a worker, working, or why it went no further; one that was killed is
    interrupted, at once or, where its whole machine is gone, half a minute later. limit: so many
    answers are asked for at most; None: all. The counts, of entries, are written at its end.
    """

    id: int
    state: State
    source: str
    created_at: datetime
    ended_at: datetime | None
    limit: int | None
    concurrency: int
    computed: int
    already_there: int
    failed: int
    skipped: int
    predicted_hits: int
    trouble: str


@dataclass(frozen=True, kw_only=True)
class WarmUpResult:
    """How a run did so far: the hits of its entries beside those that were predicted."""

    at: datetime
    source: str
    computed: int
    predicted_hits: int
    realised_hits: int


def warm_up_report(run: WarmUp) -> WarmUpReport:
    """Return how far a run is."""
    return WarmUpReport(
        id=run.pk,
        state=_state(run),
        source=run.source,
        created_at=run.at,
        ended_at=run.ended_at,
        limit=run.answer_limit,
        concurrency=run.concurrency,
        computed=run.computed,
        already_there=run.already_there,
        failed=run.failed,
        skipped=run.skipped,
        predicted_hits=run.predicted_hits,
        trouble=run.trouble,
    )


def warm_up_reports(newest: int) -> list[WarmUpReport]:
    """Return the newest runs, newest first."""
    return [warm_up_report(run) for run in WarmUp.objects.order_by("-pk")[:newest]]


def results(newest: int) -> list[WarmUpResult]:
    """Return how the newest runs did that computed anything, newest first.

    An entry's hits count until its time is over or it is evicted and computed again.

    Raises:
        cachestats.services.UNUSABLE: the cache can't be read.
    """
    runs = WarmUp.objects.filter(computed__gt=0).prefetch_related("entries")
    return [
        WarmUpResult(
            at=run.at,
            source=run.source,
            computed=run.computed,
            predicted_hits=run.predicted_hits,
            realised_hits=realised_hits(run.entries.all()),
        )
        for run in runs[:newest]
    ]


def realised_hits(entries: Collection[WarmUpEntry]) -> int:
    """Return how often these were hit in the life that a warm-up gave them."""
    lives = cache_services.entry_lives(entry.key for entry in entries)
    return sum(
        life.hits
        for entry in entries
        if (life := lives.get(entry.key)) and life.expires_ms <= entry.expires_ms
    )


def _state(run: WarmUp) -> State:
    if run.ended:
        return cast(State, run.ended)
    if run.lease_until is None:
        return "waiting"
    return "working" if run.lease_until > timezone.now() else "interrupted"
