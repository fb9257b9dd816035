"""What a context says in plain sentences."""

from dataclasses import replace

import pytest

from enrichment.stages.analytics import Baseline, Change, Context, Streaks, Usual
from enrichment.stages.remarks import remarks

SILENT = Context(
    hour_local=8.5,
    phase="morning",
    averages=(),
    streaks=Streaks(writing_days=1, pleasant_days=1, unpleasant_days=0),
    week_over_week=None,
    baseline=None,
)


def written(writing: int, pleasant: int = 0, unpleasant: int = 0) -> Context:
    days = Streaks(writing_days=writing, pleasant_days=pleasant, unpleasant_days=unpleasant)
    return replace(SILENT, streaks=days)


def beside_usual(valence: float | None, arousal: float | None) -> Context:
    scales = [
        Usual(mean=0.5, standard_deviation=0.1, deviation=each) for each in (valence, arousal)
    ]
    usual = Baseline(days=90, count=20, valence=scales[0], arousal=scales[1])
    return replace(SILENT, baseline=usual)


def changed(valence: float, arousal: float) -> Context:
    return replace(SILENT, week_over_week=Change(valence=valence, arousal=arousal))


@pytest.mark.parametrize(
    "context", [SILENT, beside_usual(0.99, -0.99), beside_usual(None, None), changed(0.09, -0.09)]
)
def test_nothing_is_said_where_nothing_stands_out(context):
    """Too short a history, the usual, and small changes are no news."""
    assert remarks(context) == ()


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        (written(2), "Second day in a row."),
        (written(3), "Third day in a row."),
        (written(10), "Tenth day in a row."),
        (written(11), "11 days in a row."),
        (beside_usual(0, -1), "Calmer than usual."),
        (beside_usual(1.5, 0), "Brighter than usual."),
        (beside_usual(-1.5, 2), "Heavier and more activated than usual."),
        (beside_usual(None, -3), "Calmer than usual."),
        (changed(0.1, 0), "The last seven days were brighter than the seven before."),
        (changed(-0.2, -0.2), "The last seven days were heavier and calmer than the seven before."),
    ],
)
def test_what_stands_out_is_said_in_one_sentence(context, sentence):
    """Ordinals to ten, both scales in one sentence, nothing about what is as usual."""
    assert remarks(context) == (sentence,)


@pytest.mark.parametrize(
    ("streaks", "sentence"),
    [
        ((3, 3, 0), "The last three days leaned pleasant."),
        ((10, 0, 10), "The last ten days leaned unpleasant."),
        ((14, 0, 11), "The last 11 days leaned unpleasant."),
    ],
)
def test_days_that_lean_to_one_side_are_told_from_the_third_on(streaks, sentence):
    """Two days on a side are soon together by chance."""
    assert remarks(written(*streaks))[1:] == (sentence,)
    assert remarks(written(2, 2)) == ("Second day in a row.",)


def test_sentences_come_in_one_order():
    """Days first, then this reflection, then the week."""
    context = replace(
        written(4, 4),
        baseline=beside_usual(1, -1).baseline,
        week_over_week=changed(0.2, 0).week_over_week,
    )
    assert remarks(context) == (
        "Fourth day in a row.",
        "The last four days leaned pleasant.",
        "Brighter and calmer than usual.",
        "The last seven days were brighter than the seven before.",
    )
