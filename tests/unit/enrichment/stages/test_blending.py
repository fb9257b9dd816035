"""Two signals become one distribution, and its greatest share a confidence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import wheel
from enrichment.stages.blending import blend, confidence, is_determined, strongest
from tests.unit.enrichment.scripted import WEIGHTS

PRIMARIES = st.sampled_from(wheel.PRIMARIES)
PARTS = st.floats(0, 10)
LEANS = st.fixed_dictionaries(dict.fromkeys(wheel.PRIMARIES, st.floats(-10, 10)))
UNIFORM = dict.fromkeys(wheel.PRIMARIES, 1 / 6)


def mostly(primary: str, share: float = 0.9) -> dict[str, float]:
    """A distribution in which one primary has this share and the others are alike."""
    return {name: share if name == primary else (1 - share) / 5 for name in wheel.PRIMARIES}


SHARES = st.builds(mostly, PRIMARIES, st.floats(0, 1))
ANY_WEIGHTS = st.builds(
    lambda model, lexicon, polarity, leans: replace(
        WEIGHTS, model=model, lexicon=lexicon, polarity=polarity, leans=leans
    ),
    PARTS,
    PARTS,
    PARTS,
    LEANS,
)


@given(st.none() | SHARES, SHARES, ANY_WEIGHTS)
def test_blend_of_any_signals_is_a_distribution(named, heard, weights):
    """Six shares from 0 to 1 that sum to 1, with any weights that the tuning takes."""
    shares = blend(named, heard, weights)
    assert set(shares) == set(wheel.PRIMARIES)
    assert all(0 <= share <= 1 for share in shares.values())
    assert sum(shares.values()) == pytest.approx(1)
    assert 0 <= confidence(shares, weights) <= 1


@given(PRIMARIES, PARTS.filter(bool))
def test_blend_of_signals_that_agree_is_what_both_say(primary, part):
    """Nobody is outvoted when there is nothing to vote on."""
    weights = replace(WEIGHTS, model=part)
    assert strongest(blend(mostly(primary), mostly(primary), weights)) == primary


@given(PRIMARIES, PRIMARIES)
def test_blend_follows_the_signal_with_the_weight(one, other):
    """A signal without weight has no say."""
    deaf = replace(WEIGHTS, model=0.0, polarity=0.0)
    mute = replace(WEIGHTS, lexicon=0.0)
    assert strongest(blend(mostly(one), mostly(other), deaf)) == other
    assert strongest(blend(mostly(one), mostly(other), mute)) == one


def test_blend_takes_the_models_polarity_over_the_lexicons_by_its_weight():
    """The model's pleasant against the lexicon's sad is settled by the weight of polarity."""
    named, heard = mostly("joyful", 0.5), mostly("sad", 0.6)
    without = blend(named, heard, replace(WEIGHTS, polarity=0.0))
    with_it = blend(named, heard, replace(WEIGHTS, polarity=2.0))
    assert strongest(without) == "sad"
    assert strongest(with_it) in wheel.PLEASANT


@given(PRIMARIES)
def test_blend_without_the_model_is_the_lexicons_and_less_sure(primary):
    """Nothing of the leans, which are the model's; and one signal is less than two that agree."""
    leaning = replace(WEIGHTS, leans={**WEIGHTS.leans, "peaceful": 5.0})
    alone = blend(None, mostly(primary), leaning)
    assert strongest(alone) == primary
    assert max(alone.values()) < max(blend(mostly(primary), mostly(primary), WEIGHTS).values())


def test_blend_of_silence_favours_no_primary():
    """No signal at all is no finding, whatever the leans."""
    leaning = replace(WEIGHTS, leans={**WEIGHTS.leans, "peaceful": 5.0})
    assert blend(None, UNIFORM, leaning) == pytest.approx(UNIFORM)


@given(PRIMARIES, SHARES, SHARES)
def test_lean_makes_its_primary_likelier(primary, named, heard):
    """What a model names too seldom is helped, at the others' cost."""
    helped = replace(WEIGHTS, leans={**WEIGHTS.leans, primary: 1.0})
    before, after = blend(named, heard, WEIGHTS), blend(named, heard, helped)
    assert after[primary] > before[primary]
    assert all(after[name] < before[name] for name in wheel.PRIMARIES if name != primary)


@given(st.floats(0.17, 0.95), st.floats(0.01, 0.04))
def test_confidence_rises_with_the_greatest_share(share, more):
    """A clearer finding is never less sure."""
    weights = replace(WEIGHTS, slope=0.7, offset=0.4)
    less, surer = (confidence(mostly("sad", each), weights) for each in (share, share + more))
    assert less < surer


@pytest.mark.parametrize(
    ("share", "sure", "determined"),
    [(1 / 6, 0.9, False), (0.19, 0.9, False), (0.21, 0.3, True), (0.9, 0.24, False)],
)
def test_feeling_is_named_where_it_stands_out_and_is_sure_enough(share, sure, determined):
    """Silence leaves all six alike, and is no finding; nor is one that is mostly wrong."""
    assert is_determined(mostly("sad", share), sure) is determined
