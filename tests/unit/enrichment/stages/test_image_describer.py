"""Images are described by a model that sees, through the cache; by a scripted one here."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import HostBusy, HostUnreachable, InvalidReply, ModelCannotSee
from enrichment.images import CleanImage
from enrichment.stages import prompts
from enrichment.stages.image_describer import ImageDescriber, append, review, shorten
from tests.unit.enrichment.scripted import IDENTITY, DictCache, ScriptedModel, reply

SEES = frozenset({"completion", "vision"})
IMAGE = CleanImage(sha256="ab" * 32, jpeg=b"\xff\xd8 pixels")
SHOWN = "Two people walk along a beach in the evening. The mood is calm."
ASKING: dict[str, Any] = {
    "scope": "site",
    "num_ctx": 4096,
    "num_predict": 160,
    "temperature": 0.3,
}


def seeing(*texts: str | Exception, **more: Any) -> ScriptedModel:
    return ScriptedModel(texts=texts or (SHOWN,), able=SEES, **more)


def describer(model: ScriptedModel, cache: DictCache, **other: Any) -> ImageDescriber:
    return ImageDescriber(model, cache, **{**ASKING, **other})


def test_image_is_sent_once_and_then_answered_from_the_cache() -> None:
    """The model sees the pixels; the second time nobody asks it, and the words are the same."""
    model, cache = seeing(), DictCache()

    first = describer(model, cache).describe_image(IMAGE)
    second = describer(model, cache).describe_image(IMAGE)

    (asked,) = model.chatted
    assert asked.images == (IMAGE.jpeg,)
    assert first.result["text"] == second.result["text"] == SHOWN
    assert (first.cache, second.cache) == ("miss", "hit")
    assert first.key == second.key == describer(model, cache).key(IMAGE.sha256)
    assert (first.engine, first.model) == ("ollama", "scripted:1b")


def test_who_is_asked_is_who_the_key_names() -> None:
    """Of several hosts another model's answer would be filed under this one's name."""
    model = seeing()

    describer(model, DictCache()).describe_image(IMAGE)

    assert [asked.model for asked in model.chatted] == [IDENTITY]


def test_same_file_is_the_same_question_however_it_was_cleaned() -> None:
    """The key is made of the file's bytes as they were sent."""
    model, cache = seeing(), DictCache()
    describer(model, cache).describe_image(IMAGE)

    again = describer(model, cache).describe_image(replace(IMAGE, jpeg=b"otherwise"))

    assert again.cache == "hit"


@pytest.mark.parametrize(
    ("who", "asking"),
    [
        (replace(IDENTITY, name="other:1b"), {}),
        (replace(IDENTITY, digest="cd" * 32), {}),
        (replace(IDENTITY, engine="embedded"), {}),
        (IDENTITY, {"scope": "owner:ada"}),
        (IDENTITY, {"num_ctx": 2048}),
        (IDENTITY, {"num_predict": 40}),
        (IDENTITY, {"temperature": 0.9}),
    ],
)
def test_whatever_changes_the_answer_is_in_the_key(who, asking: dict[str, Any]) -> None:
    """Another model, option or scope is another question."""
    cache = DictCache()
    describer(seeing(), cache).describe_image(IMAGE)

    assert describer(seeing(who=who), cache, **asking).describe_image(IMAGE).cache == "miss"


@pytest.mark.parametrize("name", ["PROMPT_VERSION"])
def test_another_prompt_is_another_question(monkeypatch, name: str) -> None:
    """So is another way to clean a file."""
    before = describer(seeing(), DictCache()).key(IMAGE.sha256)
    monkeypatch.setattr(prompts.VisionQuestion, name, "other")
    prompted = describer(seeing(), DictCache()).key(IMAGE.sha256)
    monkeypatch.setattr(prompts, "CLEANING_VERSION", "other")

    assert len({before, prompted, describer(seeing(), DictCache()).key(IMAGE.sha256)}) == 3


def test_model_that_cannot_see_is_sent_nothing() -> None:
    """The error names the model and what to do, and nothing is kept."""
    model, cache = ScriptedModel(able=frozenset({"completion", "tools"})), DictCache()

    with pytest.raises(ModelCannotSee, match=r"scripted:1b cannot see.*OLLAMA_MODEL"):
        describer(model, cache).describe_image(IMAGE)

    assert model.asked == 0
    assert cache.entries == {}


def test_host_that_does_not_tell_what_it_can_do_is_sent_nothing() -> None:
    """An outage is an outage, and not taken for blindness."""
    model = ScriptedModel(able=HostUnreachable("away"))

    with pytest.raises(HostUnreachable):
        describer(model, DictCache()).describe_image(IMAGE)

    assert model.asked == 0


@pytest.mark.parametrize(
    "useless",
    [
        "",
        " \n ",
        "A photo.",
        "I'm sorry, but I can't help with that picture of people.",
        "I cannot see any image here, please send one.",
        "As an AI I have no eyes, so I can't tell.",
        "There is no image attached to this message.",
        "A beach \x1b[2J in the evening, with people.",
        "A beach \x00 in the evening, with people.",
        "A beach \ufffd in the evening, with people.",
    ],
)
def test_useless_description_is_asked_for_once_more_and_never_kept(useless: str) -> None:
    """The second try has another seed; after it there is an error that keeps the reply."""
    model, cache = seeing(useless), DictCache()

    with pytest.raises(InvalidReply) as caught:
        describer(model, cache).describe_image(IMAGE)

    assert caught.value.raw == useless
    assert not useless.strip() or useless not in str(caught.value)
    assert cache.entries == {}
    assert len({asked.options["seed"] for asked in model.chatted}) == len(model.chatted) == 2
    assert describer(seeing(useless, SHOWN), cache).describe_image(IMAGE).result["text"] == SHOWN


def test_outage_is_raised_and_not_kept() -> None:
    """A description can't be made up where there is none."""
    cache = DictCache()

    with pytest.raises(HostBusy):
        describer(seeing(HostBusy("busy")), cache).describe_image(IMAGE)

    assert cache.entries == {}


def test_description_that_ran_on_ends_with_a_whole_sentence() -> None:
    """Cut by the host or by us, nobody reads half a sentence."""
    cut = replace(reply("A calm beach in the evening. Two people wal"), done_reason="length")
    long = reply("A calm beach in the evening. " * 50)

    assert review(cut) == "A calm beach in the evening."
    assert len(review(long)) <= 600
    assert review(long).endswith("evening.")


def test_description_is_on_one_line() -> None:
    """Lists and line breaks are folded, so that what was written stands apart."""
    assert review(reply(" A beach.\n\nIt is\tevening. ")) == "A beach. It is evening."


def test_description_follows_what_was_written_after_a_blank_line() -> None:
    """Alone it is the text; where there is no room it is cut, and the writer's words never are."""
    assert append("", SHOWN, 5000) == SHOWN
    assert append("My day.", SHOWN, 5000) == f"My day.\n\n{SHOWN}"
    assert append("My day.", SHOWN, 60) == (
        "My day.\n\nTwo people walk along a beach in the evening."
    )
    assert append("My day.", SHOWN, 30) == "My day.\n\nTwo people walk"
    for room in (7, 8, 9, 10):
        assert append("My day.", SHOWN, room) == "My day."


@given(text=st.text(max_size=200), limit=st.integers(-5, 250))
def test_shortened_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    """Whatever the text: never longer than asked, and nothing is made up."""
    short = shorten(text, limit)

    assert len(short) <= max(0, limit)
    assert text.startswith(short)
