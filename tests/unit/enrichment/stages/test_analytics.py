"""Context analytics: the phase where the reflection was written, and means over real days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages.analytics import WINDOWS_DAYS, Averages, PastReflection, context

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def past(at: datetime, valence: float = 0.5, arousal: float = 0.5) -> PastReflection:
    return PastReflection(at=at, valence=valence, arousal=arousal)


def averages(history: list[PastReflection], now: datetime = NOW) -> dict[int, Averages]:
    return {each.days: each for each in context(history, now).averages}


# The phase of the day


@pytest.mark.parametrize(
    ("time", "phase", "hour"),
    [
        ("00:00:00", "night", 0.0),
        ("05:59:59.999999", "night", 5.98),
        ("06:00:00", "morning", 6.0),
        ("11:59:59", "morning", 11.98),
        ("12:00:00", "afternoon", 12.0),
        ("16:59:59", "afternoon", 16.98),
        ("17:00:00", "evening", 17.0),
        ("20:59:59", "evening", 20.98),
        ("21:00:00", "night", 21.0),
        ("23:59:59.999999", "night", 23.98),
        ("08:30:00", "morning", 8.5),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Kiritimati"])
def test_phase_changes_at_its_border_in_the_reflections_own_zone(time, phase, hour, zone):
    """A border belongs to what begins there, wherever in the world that hour is."""
    written = datetime.fromisoformat(f"2026-01-31T{time}").replace(tzinfo=ZoneInfo(zone))
    found = context([], written)
    assert (found.phase, found.hour_local) == (phase, hour)


def test_phase_of_one_instant_differs_by_zone():
    """What is morning in Berlin is afternoon in Kolkata."""
    instant = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    zones = ("America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland")
    assert [context([], instant.astimezone(ZoneInfo(zone))).phase for zone in zones] == [
        "night",
        "morning",
        "afternoon",
        "night",
    ]


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),  # noqa: DTZ001  # the zone comes with `timezones`
        max_value=datetime(2199, 12, 31),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_phase_of_any_time_is_one_of_four(written):
    """Every hour has a phase, and the hour is one of the clock."""
    found = context([], written)
    assert found.phase in {"night", "morning", "afternoon", "evening"}
    assert 0 <= found.hour_local < 24


# Averages


def test_averages_without_history_are_unknown_and_not_neutral():
    """Nothing is not the same as 0.5."""
    assert context([], NOW).averages == tuple(
        Averages(days=days, count=0, valence=None, arousal=None) for days in WINDOWS_DAYS
    )


def test_averages_are_over_real_days_and_not_over_entries():
    """Three reflections of one day are one day's mean; one of three weeks ago counts once."""
    history = [
        past(NOW - timedelta(hours=1), 0.2, 0.9),
        past(NOW - timedelta(hours=2), 0.4, 0.7),
        past(NOW - 3 * DAY, 0.9, 0.2),
        past(NOW - 20 * DAY, 0.5, 0.6),
        past(NOW - 60 * DAY, 1.0, 1.0),
    ]
    assert averages(history) == {
        1: Averages(days=1, count=2, valence=0.3, arousal=0.8),
        7: Averages(days=7, count=3, valence=0.5, arousal=0.6),
        28: Averages(days=28, count=4, valence=0.5, arousal=0.6),
    }


def test_averages_keep_valence_and_arousal_apart():
    """Each mean is of its own numbers."""
    found = averages([past(NOW - timedelta(hours=1), 0.1, 0.8)])[1]
    assert (found.valence, found.arousal) == (0.1, 0.8)


@pytest.mark.parametrize("days", WINDOWS_DAYS)
def test_averages_take_in_the_border_and_leave_out_what_lies_beyond(days):
    """A window begins exactly so many days ago and ends before the reflection itself."""
    border = NOW - days * DAY
    assert averages([past(border)])[days].count == 1
    assert averages([past(border - INSTANT)])[days].count == 0
    assert averages([past(NOW - INSTANT)])[days].count == 1
    assert averages([past(NOW)])[days].count == 0


def test_averages_leave_out_later_entries():
    """A reflection that is read years later has the context that it had."""
    history = [past(NOW - timedelta(hours=1), 0.2, 0.3)]
    later = [past(NOW + timedelta(seconds=1), 1.0, 1.0), past(NOW + 400 * DAY, 1.0, 1.0)]
    assert context(history + later, NOW) == context(history, NOW)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 29, 18, 0, tzinfo=BERLIN),  # the clock went forward in the night
        datetime(2026, 10, 25, 18, 0, tzinfo=BERLIN),  # and back
        datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    ],
)
def test_averages_of_a_day_with_another_clock_are_over_24_hours(now):
    """A day is 24 hours, also where the clock jumped; the same instant has the same averages."""
    instant = now.astimezone(UTC)
    for hours, count in [(0.5, 1), (23.5, 1), (24, 1), (24.5, 0), (-0.5, 0)]:
        at = instant - timedelta(hours=hours)
        for entry in (past(at), past(at.astimezone(BERLIN))):
            assert averages([entry], now)[1].count == count, hours
            assert averages([entry], now) == averages([entry], instant)


RATIOS = st.floats(0, 1)
# Whole minutes hit the borders of the windows now and then.
AGES = st.integers(-60 * 24 * 3, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes))
HISTORIES = st.lists(
    st.builds(lambda age, v, a: past(NOW - age, v, a), AGES, RATIOS, RATIOS), max_size=12
)


@given(HISTORIES, st.randoms(use_true_random=False), st.timezones())
def test_averages_of_any_history_do_not_depend_on_its_order_or_zones(history, random, zone):
    """Newest first or last, in whatever zones: the same instants have the same averages."""
    shuffled = random.sample(history, len(history))
    elsewhere = [replace(entry, at=entry.at.astimezone(zone)) for entry in shuffled]
    assert averages(elsewhere, NOW.astimezone(zone)) == averages(history)


@given(HISTORIES)
def test_averages_of_any_history_are_means_of_what_lies_in_the_window(history):
    """Counts grow with the window, and each mean lies between the least and the greatest."""
    found = averages(history)
    assert found[1].count <= found[7].count <= found[28].count
    for days, each in found.items():
        inside = [entry for entry in history if NOW - days * DAY <= entry.at < NOW]
        assert each.count == len(inside)
        if inside:
            assert each.valence == pytest.approx(fmean(e.valence for e in inside), abs=1e-4)
            assert each.arousal == pytest.approx(fmean(e.arousal for e in inside), abs=1e-4)
            assert 0 <= each.valence <= 1
        else:
            assert each.valence is each.arousal is None


@given(HISTORIES, HISTORIES)
def test_context_says_nothing_but_by_earlier_entries(history, other):
    """Whatever lies in the future changes nothing."""
    later = [replace(entry, at=NOW + abs(NOW - entry.at)) for entry in other]
    assert context([*later, *history], NOW) == context(history, NOW)
