"""The model signal: synonyms' probabilities, and the mean of several questions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import likelihood, wheel
from enrichment.stages.blending import strongest
from enrichment.stages.likelihood import pooled, primary_shares, words_below
from enrichment.stages.vocabulary import LABEL_TOKENS

TOKENS = st.sampled_from(sorted({word for words in LABEL_TOKENS.values() for word in words}))
CANDIDATES = st.lists(
    st.tuples(
        TOKENS | TOKENS.map(lambda word: f" {word.upper()}") | st.text(max_size=8),
        st.floats(max_value=0, allow_nan=False),
    ),
    max_size=20,
)


def test_shares_of_one_named_primary_are_all_its_own():
    """A single synonym leaves nothing to the others."""
    shares = primary_shares([(" happy", -0.5)])
    assert shares == {name: float(name == "joyful") for name in wheel.PRIMARIES}


@pytest.mark.parametrize("primary", wheel.PRIMARIES)
def test_shares_of_each_plain_word_are_of_its_primary(primary):
    """The word that stands for a primary in the prompt is one of its synonyms."""
    shares = primary_shares([(likelihood.PLAIN_WORDS[primary], -1.0), ("the", -0.1)])
    assert shares[primary] == 1.0


@pytest.mark.parametrize("candidates", [[], [("", -0.1)], [(" the", -0.1), ("!", -2.0)]])
def test_shares_without_any_synonym_are_none(candidates):
    """What the wheel does not know says nothing, rather than the same about all six."""
    assert primary_shares(candidates) is None


@pytest.mark.parametrize("token", ["happy", " happy", "  Happy ", "HAPPY", "\nhappy"])
def test_shares_ignore_case_and_blanks_of_a_token(token):
    """Tokens carry the blank before their word, and some models capitalise."""
    assert primary_shares([(token, -0.5)])["joyful"] == 1.0


@pytest.mark.parametrize("token", ["unhappy!", "happ", "happyness", "hap py"])
def test_shares_take_whole_words_only(token):
    """A piece of a word is no synonym."""
    assert primary_shares([(token, -0.5)]) is None


def test_shares_add_up_the_spellings_of_one_word():
    """A word with and without its blank is the same word twice, not the better of two."""
    both = primary_shares([("happy", math.log(0.2)), (" happy", math.log(0.2)), ("sad", -1.0)])
    once = primary_shares([("happy", math.log(0.4)), ("sad", -1.0)])
    assert both == pytest.approx(once)


def test_shares_of_two_named_primaries_are_as_their_probabilities():
    """What no synonym was named for is left out of the whole."""
    shares = primary_shares([("happy", math.log(0.3)), ("sad", math.log(0.1)), ("the", -0.1)])
    assert (shares["joyful"], shares["sad"]) == pytest.approx((0.75, 0.25))


def test_pooled_answers_agree_with_each_when_they_are_alike():
    """Two questions with one answer are no surer than one."""
    one = primary_shares([("happy", -0.5), ("sad", -2.0)])
    assert pooled([one, one])["joyful"] == pytest.approx(one["joyful"], abs=0.05)


def test_pooled_answers_that_differ_favour_what_both_find_likely():
    """A primary that one question rules out does not win by the other's certainty alone."""
    both = {"happy": 0.4, "calm": 0.6}, {"calm": 0.5, "sad": 0.5}
    answers = [
        primary_shares([(word, math.log(share)) for word, share in answer.items()])
        for answer in both
    ]
    assert strongest(pooled(answers)) == "peaceful"


def test_pooled_answers_skip_what_named_nothing():
    """A question without a synonym among its candidates has no say; all without give none."""
    one = primary_shares([("happy", -0.5), ("sad", -2.0)])
    assert pooled([one, None]) == pooled([one])
    assert pooled([None, None]) is None


def test_shares_of_the_unlikeliest_candidate_are_finite():
    """A probability that is too small for a number names nothing."""
    assert primary_shares([("happy", -math.inf), ("sad", -1e308)]) is None
    assert primary_shares([("happy", -744.0)])["joyful"] == 1.0


@given(CANDIDATES)
def test_shares_of_any_candidates_are_a_distribution_or_none(candidates):
    """Six shares from 0 to 1 that sum to 1, or nothing at all."""
    shares = primary_shares(candidates)
    if shares is not None:
        assert tuple(shares) == tuple(LABEL_TOKENS)
        assert set(shares) == set(wheel.PRIMARIES)
        assert all(0 <= share <= 1 for share in shares.values())
        assert sum(shares.values()) == pytest.approx(1.0)


@given(CANDIDATES, st.randoms(use_true_random=False))
def test_shares_do_not_depend_on_the_order_of_the_candidates(candidates, random):
    """The same candidates say the same in any order, also given as an iterator."""
    shuffled = random.sample(candidates, len(candidates))
    one, other = primary_shares(candidates), primary_shares(iter(shuffled))
    assert (one is None) == (other is None)
    if one is not None:
        assert other == pytest.approx(one)


@given(CANDIDATES, st.sampled_from(wheel.PRIMARIES))
def test_words_below_of_any_candidates_stand_under_the_primary(candidates, primary):
    """Only secondaries and tertiaries of the primary are found, each with a share above 0."""
    found = words_below(primary, iter(candidates))
    for word, share in found.items():
        path = wheel.find(word)
        assert path[0] == primary
        assert len(path) > 1
        assert share > 0


def test_words_below_names_secondary_and_tertiary_that_were_said():
    """A tertiary's word counts for itself and for the secondary above it."""
    found = words_below("joyful", [(" grateful", math.log(0.3)), (" sad", math.log(0.5))])
    assert found == pytest.approx({"grateful": 0.3, "cheerful": 0.3})


@pytest.mark.parametrize(
    "secondary", [word for primary in wheel.PRIMARIES for word in wheel.secondaries(primary)]
)
def test_words_below_finds_each_word_of_the_wheel_by_itself(secondary):
    """No secondary and no tertiary is out of reach."""
    primary = wheel.find(secondary)[0]
    assert secondary in words_below(primary, [(f" {secondary}", -0.1)])
    for tertiary in wheel.tertiaries(secondary):
        assert tertiary in words_below(primary, [(f" {tertiary}", -0.1)])


def test_words_below_of_nothing_said_is_empty():
    """Silence is no finding."""
    assert words_below("sad", []) == {}
