"""The review of the model's reply: each rule refuses, passable lines pass, no other error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.stages import review
from enrichment.stages.review import InvalidWriting
from enrichment.stages.texts import Writing

GOOD: dict[str, Any] = {
    "poem": [
        "A cup of tea warms my quiet hands.",
        "Rain taps the glass beside the old chair.",
        "The evening folds itself like a soft blanket.",
    ],
    "tips": [
        "Open the window and listen to the street.",
        "Write one small thing that made you smile.",
        "Stretch your arms before you go to bed.",
    ],
    "closing_line": "Rest well, the day is done.",
}
OTHER_GOOD_LINES = [
    "The sun shines on my face, and I feel warm.",
    "My sister laughs, and the kitchen is bright.",
    "The morning is still, the birds are singing.",
    "Soft light falls on the quiet river.",
    "I sit by the window and watch the rain.",
    "A gentle breeze moves through the tall trees.",
    "You walked far today, and the road was long.",
    "The café on the corner smells of bread.",
    "It's late, and the moon’s light is pale.",
    "The guitar string hums in the stable air.",
    "Half sun, half cloud, one sock still missing.",
    "Hope sits with me like an old friend.",
]


def _reply(**changes: object) -> str:
    return json.dumps({**GOOD, **changes}, ensure_ascii=False)


def _with_line(line: str) -> str:
    return _reply(poem=[line, *GOOD["poem"][1:]])


def _with_tip(tip: str) -> str:
    return _reply(tips=[tip, *GOOD["tips"][1:]])


def _codes(reply: str) -> set[str]:
    with pytest.raises(InvalidWriting) as caught:
        review.review(reply)
    return {reason.split(":")[0] for reason in caught.value.reasons}


def test_review_good_reply_gives_its_writing() -> None:
    """A legal reply comes back as it was written."""
    assert review.review(_reply()) == Writing(
        poem=tuple(GOOD["poem"]), tips=tuple(GOOD["tips"]), closing_line=GOOD["closing_line"]
    )


def test_review_strips_surrounding_white_space() -> None:
    """White space around the reply and its strings goes."""
    writing = review.review("\n " + _with_line("  The rain falls on the roof. ") + "\n\n")
    assert writing.poem[0] == "The rain falls on the roof."


@pytest.mark.parametrize("line", OTHER_GOOD_LINES)
def test_review_passable_line_passes(line: str) -> None:
    """Plain lines of a small model are good enough."""
    assert review.review(_with_line(line)).poem[0] == line


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("", "not_json"),
        ("A poem about rain", "not_json"),
        ("Here you are: " + _reply(), "not_json"),
        (_reply() + " I hope it helps", "not_json"),
        ("```json\n" + _reply() + "\n```", "not_json"),
        (_reply()[:-20], "not_json"),
        (_reply() + _reply(), "not_json"),
        ("[" * 5000, "not_json"),
        ("1" * 5000, "not_json"),
        (_reply()[:-1] + ', "poem": []}', "not_json"),
        ("[]", "not_an_object"),
        ('"poem"', "not_an_object"),
        ("null", "not_an_object"),
        (_reply(title="Rain"), "keys"),
        (json.dumps({"poem": GOOD["poem"], "tips": GOOD["tips"]}), "keys"),
        (_reply(poem=GOOD["poem"][:2]), "count"),
        (_reply(tips=[*GOOD["tips"], "Go for a walk in the park."]), "count"),
        (_reply(poem="A cup of tea warms my quiet hands."), "count"),
        (_reply(poem=[1, 2, 3]), "count"),
        (_reply(tips=None), "count"),
        (_reply(closing_line=["Rest well."]), "type"),
        (_reply(closing_line=None), "type"),
        (" " * 9000, "too_long"),
    ],
)
def test_review_other_form_is_refused(reply: str, code: str) -> None:
    """Anything but one whole object of the agreed form is refused."""
    assert _codes(reply) == {code}


@pytest.mark.parametrize(
    "reply",
    [
        _with_line("Rain falls softly."),
        _with_line("The rain falls on my roof " + "and then on all of the others in town. "),
        _with_line(""),
        _with_tip("Take a walk."),
        _with_tip("Walk " + "to one place and then to the next one " * 3),
        _reply(closing_line=""),
        _reply(closing_line="Rest well " + "and take the day with you to bed " * 2),
        _with_line("The rain " + "f" * 200 + " on my roof."),
    ],
)
def test_review_wrong_length_is_refused(reply: str) -> None:
    """Lines, tips and the closing line keep their number of words."""
    assert "length" in _codes(reply)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("The rain falls\non my quiet roof.", "control"),
        ("The rain falls\u200b on my quiet roof.", "control"),
        ("The rain falls on  my quiet roof.", "control"),
        ("The rain \x07 falls on my roof.", "control"),
        ("See https://rain.example for the quiet roof.", "markup"),
        ("Write to me@rain.example about the roof.", "markup"),
        ("The rain at quietroof.com falls for you.", "markup"),
        ("The <b>rain</b> falls on my roof.", "markup"),
        ("The **rain** falls on my roof.", "markup"),
        ("- The rain falls on my roof.", "markup"),
        ("1. The rain falls on my roof.", "markup"),
        ("The rain {roof} falls on my house.", "markup"),
        ("The rain falls on my roof 🌧🌧🌧", "emoji"),
        ("The rain the rain falls, the rain the rain.", "repetition"),
        ("The rain falls falls on my roof.", "repetition"),
        ("Rain on rain on the rain outside.", "repetition"),
        ("The evening folds itself like a soft blanket.", "repetition"),
        ("La lluvia cae sobre el techo de mi casa.", "language"),
        ("Der Regen und das Dach und die Nacht ist lang.", "language"),
        ("Дождь падает на мою тихую крышу.", "language"),
        ("बारिश मेरी छत पर गिरती है।", "language"),
        ("The xkcdqwrt falls on my quiet roof.", "language"),
        ("The raaaain falls on my quiet roof.", "language"),
        ("The knife lies on the quiet table.", "violence"),
        ("I will kill the silence with my song.", "violence"),
        ("There is blood on the quiet floor.", "violence"),
        ("He holds a gun in the rain.", "violence"),
        ("May they die in the cold rain.", "violence"),
        ("I will hurt him in the rain.", "violence"),
        ("It was your fault that the rain fell.", "blame"),
        ("You should be ashamed of the rain.", "blame"),
        ("You are stupid to walk in the rain.", "blame"),
        ("You are worthless in the quiet rain.", "blame"),
        ("You're a burden to the quiet house.", "blame"),
        ("Nobody loves you in the quiet rain.", "blame"),
        ("I promise you a quiet morning.", "promise"),
        ("Everything will be fine in the morning.", "promise"),
        ("A good morning is guaranteed for you.", "promise"),
        ("It's going to be okay, my friend.", "promise"),
        ("Time will heal the quiet house.", "promise"),
        ("Take your medication with the morning tea.", "medical"),
        ("A small dose of rain for you.", "medical"),
        ("The rain can diagnose my quiet heart.", "medical"),
        ("Stop taking the pills in the morning.", "medical"),
        ("See a doctor when the rain falls.", "medical"),
        ("As an AI I like the rain.", "leakage"),
        ("The assistant sits in the quiet rain.", "leakage"),
        ("This is the JSON of the rain.", "leakage"),
        ("Here is a poem about the rain.", "leakage"),
        ("I want to end it all tonight.", "crisis"),
        ("I cut myself in the quiet house.", "crisis"),
    ],
)
def test_review_each_content_rule_refuses(line: str, code: str) -> None:
    """Each kind of line that may not be shown is refused under its own code."""
    assert code in _codes(_with_line(line))


@pytest.mark.parametrize(
    "tip",
    [
        "I walk slowly through the quiet park.",
        "You are calm and the day is long.",
        "The tea helps you to sleep at night.",
        "Your body knows how to rest today.",
    ],
)
def test_review_tip_that_states_is_refused(tip: str) -> None:
    """A tip says what to do."""
    assert "tip" in _codes(_with_tip(tip))


def test_review_whole_writing_in_another_language_is_refused() -> None:
    """Seven strings without everyday English words are not English."""
    reply = _reply(
        poem=[
            "Lorem ipsum dolor sit amet.",
            "Consectetur adipiscing elit sed.",
            "Tempor incididunt labore magna.",
        ],
        tips=[
            "Quis nostrud exercitation ullamco laboris.",
            "Duis aute irure dolor velit.",
            "Excepteur sint occaecat cupidatat.",
        ],
        closing_line="Mollit anim laborum.",
    )
    assert "language" in _codes(reply)


def test_review_loop_of_one_opening_is_refused() -> None:
    """Three tips that begin alike are a loop."""
    tips = [
        "Take a deep breath in the garden.",
        "Take a deep sip of your tea.",
        "Take a deep look at the sky.",
    ]
    assert _codes(_reply(tips=tips)) == {"stock_loop"}


def test_review_phrase_in_three_strings_is_refused() -> None:
    """The same four words in three strings are a loop, wherever they stand."""
    reply = _reply(
        poem=["Tea warms me on a quiet evening here.", *GOOD["poem"][1:]],
        tips=["Read a page on a quiet evening.", *GOOD["tips"][1:]],
        closing_line="Sleep comes on a quiet evening.",
    )
    assert _codes(reply) == {"stock_loop"}


def test_review_all_faults_are_named_once_without_the_text() -> None:
    """The reasons name every fault, each once, and none of the reply's words."""
    with pytest.raises(InvalidWriting) as caught:
        review.review(
            _reply(poem=["Zebra blood.", "Zebra pills <b>", "I promise you the zebra dies."])
        )
    reasons = caught.value.reasons
    assert {reason.split(":")[0] for reason in reasons} >= {
        "length", "markup", "violence", "medical", "promise",
    }  # fmt: skip
    assert len(reasons) == len(set(reasons))
    assert "zebra" not in str(caught.value).lower()


@given(st.text(max_size=300))
def test_review_any_string_is_legal_or_invalid(reply: str) -> None:
    """Whatever the model sends, the answer is a writing or `InvalidWriting`."""
    _legal_or_invalid(reply)


_STRINGS = st.text(max_size=60) | st.sampled_from([*GOOD["poem"], *GOOD["tips"], *OTHER_GOOD_LINES])


@given(
    st.fixed_dictionaries(
        {
            "poem": st.lists(_STRINGS, min_size=3, max_size=3),
            "tips": st.lists(_STRINGS, min_size=3, max_size=3),
            "closing_line": _STRINGS,
        }
    )
)
def test_review_any_object_of_the_form_is_legal_or_invalid(data: dict[str, object]) -> None:
    """A reply of the right form is a legal writing or refused, whatever its strings hold."""
    _legal_or_invalid(json.dumps(data))


def _legal_or_invalid(reply: str) -> None:
    try:
        writing = review.review(reply)
    except InvalidWriting as invalid:
        assert invalid.reasons
        assert all(": " in reason for reason in invalid.reasons)
    else:
        assert review.problems(writing) == ()
