"""What the overview's pictures say in their titles and show."""

from dataclasses import replace
from datetime import timedelta

import pytest

from perfsite.markers import Marker
from perfsite.overview import pictures
from perfsite.overview.pictures import PICTURES
from tests.overviews import GRID, NOTHING, NOW, asked, called, each_step, weighed


@pytest.mark.parametrize("name", PICTURES)
def test_picture_without_numbers_tells_what_to_do(name: str):
    """An empty picture is a sentence, not an empty chart."""
    picture = PICTURES[name](NOTHING)
    assert picture.empty
    assert picture.name == name


@pytest.mark.parametrize("found", [asked(100, 60), called(load=0.4, prompt=0.6), weighed()])
def test_picture_has_a_value_for_each_place(found: object):
    """Chart, table and file show the same numbers, none left over."""
    for make in PICTURES.values():
        picture = make(found)
        assert all(len(one.values) == len(picture.places) for one in picture.series)
        assert len(list(picture.rows())) == len(picture.places)
        assert list(picture.places) == sorted(picture.places)


def test_saved_names_the_sum_or_the_loss():
    """The title's time is the sum of what is drawn, and a loss is called so."""
    assert pictures.saved(asked(100, 60, 7200.0)).title == (
        "The cache saved 2 h of computing in the last 7 days"
    )
    assert pictures.saved(asked(100, 60, -7200.0)).title == (
        "The cache cost 2 h more than it saved in the last 7 days"
    )


def test_latency_compares_medians_and_marks_percentiles():
    """Hits and misses stand on one axis, each with p50, p95 and p99."""
    picture = pictures.latency(asked(100, 60))
    assert picture.title == "A hit is 4,500 times as fast as computing"
    assert picture.across.logarithmic
    assert [mark.at for mark in picture.marks] == [2.0, 4.0, 8.0, 9000.0, 30_000.0, 50_000.0]
    hits, computed = picture.series
    assert list(hits.values) == [0.5, 1.0, 1.0, 1.0]
    assert list(computed.values) == [0.0, 0.0, 0.5, 1.0]


def test_reasons_lead_with_the_most_frequent_and_what_would_help():
    """The title names it, the note says what to do, and rare ones are drawn as one."""
    many = {
        f"changed: {letter}": [*each_step(0)[1:], number]
        for number, letter in enumerate("abcdefg", 1)
    }
    picture = pictures.reasons(asked(100, 60, reasons=many))
    assert picture.title == "25% of misses: changed: g"
    assert picture.note == "Keep to one value of g, where the answer may stay the same."
    assert picture.series[-1].label == "Others"
    assert sum(series.values[-1] for series in picture.series) == 28


def test_calls_name_the_greatest_part():
    """Where a cold call goes is said in words."""
    picture = pictures.calls(called(load=0.1, prompt=0.25, generation=0.65))
    assert picture.title == "65% of a cold call is writing the answer"


def test_worth_says_how_few_bytes_save_most_and_marks_the_dead():
    """The bytes that nobody ever hit are a stretch at the end."""
    picture = pictures.worth(weighed())
    assert picture.title == "30% of the bytes save 90% of the time"
    assert [(mark.at, mark.until) for mark in picture.marks] == [(0.75, 1.0)]
    assert not pictures.worth(weighed(dead_entries=0, dead_bytes=0)).marks


def test_queue_with_an_unsampled_stretch_is_no_zero():
    """Where no worker looked, nothing is drawn."""
    depth = [*each_step(None)[2:], 3, 1]
    found = replace(NOTHING, queue=replace(NOTHING.queue, depth=depth))
    picture = pictures.queue(found)
    assert picture.title == "At most 3 jobs waited"
    assert picture.series[0].values[0] is None


def test_markers_are_numbered_the_same_in_all_pictures():
    """One list beside the pictures explains the marks in each."""
    markers = [
        Marker(at=NOW - timedelta(hours=hours), kind="config", label=f"Configuration {hours}")
        for hours in (5, 1)
    ]
    found = replace(asked(100, 60), markers=markers)
    for make in (pictures.saved, pictures.reasons, pictures.calls, pictures.queue):
        assert [mark.tag for mark in make(found).marks] == ["1", "2"]


def test_file_has_units_and_times_in_utc():
    """Who opens the file elsewhere knows what its numbers are."""
    picture = pictures.saved(asked(100, 60))
    assert picture.header() == ["Time (UTC)", "Saved (seconds)"]
    assert next(picture.rows()) == [GRID.since.isoformat(), 0.0]
