"""What the overview is made of, read once for all its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.functional import SimpleLazyObject

from cachestats.reports import StoreReport, store_report
from cachestats.spans import Range
from cachestats.trends import CacheTrend, cache_trend
from cachestats.worth import EntryWorth, entry_worth
from enrichment import hosts
from enrichment.call_trends import CallTrend, call_trend
from enrichment.hosts import ModelHealth
from enrichment.queue_reports import QueueState, queue_state
from enrichment.queue_trends import QueueTrend, queue_trend
from perfsite.markers import Marker, markers


@dataclass(frozen=True, kw_only=True)
class Now:
    """How the site is at the moment."""

    cache: StoreReport
    queue: QueueState
    model: ModelHealth
    engine_starting: bool


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Numbers of cache, calls and queue over one range of time.

    worth: None until entries were weighed. markers: what happened to the site meanwhile.
    """

    span: Range
    cache: CacheTrend
    calls: CallTrend
    queue: QueueTrend
    worth: EntryWorth | None
    markers: Sequence[Marker]


def at_the_moment() -> Now:
    """Return how the site is."""
    return Now(
        cache=store_report(),
        queue=queue_state(),
        model=hosts.health(),
        engine_starting=hosts.engine_is_starting(),
    )


def seen(span: Range, store: StoreReport, now: datetime | None = None) -> Seen:
    """Return the numbers of a range that ends now; each part is read when it is asked for."""
    now = now or datetime.now(UTC)
    # One picture needs one part.
    parts: dict[str, Any] = {
        "cache": SimpleLazyObject(lambda: cache_trend(span, now)),
        "calls": SimpleLazyObject(lambda: call_trend(span, now)),
        "queue": SimpleLazyObject(lambda: queue_trend(span, now)),
        "worth": SimpleLazyObject(lambda: entry_worth(store.entries) if store.healthy else None),
        "markers": SimpleLazyObject(lambda: markers(span.grid(now), now)),
    }
    return Seen(span=span, **parts)
