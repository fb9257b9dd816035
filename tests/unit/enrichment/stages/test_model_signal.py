"""A model is asked for a feeling in two ways, and either answer is held to the wheel."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import InvalidReply
from enrichment.stages import wheel
from enrichment.stages.answers import Outcome
from enrichment.stages.blending import LABEL_SHARE
from enrichment.stages.model_signal import NO_LABEL, read_labels
from enrichment.stages.prompts import Method
from tests.unit.enrichment.scripted import DictCache, ScriptedModel
from tests.unit.enrichment.stages.test_hybrid_scorer import assert_legal, enrich

TEXT = "I cried because I am so lonely and sad"
WORDS = st.sampled_from([*wheel.WORDS, *wheel.ALIASES]) | st.text(max_size=12)


def labels(primary: str, secondary: str) -> str:
    return json.dumps({"primary": primary, "secondary": secondary})


def enrich_by_schema(reply, cache=None, text=TEXT):
    model = ScriptedModel(texts=(reply,))
    return enrich(model, text, cache, method=Method.SCHEMA), model


def test_generated_labels_are_the_models_signal_and_path():
    """One question with a schema; the named primary has its share, the others the rest alike."""
    cache = DictCache()
    stage1, model = enrich_by_schema(labels("sad", "lonely"), cache)

    assert_legal(stage1)
    assert stage1.path[:2] == ("sad", "lonely")
    assert stage1.answer.outcome == Outcome.MODEL
    provenance = stage1.answer.result["provenance"]
    assert provenance["method"] == "schema"
    assert provenance["signals"]["model"]["sad"] == LABEL_SHARE
    assert sum(provenance["signals"]["model"].values()) == pytest.approx(1, abs=1e-3)
    assert (len(model.chatted), len(model.generated)) == (1, 0)
    assert model.chatted[0].format["properties"]["primary"]["enum"] == list(wheel.PRIMARIES)
    assert len(cache.entries) == 1


def test_generated_labels_that_are_no_path_become_the_nearest_with_a_warning():
    """A secondary of another primary is cleared, never replaced by a first child."""
    stage1, _ = enrich_by_schema(labels("sad", "proud"), text="The box is on the table")
    assert stage1.path == ("sad",)
    assert stage1.answer.result["warnings"] == [wheel.SECONDARY_ILLEGAL]


def test_generated_label_that_the_wheel_does_not_know_leaves_it_to_the_lexicon():
    """It answered and named no feeling: a warning says so, and the answer is the model's."""
    stage1, _ = enrich_by_schema(labels("wonderful", "lonely"))
    assert stage1.path[0] == "sad"
    assert stage1.answer.outcome == Outcome.MODEL
    assert NO_LABEL in stage1.answer.result["warnings"]


@pytest.mark.parametrize(
    "reply",
    ["", "sad", "[]", '"sad"', '{"primary": "sad"}', '{"primary": 1, "secondary": "lonely"}',
     '{"primary": "sad", "secondary": "lonely", "more": 1}', '{"primary": "sad", "se', "[" * 9999],
)  # fmt: skip
def test_generated_reply_of_another_form_is_a_fallback_that_is_never_stored(reply):
    """The raw reply is kept for who looks into it; nothing of it is served."""
    cache = DictCache()
    stage1, _ = enrich_by_schema(reply, cache)
    assert_legal(stage1)
    answer = stage1.answer
    assert (answer.outcome, answer.reason) == (Outcome.FALLBACK, "InvalidReply")
    assert (answer.raw_reply, answer.retry_later) == (reply, False)
    assert cache.entries == {}


@given(WORDS, WORDS)
def test_labels_of_any_words_are_a_legal_path_or_none(primary, secondary):
    """Whatever two words come, the path is the wheel's and no word of the reply is in a warning."""
    path, warnings = read_labels(labels(primary, secondary))
    assert not path or wheel.find(path[-1]) == path
    assert set(warnings) <= {
        wheel.PRIMARY_UNKNOWN,
        wheel.PRIMARY_DEEPER,
        wheel.SECONDARY_ILLEGAL,
        wheel.SECONDARY_DEEPER,
    }


@given(st.text(max_size=40) | st.dictionaries(st.text(max_size=9), WORDS).map(json.dumps))
def test_labels_of_any_reply_are_read_or_refused(reply):
    """Nothing that a model may write is an error of another kind."""
    try:
        path, _ = read_labels(reply)
    except InvalidReply as refusal:
        assert refusal.raw == reply
    else:
        assert len(path) <= 2
