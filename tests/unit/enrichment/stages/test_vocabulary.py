"""The closed lists: complete, disjoint where they must be, and covered by one hash."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import label_cues, lexicon_cues, vocabulary, wheel

SECONDARIES = {word for primary in wheel.PRIMARIES for word in wheel.secondaries(primary)}
DRIVER_TUPLES = st.lists(st.sampled_from(vocabulary.DRIVERS), max_size=3, unique=True).map(tuple)
TONE_TUPLES = st.lists(st.sampled_from(vocabulary.TONES), max_size=3, unique=True).map(tuple)


def test_closed_lists_hold_34_drivers_34_tones_and_about_20_events_in_order():
    """The lists have the field's size, no word twice, in alphabetical order."""
    assert (len(vocabulary.DRIVERS), len(vocabulary.TONES)) == (34, 34)
    assert 18 <= len(vocabulary.EVENTS) <= 24
    for words in (vocabulary.DRIVERS, vocabulary.TONES, vocabulary.EVENTS):
        assert list(words) == sorted(set(words))


def test_label_tokens_no_word_counts_for_two_primaries():
    """A sum over label tokens counts no probability twice."""
    counts = Counter(word for words in vocabulary.LABEL_TOKENS.values() for word in words)

    assert set(vocabulary.LABEL_TOKENS) == set(wheel.PRIMARIES)
    assert [word for word, count in counts.items() if count > 1] == []


def test_label_tokens_are_single_lower_case_words():
    """Each can be one continuation of "The writer feels"."""
    words = [word for words in vocabulary.LABEL_TOKENS.values() for word in words]

    assert [word for word in words if not (word.isalpha() and word.islower())] == []


def test_label_tokens_agree_with_the_wheel_and_its_aliases():
    """A word of the wheel or an alias counts for its own primary."""
    for word in [*wheel.WORDS, *wheel.ALIASES]:
        primary = (wheel.find(word) or ("",))[0]
        assert word in vocabulary.LABEL_TOKENS[primary]


def test_secondary_label_tokens_lie_within_their_primarys():
    """Walking down the wheel never meets a word that the first level did not count."""
    assert set(vocabulary.SECONDARY_LABEL_TOKENS) == SECONDARIES
    for secondary, words in vocabulary.SECONDARY_LABEL_TOKENS.items():
        primary = (wheel.find(secondary) or ("",))[0]
        assert set(words) <= set(vocabulary.LABEL_TOKENS[primary])


def test_word_forms_every_secondary_has_synonyms_and_none_is_a_word_of_the_wheel():
    """Synonyms add names, never places."""
    forms = {form for forms in vocabulary.WORD_FORMS.values() for form in forms}

    assert set(vocabulary.WORD_FORMS) >= SECONDARIES
    assert set(vocabulary.WORD_FORMS) <= set(wheel.WORDS)
    assert forms & set(wheel.WORDS) == set()


@pytest.mark.parametrize(
    "pairs", [vocabulary.MATCHING_PAIRS, vocabulary.MASKING_PAIRS], ids=["matching", "masking"]
)
def test_pairs_are_of_the_closed_lists(pairs):
    """No pair names a driver or tone that cannot occur."""
    assert {driver for driver, _ in pairs} <= set(vocabulary.DRIVERS)
    assert {tone for _, tone in pairs} <= set(vocabulary.TONES)


def test_pairs_every_driver_has_a_match_and_none_is_both():
    """A pair cannot both fit and hide."""
    assert {driver for driver, _ in vocabulary.MATCHING_PAIRS} == set(vocabulary.DRIVERS)
    assert vocabulary.MATCHING_PAIRS.isdisjoint(vocabulary.MASKING_PAIRS)


def test_usual_labels_cover_every_secondary_from_the_closed_lists():
    """Each secondary has an expected driver and tone, and they fit each other."""
    assert set(vocabulary.USUAL_DRIVERS) == set(vocabulary.USUAL_TONES) == SECONDARIES
    for secondary in SECONDARIES:
        drivers = vocabulary.USUAL_DRIVERS[secondary]
        tones = vocabulary.USUAL_TONES[secondary]
        assert vocabulary.congruence(drivers, tones) >= 0.5


def test_cues_point_to_closed_lists_only():
    """No label can come out of a text that is not on a list."""
    assert set(label_cues.DRIVER_CUES) <= set(vocabulary.DRIVERS)
    assert set(label_cues.TONE_CUES) <= set(vocabulary.TONES)
    assert set(label_cues.EVENT_CUES) == set(vocabulary.EVENTS)
    assert set(lexicon_cues.PHRASES) <= set(wheel.WORDS)
    assert set(lexicon_cues.STRONG_SITUATIONS) == set(wheel.PRIMARIES)
    assert set(lexicon_cues.MILD_SITUATIONS) == set(wheel.PRIMARIES)


def test_situations_name_no_feeling():
    """A word with a place on the wheel is not also a mere situation of some primary."""
    named = {word for words in vocabulary.LABEL_TOKENS.values() for word in words}
    for table in (lexicon_cues.STRONG_SITUATIONS, lexicon_cues.MILD_SITUATIONS):
        assert {word for words in table.values() for word in words} & named == set()


def test_congruence_match_beats_difference_beats_mask():
    """A matching tone fits best, a masking one least, and nothing to compare is 0.5."""
    assert vocabulary.congruence(("pride",), ("proud",)) == 0.9
    assert vocabulary.congruence(("overwhelm",), ("calm",)) == 0.25
    assert vocabulary.congruence(("pride",), ("defeated",)) == 0.35
    assert vocabulary.congruence((), ("proud",)) == 0.5
    assert vocabulary.congruence(("pride",), ()) == 0.5


def test_congruence_mixed_feelings_shown_as_such_are_congruent():
    """Each driver is compared with the tone that fits it."""
    assert vocabulary.congruence(("pride", "worry"), ("anxious", "proud")) == 0.9


def test_congruence_word_outside_the_lists_raises():
    """A diary's word cannot slip in."""
    with pytest.raises(KeyError):
        vocabulary.congruence(("zebra",), ("proud",))


@given(invoked=DRIVER_TUPLES, expressed=TONE_TUPLES)
def test_congruence_any_labels_is_a_ratio_and_ignores_order(invoked, expressed):
    """The result is 0 to 1 and the same for every order of the labels."""
    result = vocabulary.congruence(invoked, expressed)

    assert 0 <= result <= 1
    assert result == vocabulary.congruence(invoked[::-1], expressed[::-1])


def test_canonical_hash_ignores_key_order_and_sees_every_value():
    """Equal lists hash alike, changed ones do not."""
    first = vocabulary.canonical_hash({"a": ["x"], "b": ["y"]})

    assert first == vocabulary.canonical_hash({"b": ["y"], "a": ["x"]})
    assert first != vocabulary.canonical_hash({"a": ["x"], "b": ["z"]})
    assert len(vocabulary.VOCABULARY_HASH) == len(first) == 16
    assert set(vocabulary.VOCABULARY_HASH) <= set("0123456789abcdef")
