"""Context analytics: what history and clock say beside a text. Pure; never cached.

It never reaches the content inference: the same words feel the same in the morning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean

PHASES = ((6, "night"), (12, "morning"), (17, "afternoon"), (21, "evening"), (24, "night"))
WINDOWS_DAYS = (1, 7, 28)


@dataclass(frozen=True, kw_only=True)
class PastReflection:
    """An earlier reflection of the same owner; valence and arousal are 0 to 1."""

    at: datetime
    valence: float
    arousal: float


@dataclass(frozen=True, kw_only=True)
class Averages:
    """Means over the reflections of the last so many days, the present one left out."""

    days: int
    count: int
    valence: float | None
    arousal: float | None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What history and clock say. phase: of the day, where the reflection was written."""

    hour_local: float
    phase: str
    averages: tuple[Averages, ...]


def context(history: Sequence[PastReflection], timestamp: datetime) -> Context:
    """Return the context of a reflection.

    Args:
        history: earlier reflections in any order; later ones are left out.
        timestamp: the reflection's instant in its own time zone.
    """
    hour = timestamp.hour + timestamp.minute / 60
    phase = next(name for end, name in PHASES if hour < end)
    # Within one zone, arithmetic is by the wall clock, which jumps twice a year.
    now = timestamp.astimezone(UTC)
    return Context(
        hour_local=round(hour, 2),
        phase=phase,
        averages=tuple(_averages(history, now, days) for days in WINDOWS_DAYS),
    )


def _averages(history: Sequence[PastReflection], now: datetime, days: int) -> Averages:
    since = now - timedelta(days=days)
    past = [entry for entry in history if since <= entry.at < now]
    return Averages(
        days=days,
        count=len(past),
        valence=round(fmean(entry.valence for entry in past), 4) if past else None,
        arousal=round(fmean(entry.arousal for entry in past), 4) if past else None,
    )
