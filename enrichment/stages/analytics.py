"""Context analytics: what history and clock say beside a text. Pure; never cached.

It never reaches the content inference: the same words feel the same in the morning. Averages,
weeks and the baseline are over real days of 24 hours and leave the present reflection out; streaks
are over calendar days where it was written, and take it in. Where no feeling was found there is no
valence: such a reflection counts as a day of writing and for nothing else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from statistics import fmean, stdev
from typing import Any

PHASES = ((6, "night"), (12, "morning"), (17, "afternoon"), (21, "evening"), (24, "night"))
WINDOWS_DAYS = (1, 7, 28)
DAY = timedelta(days=1)
WEEK = 7 * DAY
# One day's mood is no week's.
WEEK_MIN_DAYS = 2
BASELINE_DAYS = 90
# Of ten values the standard deviation is known to about a quarter, 1 / sqrt(2 * 9); and ten values
# of one evening tell about that evening.
BASELINE_MIN_DAYS = 10
# Who always writes the same has no spread to measure in: any other word would be far out.
MIN_SPREAD = 0.02
MIDDLE = 0.5


@dataclass(frozen=True, kw_only=True)
class PastReflection:
    """An earlier reflection of the same owner.

    Valence and arousal are 0 to 1; both None where no feeling was found.
    """

    at: datetime
    valence: float | None
    arousal: float | None


@dataclass(frozen=True, kw_only=True)
class Averages:
    """Means over the last so many days; None without any reflection.

    count: the reflections in it, those without a feeling left out.
    """

    days: int
    count: int
    valence: float | None
    arousal: float | None


@dataclass(frozen=True, kw_only=True)
class Streaks:
    """Days in a row up to the reflection's own, that one included.

    writing_days: with a reflection. pleasant_days, unpleasant_days: with a mean valence above or
    below the middle of the scale; a day in the middle, or without a feeling, ends both.
    """

    writing_days: int
    pleasant_days: int
    unpleasant_days: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """The last seven days' means less those of the seven days before; each -1 to 1."""

    valence: float
    arousal: float


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual on one scale.

    deviation: this reflection's distance from the mean in standard deviations; None where no
    feeling was found, or the values hardly ever differ.
    """

    mean: float
    standard_deviation: float
    deviation: float | None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is usual for the owner: the last so many days, with the number of reflections."""

    days: int
    count: int
    valence: Usual
    arousal: Usual


@dataclass(frozen=True, kw_only=True)
class Context:
    """What history and clock say.

    hour_local, phase: of the day, where the reflection was written. week_over_week: None unless
    both weeks have two days with a feeling. baseline: None below ten such days.
    """

    hour_local: float
    phase: str
    averages: tuple[Averages, ...]
    streaks: Streaks
    week_over_week: Change | None
    baseline: Baseline | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Feeling:
    """A past feeling: its instant in UTC, and its day where the present reflection is."""

    at: datetime
    day: date
    valence: float
    arousal: float


def affect(content: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the valence and arousal of Stage 1's content; none where no feeling was found.

    What the lexicon found alone counts: it has its part in every feeling's numbers.
    """
    if content["undetermined"]:
        return None, None
    return content["valence"], content["arousal"]


def context(
    history: Sequence[PastReflection],
    timestamp: datetime,
    valence: float | None = None,
    arousal: float | None = None,
) -> Context:
    """Return the context of a reflection.

    Args:
        history: earlier reflections in any order, of the same owner alone; later ones are left
            out, and what stands there twice counts once.
        timestamp: the reflection's instant in its own time zone.
        valence, arousal: the reflection's own; None where no feeling was found.
    """
    hour = timestamp.hour + timestamp.minute / 60
    phase = next(name for end, name in PHASES if hour < end)
    # Within one zone, arithmetic is by the wall clock, which jumps twice a year.
    now = timestamp.astimezone(UTC)
    zone, today = timestamp.tzinfo, timestamp.date()
    past = {(entry.at.astimezone(UTC), entry.valence, entry.arousal) for entry in history}
    written = {today}
    feelings = []
    for at, felt, stirred in past:
        if at >= now:
            continue
        day = at.astimezone(zone).date()
        written.add(day)
        if felt is not None and stirred is not None:
            feelings.append(_Feeling(at=at, day=day, valence=felt, arousal=stirred))
    return Context(
        hour_local=round(hour, 2),
        phase=phase,
        averages=tuple(_averages(feelings, now, days) for days in WINDOWS_DAYS),
        streaks=_streaks(written, feelings, today, valence),
        week_over_week=_week_over_week(feelings, now),
        baseline=_baseline(feelings, now, valence, arousal),
    )


def _between(feelings: Sequence[_Feeling], since: datetime, until: datetime) -> list[_Feeling]:
    return [feeling for feeling in feelings if since <= feeling.at < until]


def _days(feelings: Sequence[_Feeling]) -> int:
    return len({feeling.day for feeling in feelings})


def _averages(feelings: Sequence[_Feeling], now: datetime, days: int) -> Averages:
    found = _between(feelings, now - days * DAY, now)
    return Averages(
        days=days,
        count=len(found),
        valence=round(fmean(each.valence for each in found), 4) if found else None,
        arousal=round(fmean(each.arousal for each in found), 4) if found else None,
    )


def _streaks(
    written: Set[date], feelings: Sequence[_Feeling], today: date, valence: float | None
) -> Streaks:
    by_day: dict[date, list[float]] = defaultdict(list)
    for feeling in feelings:
        by_day[feeling.day].append(feeling.valence)
    if valence is not None:
        by_day[today].append(valence)
    means = {day: round(fmean(values), 4) for day, values in by_day.items()}
    return Streaks(
        writing_days=_in_a_row(written, today),
        pleasant_days=_in_a_row({day for day, mean in means.items() if mean > MIDDLE}, today),
        unpleasant_days=_in_a_row({day for day, mean in means.items() if mean < MIDDLE}, today),
    )


def _in_a_row(days: Set[date], last: date) -> int:
    return next(back for back in count() if last - back * DAY not in days)


def _week_over_week(feelings: Sequence[_Feeling], now: datetime) -> Change | None:
    last = _between(feelings, now - WEEK, now)
    before = _between(feelings, now - 2 * WEEK, now - WEEK)
    if min(_days(last), _days(before)) < WEEK_MIN_DAYS:
        return None
    return Change(
        valence=round(fmean(e.valence for e in last) - fmean(e.valence for e in before), 4),
        arousal=round(fmean(e.arousal for e in last) - fmean(e.arousal for e in before), 4),
    )


def _baseline(
    feelings: Sequence[_Feeling], now: datetime, valence: float | None, arousal: float | None
) -> Baseline | None:
    found = _between(feelings, now - BASELINE_DAYS * DAY, now)
    if _days(found) < BASELINE_MIN_DAYS:
        return None
    return Baseline(
        days=BASELINE_DAYS,
        count=len(found),
        valence=_usual([each.valence for each in found], valence),
        arousal=_usual([each.arousal for each in found], arousal),
    )


def _usual(values: Sequence[float], present: float | None) -> Usual:
    mean, spread = fmean(values), stdev(values)
    far = None if present is None or spread < MIN_SPREAD else (present - mean) / spread
    return Usual(
        mean=round(mean, 4),
        standard_deviation=round(spread, 4),
        deviation=None if far is None else round(far, 2),
    )
