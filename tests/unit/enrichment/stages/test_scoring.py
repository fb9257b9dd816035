"""Labelled texts are read or refused, and the figures are what their definitions say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import scoring, wheel
from enrichment.stages.scoring import InvalidTable, LabelledText, Reading, read_table, score

HEADER = "text,happy,sad,angry,surprised"
CONFIDENCES = st.floats(0, 1)
READINGS = st.builds(
    Reading, primary=st.none() | st.sampled_from(wheel.PRIMARIES), confidence=CONFIDENCES
)
TEXTS = st.builds(
    LabelledText,
    text=st.just("A day"),
    primaries=st.frozensets(st.sampled_from(wheel.PRIMARIES), min_size=1, max_size=3),
)


def texts(*primaries: str) -> list[LabelledText]:
    """One text for each argument: its primaries, separated by blanks."""
    return [LabelledText(text="A day", primaries=frozenset(held.split())) for held in primaries]


def readings(*read: str | None, confidence: float = 1.0) -> list[Reading]:
    return [Reading(primary=primary, confidence=confidence) for primary in read]


def test_table_gives_the_primaries_of_the_labels_that_hold():
    """Several may hold; what only surprised its writer tells no primary and is counted apart."""
    found = read_table(
        [
            HEADER,
            '"Sun, at last",TRUE,FALSE,FALSE,TRUE',
            "Both at once,true,True,FALSE,FALSE",
            "A parcel came,FALSE,FALSE,FALSE,TRUE",
        ]
    )
    assert [(entry.text, entry.primaries) for entry in found.texts] == [
        ("Sun, at last", {"joyful"}),
        ("Both at once", {"joyful", "sad"}),
    ]
    assert found.left_out == 1


def test_table_tells_columns_that_it_did_not_read():
    """A label that was misspelt would else be missed in silence."""
    found = read_table(["date,text,hapy,sad", "Monday,A day,TRUE,TRUE"])
    assert found.unread == ("date", "hapy")


def test_every_label_belongs_to_a_primary_of_the_wheel():
    """All six are reached, and no other word."""
    assert set(scoring.PRIMARY_OF.values()) == set(wheel.PRIMARIES)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "a column text"),
        (["happy,sad", "TRUE,FALSE"], "a column text"),
        (["text,mood", "A day,TRUE"], "at least one: afraid, anxious"),
        ([HEADER, "A day,TRUE,FALSE,maybe,FALSE"], "line 2: angry must be TRUE or FALSE"),
        ([HEADER, "A day,TRUE"], "line 2: angry must be TRUE or FALSE"),
        ([HEADER, "A day,TRUE,FALSE,FALSE,FALSE\0"], "line 2: .* must be TRUE|NUL"),
        ([HEADER, "a" * 200_000], "after line 1: field larger"),
        ([HEADER, "A day,TRUE,FALSE,FALSE,FALSE", " ,TRUE,FALSE,FALSE,FALSE"], "line 3: text is"),
    ],
)
def test_table_that_is_wrong_is_refused_with_the_place(lines, told):
    """The error names line and column, and what is accepted."""
    with pytest.raises(InvalidTable, match=told):
        read_table(lines)


def test_any_counts_a_reading_that_is_one_of_the_labels():
    """Undetermined is not right, whatever the text."""
    scores = score(
        texts("joyful sad", "joyful sad", "mad", "mad"), readings("sad", "mad", "mad", None)
    )
    assert scores.any == 0.5


def test_single_is_the_mean_recall_over_primaries_not_over_texts():
    """Three of four joyful ones and none of one sad: 0.375, not 0.6."""
    held = texts("joyful", "joyful", "joyful", "joyful", "sad", "joyful sad")
    read = readings("joyful", "joyful", "joyful", "mad", "joyful", "mad")
    assert score(held, read).single == 0.375


def test_polarity_balances_both_signs_and_leaves_mixed_texts_out():
    """Another primary of the same sign is right; undetermined is wrong."""
    held = texts("joyful", "powerful peaceful", "sad", "mad scared", "joyful sad")
    assert score(held, readings("peaceful", "sad", "mad", None, "joyful")).polarity == 0.5


def test_macro_precision_is_the_mean_over_what_was_read():
    """One of two as joyful, all as sad: 0.75; what was never read does not count."""
    held = texts("joyful", "mad", "sad", "mad")
    assert score(held, readings("joyful", "joyful", "sad", None)).macro_precision == 0.75


def test_calibration_error_is_the_gap_of_each_bin_weighed_by_its_size():
    """Two at 0.95 of which one is right, two at 0.25 of which none is: (0.9 + 0.5) / 4."""
    held = texts("joyful", "sad", "mad", "mad")
    read = [*readings("joyful", "joyful", confidence=0.95), *readings("sad", None, confidence=0.25)]
    assert score(held, read).ece == pytest.approx((0.9 + 0.5) / 4)


@given(st.lists(st.tuples(TEXTS, READINGS), max_size=20))
def test_scores_are_shares_or_unknown(pairs):
    """Whatever was read, each figure is 0 to 1; none at all without a text."""
    scores = score([text for text, _ in pairs], [reading for _, reading in pairs])
    assert all(value is None or 0 <= value <= 1 for value in vars(scores).values())
    assert (scores.any is None) is (not pairs)


@given(st.lists(st.tuples(TEXTS, READINGS), min_size=1, max_size=6), st.randoms())
def test_scores_do_not_depend_on_the_order_of_the_texts(pairs, chance):
    """A file may be shuffled."""

    def of(shown):
        return vars(score([text for text, _ in shown], [reading for _, reading in shown]))

    shuffled = chance.sample(pairs, len(pairs))
    assert of(shuffled) == pytest.approx(of(pairs))


def test_interval_holds_the_score_and_narrows_with_more_texts():
    """The bootstrap says how sure a figure is; the same seed says the same."""
    few = (texts(*["joyful", "sad"] * 10), readings(*["joyful", "mad"] * 10))
    many = (texts(*["joyful", "sad"] * 200), readings(*["joyful", "mad"] * 200))
    (low, high), (lower, higher) = (scoring.intervals(*pair)["any"] for pair in (few, many))
    assert low < lower < 0.5 < higher < high
    assert scoring.intervals(*few) == scoring.intervals(*few)


def test_confusion_counts_texts_of_exactly_one_primary():
    """Each row is what was felt, each column what was read, undetermined among them."""
    held = texts("joyful", "joyful", "sad", "joyful sad")
    table = scoring.confusion(held, readings("joyful", None, "mad", "sad"))
    assert table == {"joyful": {"joyful": 1, None: 1}, "sad": {"mad": 1}}
