"""Context analytics: the phase where the reflection was written; means over real days."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages.analytics import (
    WINDOWS_DAYS,
    Averages,
    Baseline,
    Change,
    PastReflection,
    Usual,
    affect,
    context,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def past(at: datetime, valence: float | None = 0.5, arousal: float | None = 0.5) -> PastReflection:
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
        inside = {entry for entry in history if NOW - days * DAY <= entry.at < NOW}
        assert each.count == len(inside)
        if inside:
            assert each.valence == pytest.approx(fmean(e.valence for e in inside), abs=1e-4)
            assert each.arousal == pytest.approx(fmean(e.arousal for e in inside), abs=1e-4)
            # To four decimals, as shown.
            valences = [round(entry.valence, 4) for entry in inside]
            arousals = [round(entry.arousal, 4) for entry in inside]
            assert min(valences) <= each.valence <= max(valences)
            assert min(arousals) <= each.arousal <= max(arousals)
        else:
            assert each.valence is each.arousal is None


def days_ago(days: float, valence: float | None = 0.5, arousal: float | None = 0.5):
    return past(NOW - days * DAY, valence, arousal)


def test_averages_leave_out_who_has_no_feeling():
    """An undetermined reflection has no 0.5 to give, and is not counted."""
    found = averages([days_ago(0.5, 0.9, 0.7), days_ago(0.6, None, None)])[1]
    assert found == Averages(days=1, count=1, valence=0.9, arousal=0.7)


def test_averages_leave_out_the_present_reflection():
    """What a reflection is compared with does not hold it."""
    history = [days_ago(0.5, 0.2, 0.3)]
    assert context(history, NOW, 1.0, 1.0).averages == context(history, NOW).averages


# Week over week


def test_week_over_week_is_the_last_seven_days_less_the_seven_before():
    """Each scale's change is of its own numbers, and older days have no part in it."""
    history = [
        days_ago(1, 0.9, 0.2),
        days_ago(6.9, 0.7, 0.2),
        days_ago(7.1, 0.3, 0.6),
        days_ago(13.9, 0.5, 0.7),
        days_ago(14.1, 0.0, 0.0),
        days_ago(15, 0.0, 0.0),
    ]
    assert context(history, NOW).week_over_week == Change(valence=0.4, arousal=-0.45)


def test_week_over_week_borders_belong_to_the_newer_week():
    """Exactly seven days ago is in the last week, and exactly fourteen in the one before."""
    history = [
        days_ago(1, 0.6),
        days_ago(7, 1.0),
        past(NOW - 7 * DAY - INSTANT, 0.2),
        days_ago(14, 0.4),
        past(NOW - 14 * DAY - INSTANT, 1.0),
    ]
    assert context(history, NOW).week_over_week.valence == pytest.approx(0.8 - 0.3)


@pytest.mark.parametrize(
    "history",
    [
        [days_ago(1), days_ago(8), days_ago(9)],
        [days_ago(1), days_ago(2), days_ago(8)],
        # Many entries of one day are one day.
        [*(days_ago(1 + n / 100) for n in range(9)), days_ago(8), days_ago(9)],
        # Who has no feeling tells nothing about a week.
        [days_ago(1), days_ago(2, None, None), days_ago(8), days_ago(9)],
    ],
)
def test_week_over_week_of_a_week_with_one_day_is_unknown(history):
    """One day's mood is no week's: None, and not 0."""
    assert context(history, NOW).week_over_week is None


# Baseline

MONTH = [days_ago(n + 0.5, 0.4 if n % 2 else 0.6, 0.8 if n % 2 else 0.4) for n in range(20)]


def test_baseline_is_the_owners_own_mean_and_spread():
    """Deviations are in standard deviations, each from its own scale's mean."""
    # Sample standard deviations of ten values each: 0.1 and 0.2 times sqrt(20 / 19).
    assert context(MONTH, NOW, 0.7052, 0.3948).baseline == Baseline(
        days=90,
        count=20,
        valence=Usual(mean=0.5, standard_deviation=0.1026, deviation=2.0),
        arousal=Usual(mean=0.6, standard_deviation=0.2052, deviation=-1.0),
    )


