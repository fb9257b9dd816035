"""The overview's verdict and its four numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfsite.overview.cards import HEIGHT, WIDTH, Tone, cards, spark, verdict
from tests.overviews import NOTHING, asked


def test_verdict_says_what_hits_and_what_that_saved():
    """One sentence holds the hit rate, the time and the range that they are of."""
    found = verdict(asked(lookups=1000, hits=610, saved_seconds=15_120.0))
    assert found.sentence.replace("\N{NO-BREAK SPACE}", " ") == (
        "Earning its keep: 61% of look-ups hit, 4 h 12 min of inference saved in the last 7 days"
    )
    assert found.tone is Tone.GOOD


@pytest.mark.parametrize(
    ("hits", "opening"), [(500, "Earning its keep"), (200, "Helping:"), (190, "Helping little")]
)
def test_verdict_gets_cooler_with_the_hit_rate(hits: int, opening: str):
    """Half of look-ups earn, a fifth help."""
    assert verdict(asked(lookups=1000, hits=hits)).sentence.startswith(opening)


def test_verdict_on_few_look_ups_is_modest():
    """Below 100 look-ups nothing is claimed, however many of them hit."""
    found = verdict(asked(lookups=99, hits=99))
    assert found.sentence == "Too early to tell: 99 look-ups in the last 7 days"
    assert found.tone is Tone.MODEST
    assert verdict(asked(lookups=100, hits=99)).tone is Tone.GOOD


def test_verdict_without_look_ups_tells_what_to_do():
    """A new site is not judged, and says how to begin."""
    found = verdict(NOTHING)
    assert (found.sentence, found.tone) == ("Nothing to judge yet", Tone.MODEST)
    assert "Write a reflection" in found.detail


def test_verdict_admits_that_the_cache_costs_more_than_it_saves():
    """Time lost is not called saved."""
    found = verdict(asked(lookups=1000, hits=610, saved_seconds=-90.0))
    assert found.sentence == "The cache costs more than it saves: 61% of look-ups hit"
    assert "1 min 30 s" in found.detail
    assert found.tone is Tone.AMISS


def test_cards_set_hits_against_computing():
    """Rate with its interval, time saved, p95 of a hit and of computing."""
    rate, saved, latency, _ = cards(asked(lookups=1000, hits=610, saved_seconds=15_120.0))
    assert (rate.value, rate.detail) == ("61%", "50% to 70% with 95% confidence")
    assert saved.value == "4 h 12 min"
    assert (latency.value, latency.detail) == ("4.0 ms", "30 s when computed")


def test_cards_without_look_ups_show_dashes():
    """What is not known is no zero."""
    assert [card.value for card in cards(NOTHING)] == ["–"] * 4
    assert not any(card.spark for card in cards(NOTHING))


@given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=2, max_size=60))
def test_spark_stays_in_its_box(values: list[float | None]):
    """Whatever is drawn lies within the picture, from left to right."""
    places = [
        (float(across), float(up))
        for across, up in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", spark(values))
    ]
    assert all(0 <= across <= WIDTH and 0 <= up <= HEIGHT for across, up in places)
    assert places == sorted(places, key=lambda place: place[0])


def test_spark_is_broken_where_nothing_is_known():
    """A gap is not drawn over, and a value that stands alone is still seen."""
    drawn = spark([1.0, 2.0, None, 3.0, None, 1.0, 1.0])
    assert drawn.count("M") == 3
    assert re.search(r"M(\S+ \S+) L\1 M", drawn)
