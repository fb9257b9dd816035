"""The human-written texts: as many as promised, legal by the model's own rules, no two alike."""

from itertools import combinations

import pytest

from enrichment.stages import review, texts
from enrichment.stages.texts import Writing

PRIMARIES = ("sad", "mad", "scared", "joyful", "powerful", "peaceful")
EVERY_WRITING = [
    *(writing for primary in PRIMARIES for writing in texts.FALLBACKS[primary]),
    *texts.CURATED,
    texts.SAFETY,
]


def _words(text: str) -> set[str]:
    return set(text.lower().replace(",", "").replace(".", "").split())


def test_fallbacks_cover_each_primary_with_seven_variants() -> None:
    """Each of the six primaries has at least seven writings, and no other name has any."""
    assert sorted(texts.FALLBACKS) == sorted(PRIMARIES)
    assert all(len(writings) >= 7 for writings in texts.FALLBACKS.values())
    assert len(texts.CURATED) >= 7


@pytest.mark.parametrize("writing", EVERY_WRITING)
def test_every_writing_passes_the_review_of_the_model(writing: Writing) -> None:
    """What a person wrote keeps the limits on length and content that the model is held to."""
    assert review.problems(writing) == ()


@pytest.mark.parametrize("writing", EVERY_WRITING)
def test_every_writing_is_clean_text(writing: Writing) -> None:
    """No string has stray white space, lacks its full stop or holds a digit."""
    for text in writing.strings():
        assert text == " ".join(text.split())
        assert text[0].isupper()
        assert text.endswith(".")
        assert not any(character.isdigit() for character in text)


@pytest.mark.parametrize("writing", EVERY_WRITING)
def test_every_writing_suits_any_hour_and_reader(writing: Writing) -> None:
    """No time of day, nothing to drink but water and the like, nobody a reader may not have."""
    words = _words(" ".join(writing.strings()).replace(";", ""))
    hours = "tonight morning mornings evening evenings night midnight noon supper breakfast"
    assert not words & set(f"{hours} wine beer husband wife sister brother mother father".split())


@pytest.mark.parametrize("writing", EVERY_WRITING)
def test_every_writing_avoids_the_words_of_a_therapist(writing: Writing) -> None:
    """No cliché of healing and journeys, and no order to share a feeling."""
    text = " ".join(writing.strings()).lower()
    for phrase in ("journey", "heal", "your feelings", "check in with", "self-care", "your truth"):
        assert phrase not in text


def test_every_string_is_unique() -> None:
    """Nobody meets the same line in two writings."""
    strings = [text for writing in EVERY_WRITING for text in writing.strings()]
    assert len(strings) == len(set(strings))


def test_no_two_strings_say_nearly_the_same() -> None:
    """No two lines share more than 60 % of their words."""
    strings = [_words(text) for writing in EVERY_WRITING for text in writing.strings()]
    for one, other in combinations(strings, 2):
        assert len(one & other) <= 0.6 * len(one | other)


def test_safety_points_to_emergency_services_and_help_lines_without_a_number() -> None:
    """The safety text names where to turn; the numbers come from the help lines alone."""
    tips = " ".join(texts.safety().tips)
    assert "local emergency services" in tips
    assert "help lines" in tips
    assert not any(character.isdigit() for character in " ".join(texts.safety().strings()))


@pytest.mark.parametrize("primary", PRIMARIES)
def test_fallback_walks_through_all_variants_and_begins_again(primary: str) -> None:
    """Counting the variant up shows every writing of a primary before one comes again."""
    writings = texts.FALLBACKS[primary]
    shown = [texts.fallback(primary, variant) for variant in range(2 * len(writings))]
    assert shown == [*writings, *writings]


def test_fallback_without_primary_is_curated() -> None:
    """An undetermined feeling gets a text that claims none."""
    assert texts.fallback(None, 1) is texts.CURATED[1]


def test_fallback_unknown_primary_raises() -> None:
    """A name off the wheel is a programming error and not served as something else."""
    with pytest.raises(KeyError):
        texts.fallback("happy", 0)
