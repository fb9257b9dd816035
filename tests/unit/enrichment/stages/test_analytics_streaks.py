"""Streaks: days in a row on the calendar of the place where the reflection was written."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from enrichment.stages.analytics import PastReflection, Streaks, context

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",  # half an hour
    "Pacific/Chatham",  # three quarters of an hour, and summer time in the south
    "Australia/Lord_Howe",  # its clock jumps by half an hour
    "America/Havana",  # its clock jumps at midnight
]
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=BERLIN)
DAY = timedelta(days=1)


def at(text: str, valence: float | None = 0.5, zone: ZoneInfo = BERLIN) -> PastReflection:
    """Return a reflection of March 2026: "09 23:50" is by the clock of its zone."""
    written = datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=zone)
    arousal = None if valence is None else 0.5
    return PastReflection(at=written, valence=valence, arousal=arousal)


def streaks(history: list[PastReflection], valence: float | None = None) -> Streaks:
    return context(history, NOW, valence, valence).streaks


def test_first_reflection_is_a_streak_of_one():
    """The reflection itself is its day's."""
    assert streaks([]) == Streaks(writing_days=1, pleasant_days=0, unpleasant_days=0)


def test_streak_counts_days_and_not_entries():
    """Five reflections of one day are one day."""
    history = [at(f"09 1{hour}:00") for hour in range(5)]
    assert streaks(history).writing_days == 2


def test_streak_counts_calendar_days_and_not_24_hours():
    """Late on one day and early on the next but one is a gap; early and late are none."""
    assert streaks([at("09 00:05"), at("08 23:55")]).writing_days == 3
    assert streaks([at("08 23:55"), at("07 00:05")]).writing_days == 1


def test_day_without_an_entry_ends_a_streak():
    """What lies before the gap is another streak."""
    assert streaks([at("09 12:00"), at("07 12:00"), at("06 12:00")]).writing_days == 2


def test_streak_is_the_one_up_to_the_reflection():
    """Later ones of the same day and of the next days do not lengthen it."""
    later = [at("10 12:00", 1.0), at("10 18:00", 1.0), at("11 12:00")]
    assert streaks([at("09 12:00", 0.2), *later], 0.2) == Streaks(
        writing_days=2, pleasant_days=0, unpleasant_days=2
    )


def test_reflection_without_a_feeling_is_a_day_of_writing_and_on_no_side():
    """Undetermined days are written days, and end what leaned to a side."""
    history = [at("09 12:00", None), at("08 12:00", 0.9)]
    assert streaks(history, 0.9) == Streaks(writing_days=3, pleasant_days=1, unpleasant_days=0)
    assert streaks(history, None).pleasant_days == 0


@pytest.mark.parametrize(
    ("today", "before", "pleasant", "unpleasant"),
    [
        (0.9, [0.8, 0.6], 3, 0),
        (0.1, [0.2, 0.4], 0, 3),
        (0.9, [0.2, 0.9], 1, 0),
        (0.5, [0.9, 0.9], 0, 0),  # the middle is on neither side
        (0.6, [0.5, 0.9], 1, 0),
        (0.5001, [0.4999], 1, 0),
        (None, [0.9], 0, 0),
    ],
)
def test_side_of_a_day_is_by_the_middle_of_one_scale(today, before, pleasant, unpleasant):
    """Valence is 0 to 1 everywhere, so that 0.5 parts it: 0.4 is unpleasant."""
    history = [at(f"{9 - n:02} 12:00", valence) for n, valence in enumerate(before)]
    found = streaks(history, today)
    assert (found.pleasant_days, found.unpleasant_days) == (pleasant, unpleasant)


def test_side_of_a_day_is_its_mean():
    """One bad hour makes no bad day, of whatever many entries it is; the present one is in it."""
    mixed = [at("09 08:00", 0.1), at("09 12:00", 0.8), at("09 18:00", 0.8)]
    assert streaks(mixed, 0.9).pleasant_days == 2
    assert streaks([at("10 08:00", 0.9), at("09 12:00", 0.2)], 0.0).unpleasant_days == 2
    assert streaks([at("10 08:00", 0.9)], None).pleasant_days == 1


def test_days_are_those_where_the_reflection_was_written():
    """The same instants are two days in Kolkata and one in Los Angeles."""
    history = [at("09 20:00", zone=ZoneInfo("Asia/Kolkata"))]
    now = datetime(2026, 3, 10, 2, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert context(history, now).streaks.writing_days == 2
    there = now.astimezone(ZoneInfo("America/Los_Angeles"))
    assert context(history, there).streaks.writing_days == 1


# Any zone, any day of a year with its two changes of the clock


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    today=st.dates(date(2026, 1, 20), date(2026, 12, 31)),
    times=st.lists(st.times(), min_size=1, max_size=12),
    folds=st.lists(st.sampled_from([0, 1]), min_size=12, max_size=12),
)
def test_daily_writer_has_a_streak_of_all_days(zone, today, times, folds):
    """One reflection a day, at whatever time: each day counts once, also where the clock jumped."""
    instants = []
    for back, (clock, fold) in enumerate(zip(times, folds, strict=False)):
        day = today - back * DAY
        written = datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)
        # A time that the clock left out may be one of the day before.
        assume(written.astimezone(zone).date() == day)
        instants.append(written)
    now, *earlier = instants
    history = [PastReflection(at=each, valence=0.9, arousal=0.5) for each in earlier]

    found = context(history, now.astimezone(zone), 0.9, 0.5).streaks

    days = len(times)
    assert found == Streaks(writing_days=days, pleasant_days=days, unpleasant_days=0)


LIVES = st.lists(
    st.builds(
        lambda hours, valence: PastReflection(
            at=NOW.astimezone(UTC) - timedelta(hours=hours),
            valence=valence,
            arousal=None if valence is None else 0.5,
        ),
        st.integers(-48, 24 * 14),
        st.none() | st.sampled_from([0.2, 0.5, 0.9]),
    ),
    max_size=40,
)


@given(LIVES, st.none() | st.floats(0, 1), st.sampled_from(ZONES).map(ZoneInfo))
def test_streak_of_any_history_is_no_longer_than_the_days_it_spans(history, valence, zone):
    """Nor than the days with an entry; a day is on one side at most."""
    now = NOW.astimezone(zone)
    earlier = [entry.at.astimezone(zone).date() for entry in history if entry.at < now]
    days = {now.date(), *earlier}

    found = context(history, now, valence, valence).streaks

    assert 1 <= found.writing_days <= len(days)
    assert found.writing_days <= (max(days) - min(days)).days + 1
    assert found.pleasant_days + found.unpleasant_days <= found.writing_days
    assert min(found.pleasant_days, found.unpleasant_days) == 0


@given(LIVES, st.none() | st.floats(0, 1), st.sampled_from(ZONES))
def test_context_is_the_same_by_another_object_of_the_same_zone(history, valence, name):
    """What counts is the instant and the clock on the wall, not which object says so."""
    now = NOW.astimezone(ZoneInfo(name))
    other = NOW.astimezone(ZoneInfo.no_cache(name))
    assert context(history, other, valence, valence) == context(history, now, valence, valence)
