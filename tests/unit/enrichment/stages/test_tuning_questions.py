"""What a model is measured with is what the site asks."""

import json
from dataclasses import replace

import pytest

from enrichment.inference.messages import ChatRequest
from enrichment.stages import risk, vocabulary, wheel
from enrichment.stages.prompts import FeelingQuestion, Method, WritingQuestion
from enrichment.stages.tuning_questions import FEELINGS, TEXTS, make_workload
from tests.standin import WRITING
from tests.unit.enrichment.scripted import ASKING, IDENTITY, feeling, reply

FEELING = FeelingQuestion(text="", language="en", scope="tuning", model=IDENTITY, **ASKING)
WRITING_QUESTION = WritingQuestion(
    primary="", secondary=None, tertiary=None, invoked=(), language="en", variant=0,
    model=IDENTITY, num_ctx=4096, num_predict=160, temperature=0.3, led=True,
)  # fmt: skip
WORKLOAD = make_workload(FEELING, WRITING_QUESTION, longest=5000)


@pytest.mark.parametrize(("path", "invoked"), FEELINGS)
def test_feelings_are_places_on_the_wheel(path: tuple[str, ...], invoked: tuple[str, ...]) -> None:
    """Only closed words are ever put to a model in Stage 2."""
    assert wheel.find(path[-1]) == path
    assert set(invoked) <= set(vocabulary.DRIVERS)


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_those_that_a_model_is_asked_about(text: str) -> None:
    """None speaks of danger."""
    assert not risk.check(text).flagged


def test_reading_asks_as_stage_one_does() -> None:
    """The same prompts, byte for byte."""
    asked = replace(FEELING, text=TEXTS[0])
    assert WORKLOAD.readings[0].questions == asked.primaries()


def test_reading_says_the_likeliest_primary() -> None:
    """Over all ways of asking; "none" where none is named, and nothing where none is reported."""
    read = WORKLOAD.readings[0].read
    assert read([reply(candidates=feeling(sad=-0.1, happy=-3.0))] * 4) == "sad"
    assert read([reply(candidates=feeling(table=-0.1))] * 4) == "none"
    assert read([reply()] * 4) is None


def test_generated_label_is_read() -> None:
    """Where the tuning has labels generated, that is what is measured, under its own cap."""
    workload = make_workload(replace(FEELING, method=Method.SCHEMA), WRITING_QUESTION, longest=5000)
    task = workload.readings[0]
    assert isinstance(task.questions[0], ChatRequest)
    assert task.cap == "num_predict_short"
    assert task.read([reply('{"primary":"mad","secondary":"angry"}')]) == "mad"
    assert task.read([reply('{"primary":"mad","secon')]) is None


def test_writing_is_held_to_its_form() -> None:
    """A whole reply counts whatever it says; a broken one does not."""
    task = WORKLOAD.writings[0]
    assert task.cap == "num_predict_long"
    assert task.read([reply(json.dumps({**WRITING, "closing_line": "x"}))]) is not None
    assert task.read([reply(json.dumps(WRITING)[:-9])]) is None


def test_languages_differ_from_the_empty_question_by_their_text() -> None:
    """So that the tokens of a text are the difference."""
    empty = WORKLOAD.empty.prompt
    for question, characters in WORKLOAD.languages.values():
        assert len(question.prompt) - len(empty) == characters