def test_baseline_reaches_back_ninety_days_and_leaves_the_present_out():
    """The border belongs to it; what lies beyond, and the reflection itself, do not."""
    border = NOW - 90 * DAY
    assert context([*MONTH, past(border)], NOW).baseline.count == 21
    assert context([*MONTH, past(border - INSTANT, 1.0, 1.0)], NOW) == context(MONTH, NOW)
    assert context([*MONTH, past(NOW, 1.0, 1.0)], NOW) == context(MONTH, NOW)


def test_baseline_needs_ten_days_and_not_ten_entries():
    """Ten days are enough, nine are not, and a hundred entries of one evening are one day."""
    assert context(MONTH[:10], NOW).baseline.count == 10
    evening = [past(NOW - 3 * DAY - timedelta(minutes=n), 0.5, 0.5) for n in range(100)]
    assert context([*MONTH[:9], *evening], NOW).baseline is None
    assert context([*MONTH[:9], days_ago(30, None, None)], NOW).baseline is None


def test_deviation_of_what_has_no_feeling_is_unknown():
    """The baseline is there, and nothing is said to lie at its mean."""
    found = context(MONTH, NOW).baseline
    assert found.valence.mean == 0.5
    assert found.valence.deviation is found.arousal.deviation is None


@pytest.mark.parametrize("wobble", [0.0, 0.01])
def test_deviation_from_what_hardly_ever_differs_is_unknown(wobble):
    """No spread, no measure: no division by zero and no forty standard deviations."""
    history = [days_ago(n + 0.5, 0.1 + wobble * (n % 2), n / 20) for n in range(20)]
    found = context(history, NOW, 0.9, 0.9).baseline
    assert found.valence.deviation is None
    assert found.arousal.deviation is not None


# All of it


def test_affect_of_an_undetermined_content_is_none():
    """The middle of an undetermined feeling is no finding; any other feeling's numbers are."""
    content = {"undetermined": False, "valence": 0.5, "arousal": 0.25}
    assert affect(content) == (0.5, 0.25)
    assert affect({**content, "undetermined": True}) == (None, None)


FEELINGS = st.just((None, None)) | st.tuples(RATIOS, RATIOS)
LIVES = st.lists(
    st.builds(
        lambda minutes, felt: past(NOW - timedelta(minutes=minutes), *felt),
        st.integers(-60 * 24 * 3, 60 * 24 * 95),
        FEELINGS,
    ),
    max_size=40,
)


@given(LIVES, FEELINGS, st.randoms(use_true_random=False), st.timezones())
def test_context_of_any_history_depends_on_neither_order_nor_repetition(
    history, felt, random, zone
):
    """Newest first or last, some of it twice: the same, also in another zone's writing."""
    twice = history + random.sample(history, len(history) // 2)
    shuffled = random.sample(twice, len(twice))
    elsewhere = [replace(entry, at=entry.at.astimezone(zone)) for entry in shuffled]
    assert context(elsewhere, NOW, *felt) == context(history, NOW, *felt)


@given(LIVES, FEELINGS, st.integers(-50, 50))
def test_context_of_any_history_is_the_same_whole_weeks_away(history, felt, weeks):
    """In a zone without another clock, nothing depends on the date."""
    moved = [replace(entry, at=entry.at + weeks * 7 * DAY) for entry in history]
    assert context(moved, NOW + weeks * 7 * DAY, *felt) == context(history, NOW, *felt)


@given(LIVES, FEELINGS)
def test_numbers_of_any_history_are_finite_and_in_range(history, felt):
    """Changes are -1 to 1, means and spreads 0 to 1, and JSON can hold all of it."""
    found = context(history, NOW, *felt)
    json.dumps(asdict(found), allow_nan=False)
    if found.week_over_week:
        assert -1 <= found.week_over_week.valence <= 1
        assert -1 <= found.week_over_week.arousal <= 1
    if found.baseline:
        for usual in (found.baseline.valence, found.baseline.arousal):
            assert 0 <= usual.mean <= 1
            assert 0 <= usual.standard_deviation <= 1


@given(LIVES, LIVES)
def test_context_says_nothing_but_by_earlier_entries(history, other):
    """Whatever lies in the future changes nothing."""
    later = [replace(entry, at=NOW + abs(NOW - entry.at)) for entry in other]
    assert context([*later, *history], NOW) == context(history, NOW)
