"""Weights follow the evidence, and no text is scored by weights that it had a part in."""

import random

import pytest

from cachestats.config.schema import parse
from enrichment.stages import fitting, wheel
from enrichment.stages.fitting import FEWEST, FOLDS, Example, TooFew, fit, read, read_across
from enrichment.tuned_stages import as_overlay
from tests.unit.enrichment.stages.test_blending import mostly


def examples(named, heard, count: int = 120, seed: int = 1) -> list[Example]:
    """Texts of each primary in turn; two functions say what each signal makes of one."""
    chance = random.Random(seed)
    return [
        Example(
            named=named(primary, chance), heard=heard(primary, chance),
            primaries=frozenset({primary}),
        )
        for primary in (wheel.PRIMARIES * count)[:count]
    ]  # fmt: skip


def right(primary, _chance):
    return mostly(primary, 0.6)


def guessed(_primary, chance):
    return mostly(chance.choice(wheel.PRIMARIES), 0.6)


def half_right(primary, chance):
    return mostly(primary if chance.random() < 0.5 else chance.choice(wheel.PRIMARIES), 0.6)


def test_fit_trusts_the_signal_that_is_right():
    """A signal that guesses gets hardly any weight, whichever it is."""
    of_model, of_lexicon = fit(examples(right, guessed)), fit(examples(guessed, right))
    assert of_model.model > 5 * abs(of_model.lexicon)
    assert of_lexicon.lexicon > 5 * abs(of_lexicon.model)


def test_fit_leans_against_what_a_model_says_too_readily():
    """A model that calls half of all texts joyful is held back there and nowhere else."""

    def cheerful(primary, chance):
        return mostly("joyful" if chance.random() < 0.5 else primary, 0.6)

    leans = fit(examples(cheerful, half_right)).leans
    assert leans["joyful"] == min(leans.values()) < -0.3


def test_fit_gives_rare_feelings_their_due():
    """Where signals are no help, a feeling of one text in twenty is read no less than others."""
    common = examples(guessed, guessed, 240)
    rare = [example for example in common if example.primaries != {"mad"}]
    rare += [example for example in common if example.primaries == {"mad"}][:12]
    leans = fit(rare).leans
    assert max(leans.values()) - min(leans.values()) < 0.6


def test_fit_calibrates_confidence_to_how_often_it_is_right():
    """Signals that agree and yet are right three times of four are believed so much."""

    def agreed(primary, _chance):
        agreed.count += 1
        return mostly(primary if agreed.count % 4 else "sad", 0.9)

    agreed.count = 0
    texts = examples(agreed, lambda _primary, _chance: mostly("sad", 1 / 6), 240)
    weights = fit(texts)
    readings = [read(example, weights) for example in texts]
    right_ones = [
        reading.primary in example.primaries
        for reading, example in zip(readings, texts, strict=True)
    ]
    sure = sum(reading.confidence for reading in readings) / len(readings)
    assert sure == pytest.approx(sum(right_ones) / len(right_ones), abs=0.03)


def test_fit_does_not_depend_on_the_order_of_the_texts():
    """The same texts in another order give the same weights, to the third place."""
    texts = examples(half_right, half_right)
    shuffled = random.Random(3).sample(texts, len(texts))
    one, other = fit(texts), fit(shuffled)
    assert (one.model, one.lexicon) == pytest.approx((other.model, other.lexicon), abs=2e-3)


def test_fit_leaves_out_texts_in_which_the_model_named_nothing():
    """They say nothing about how far to trust it."""
    texts = examples(half_right, half_right)
    silent = [Example(named=None, heard=mostly("sad"), primaries=frozenset({"joyful"}))] * 40
    assert fit(texts + silent) == fit(texts)


def test_fit_on_too_few_texts_is_refused_with_the_number():
    """Eleven numbers can't be told from a handful of texts."""
    with pytest.raises(TooFew, match=f"at least {FEWEST}"):
        fit(examples(right, right, FEWEST - 1))


def test_fit_stays_within_what_the_tuning_takes():
    """No weight is below 0, also for a signal that is mostly wrong."""

    def wrong(primary, chance):
        return mostly(chance.choice([name for name in wheel.PRIMARIES if name != primary]), 0.6)

    for weights in (fit(examples(wrong, half_right)), fit(examples(wrong, right))):
        parse(as_overlay(weights))


def test_read_names_nothing_where_stage_1_would_not():
    """A text without a clear feeling is undetermined here too, and so is no hit."""
    silent = Example(named=None, heard=mostly("sad", 1 / 6), primaries=frozenset({"sad"}))
    assert read(silent, fit(examples(half_right, half_right))).primary is None


def test_read_across_gives_every_text_one_reading_in_order():
    """Each fold is read once; signals that are right are read right."""
    texts = examples(right, right, 103)
    readings = read_across(texts)
    assert [reading.primary for reading in readings] == [
        next(iter(example.primaries)) for example in texts
    ]


def test_read_across_reads_no_text_by_its_own_label(monkeypatch):
    """What a text's writer reported is unknown to the weights that it is read with."""
    known: list[set[int]] = []
    texts = examples(half_right, half_right, 103)
    place = {id(example): number for number, example in enumerate(texts)}

    def spying(given):
        known.append({place[id(example)] for example in given})
        return fit(given)

    monkeypatch.setattr(fitting, "fit", spying)
    read_across(texts)

    assert len(known) == FOLDS
    held_back = [set(range(len(texts))) - each for each in known]
    assert sorted(number for each in held_back for number in each) == [*range(len(texts))]
