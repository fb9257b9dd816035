"""Two rules of the review, `gloom` and `unfinished`: what they refuse, and what they let pass."""

import json
from time import perf_counter

import pytest

from enrichment.stages import review, texts
from enrichment.stages import review_rules as rules
from enrichment.stages.review import InvalidWriting

POEM = [
    "A cup of tea warms my quiet hands.",
    "Rain taps the glass beside the old chair.",
    "The evening folds itself like a soft blanket.",
]
TIPS = [
    "Open the window and listen to the street.",
    "Write one small thing that made you smile.",
    "Stretch your arms before you go to bed.",
]
WARM_LINES = [
    "The kettle hums while the street grows dark.",
    "A neighbour waves, and the morning opens a little.",
    "My hands rest warm around a blue cup.",
    "Sunlight walks slowly across the kitchen floor.",
    "The bread is still warm from the oven.",
    "Someone left the porch light on for you.",
    "The river keeps its easy, silver pace.",
    "Old friends laugh on the other side of town.",
    "It's only rain, and the roof is kind.",
    "A small bird tries its song again.",
    "You can put the heavy bag down now.",
    "The garden forgets nothing, and waits for spring.",
    "Hello, says the moon to the open window.",
    "We share an orange on the steps outside.",
    "There is room at the table tonight.",
]
GLOOM = [
    "The world will never forgive you for what you've done.",
    "Take your own life and leave it.",
    "The night is my only enemy now.",
    "All around me there is only destruction.",
    "I am left alone with the cold rain.",
    "There is no way out of this house.",
    "There is no hope left in the garden.",
    "My heart is consumed by the long night.",
    "They hate the way the morning comes.",
    "You will never be the same again today.",
    "Pay for your sins in the cold rain.",
    "Have a glass of wine and sleep early.",
    "I am still broken, and the rain falls.",
    "THE DESPAIR OF THE LONG NIGHT IS HERE.",
    "What you’ve done is written on the wall.",
]
UNFINISHED = [
    "The night is full of hues of .",
    "Write a story about a person who has no idea what.",
    "The rain falls on the roof and.",
    "The rain falls on the roof and the.",
    "A cup of tea is waiting for the",
    "The river runs slowly to the sea, b.",
    "The river runs slowly to the sea, .",
    "The morning comes with a light that's my.",
    "The moon looks in and it's.",
    "The moon looks in and it’s.",
    "The kettle sings a song about what’s.",
    "The lamp is on because?!",
]
WHOLE = [
    "It may be that way for a while.",
    "The world goes on, even if you don't.",
    "Let the dishes wait; today you can't.",
    "The rain may stop, or maybe it won’t.",
    "The old dog sleeps, and the cat doesn't!",
    "Is there anything better than warm bread?",
    "The lamp is on, the door is open",
]
HUMAN_WRITINGS = [each for group in texts.FALLBACKS.values() for each in group]
HUMAN_LINES = [
    line
    for writing in (*HUMAN_WRITINGS, *texts.CURATED, texts.SAFETY)
    for line in writing.strings()
]


def codes(line: str, *, tip: bool = False) -> set[str]:
    """Return the codes under which a writing with this line is refused."""
    poem = POEM if tip else [line, *POEM[1:]]
    tips = [line, *TIPS[1:]] if tip else TIPS
    reply = {"poem": poem, "tips": tips, "closing_line": "Rest well, the day is done."}
    try:
        review.review(json.dumps(reply))
    except InvalidWriting as exc:
        return {reason.split(":")[0] for reason in exc.reasons}
    return set()


@pytest.mark.parametrize("line", GLOOM)
def test_review_gloomy_line_is_refused(line):
    """Despair, hatred and threat are no comfort, whoever they are meant for."""
    assert "gloom" in codes(line)


@pytest.mark.parametrize("line", UNFINISHED)
def test_review_line_that_breaks_off_is_refused(line):
    """What a line that was cut at its longest leaves behind is not shown."""
    assert "unfinished" in codes(line)


@pytest.mark.parametrize("line", [*GLOOM[:2], "Write a letter to all of your enemies tonight."])
def test_review_gloomy_tip_is_refused(line):
    """A tip is held to the same rules as a line."""
    assert "gloom" in codes(line, tip=True)


def test_review_tip_that_breaks_off_is_refused():
    """The tip that asks for an idea and has none is refused where a tip stands, too."""
    assert codes(UNFINISHED[1], tip=True) == {"unfinished"}


@pytest.mark.parametrize("line", WARM_LINES)
def test_review_ordinary_warm_line_passes(line):
    """Plain kind lines pass all of the rules."""
    assert codes(line) == set()


@pytest.mark.parametrize("line", WHOLE)
def test_review_line_with_a_short_end_is_whole(line):
    """A negation, a question and a missing full stop are no broken ends."""
    assert "unfinished" not in codes(line)


@pytest.mark.parametrize("line", HUMAN_LINES)
def test_rules_let_every_human_written_line_pass(line):
    """What people wrote for the site is neither gloomy nor unfinished."""
    straight = line.replace("’", "'")
    assert not rules.CONTENT["gloom"][1].search(straight)
    assert not rules.UNFINISHED.search(straight)


@pytest.mark.parametrize("filling", [" ", " ,", "'", " a", " of the", ".", "a.", "don't "])
def test_unfinished_of_a_long_string_is_found_in_linear_time(filling):
    """A reply that runs on in blanks costs no more than its length."""
    text = "The" + filling * (8000 // len(filling)) + "xyz"
    started = perf_counter()
    rules.UNFINISHED.search(text)
    assert perf_counter() - started < 0.1
