"""What happened to the site that may explain a change in its pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Value

from cachestats.models import Audit, ConfigRevision
from cachestats.spans import Grid
from enrichment.models import SiteStart

CONFIG, RESTART, PURGE = "config", "restart", "purge"
MOST = 50
# Processes that start together are one start, also on either side of a full minute.
TOGETHER = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """An event. kind: config, restart or purge. label: a few words. who: did it; "" if unknown."""

    at: datetime
    kind: str
    label: str
    who: str = ""


def markers(found: Grid, now: datetime) -> list[Marker]:
    """Return the newest events within the steps, at most MOST, in order of time."""
    starts: list[tuple[datetime, str]] = []
    events: list[Marker] = []
    for at, kind, who, token_name, number in _rows(found.since, min(now, found.until)):
        if kind == RESTART:
            starts.append((at, who))
        else:
            label = f"Configuration {number}" if kind == CONFIG else _purge(number)
            events.append(Marker(at=at, kind=kind, label=label, who=who or token_name))
    events += [_restart(together) for together in _runs(starts)]
    return sorted(events, key=lambda event: event.at)[-MOST:]


def _runs(starts: Iterable[tuple[datetime, str]]) -> list[list[tuple[datetime, str]]]:
    """Put starts together, newest first, that follow one another closely."""
    runs: list[list[tuple[datetime, str]]] = []
    for start in starts:
        if runs and runs[-1][-1][0] - start[0] <= TOGETHER:
            runs[-1].append(start)
        else:
            runs.append([start])
    return runs


def _rows(since: datetime, until: datetime) -> QuerySet[Any, Any]:
    """Return the events, newest first, in one statement: kind, who or what, and a number."""
    revisions = ConfigRevision.objects.filter(created_at__range=(since, until)).order_by()
    starts = SiteStart.objects.filter(at__range=(since, until)).order_by()
    purges = Audit.objects.filter(at__range=(since, until), deleted__gt=0).order_by()
    return (
        revisions.values_list(
            "created_at", Value(CONFIG), "author__username", "token_name", "number"
        )
        .union(
            starts.values_list("at", Value(RESTART), "role", Value(""), Value(0)),
            purges.values_list("at", Value(PURGE), "actor", Value(""), "deleted"),
            all=True,
        )
        .order_by("-created_at")[: 4 * MOST]
    )


def _restart(together: Sequence[tuple[datetime, str]]) -> Marker:
    roles = {role for _, role in together}
    label = "Site and worker started"
    if len(roles) == 1:
        label = f"{SiteStart.Role(roles.pop()).label} started"
    return Marker(at=together[0][0], kind=RESTART, label=label)


def _purge(deleted: int) -> str:
    return "Purge of 1 entry" if deleted == 1 else f"Purge of {deleted:,} entries"
