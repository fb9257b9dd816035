"""Stage 2 with a scripted model and a cache in a dict: who wrote it, what is kept and asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.errors import HostUnreachable
from enrichment.stages import analytics, texts, vocabulary, wheel
from enrichment.stages.answers import Outcome, StageAnswer
from enrichment.stages.hybrid_scorer import HybridScorer, Stage1
from enrichment.stages.post_enricher import (
    PostEnricher,
    Stage2,
    Style,
    curated_answer,
    safety_answer,
    style,
    tags,
)
from enrichment.stages.writing_schemas import FREE_SCHEMA
from tests.standin import WRITING
from tests.unit.enrichment.scripted import (
    ASKING,
    BROKEN,
    IDENTITY,
    OUTAGES,
    TTL_SECONDS,
    DictCache,
    ScriptedModel,
    feeling,
    strings,
)

AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
WRITTEN = json.dumps(WRITING)
GARBAGE = "Sure! Here is your poem:"


def scripted(*replies: str | Exception, **more: Any) -> ScriptedModel:
    return ScriptedModel(texts=replies or (WRITTEN,), **more)


def feeling_of(*path: str, invoked=("connection",), expressed=("light",), **changes) -> Stage1:
    """Return a Stage 1 with a path of 0 to 3 words."""
    levels = ("primary", "secondary", "tertiary")
    content = {
        "wheel": dict(zip(levels, (*path, None, None)[:3], strict=True)) if path else None,
        "undetermined": not path,
        "invoked": list(invoked),
        "expressed": list(expressed),
        "valence": 0.8,
        "arousal": 0.5,
        "confidence": 0.9,
        "events": [],
        "congruence": 0.9,
        "warnings": [],
        "provenance": {"engine": "ollama", "model": "m"},
    } | changes
    answer = StageAnswer(result=content, outcome=Outcome.MODEL)
    return Stage1(answer=answer, context=analytics.context((), AT))


JOYFUL = feeling_of("joyful", "cheerful", "grateful")


def enricher_of(model, cache=None, **changes) -> PostEnricher:
    given_ = {"num_ctx": 4096, "num_predict": 160, "temperature": 0.3} | changes
    return PostEnricher(model, DictCache() if cache is None else cache, **given_)


def run(
    model, stage1=JOYFUL, cache=None, at_risk=False, rotation=0, variant=0, **changes
) -> Stage2:
    enricher = enricher_of(model, cache, **changes)
    return enricher.run_post_enrichment(stage1, at_risk=at_risk, rotation=rotation, variant=variant)


def lines(stage2: Stage2) -> dict[str, Any]:
    """Return the seven strings of a writing."""
    result = stage2.answer.result
    return {name: result[name] for name in ("poem", "tips", "closing_line")}


def as_lines(writing: texts.Writing) -> dict[str, Any]:
    return {
        "poem": list(writing.poem),
        "tips": list(writing.tips),
        "closing_line": writing.closing_line,
    }


# The model's writing


def test_writing_that_passes_the_review_is_the_models_and_kept():
    """A valid reply: outcome model, a miss that is stored, asked once."""
    cache, model = DictCache(), scripted()
    stage2 = run(model, cache=cache)

    answer = stage2.answer
    assert lines(stage2) == WRITING
    assert (answer.outcome, answer.cache, answer.stored) == (Outcome.MODEL, "miss", True)
    assert (answer.engine, answer.model) == (IDENTITY.engine, IDENTITY.name)
    assert cache.entries == {answer.key: answer.result}
    assert model.asked == 1
    assert answer.result["provenance"]["digest"] == IDENTITY.digest
    assert json.loads(json.dumps(answer.result)) == answer.result


def test_writing_that_is_cached_equals_what_was_stored_and_asks_nobody():
    """A hit is the stored text with its age; style and tags are made anew."""
    cache, model = DictCache(), scripted()
    cold = run(model, cache=cache)
    warm = run(model, feeling_of("joyful", "cheerful", "grateful", arousal=0.9), cache)

    assert model.asked == 1
    assert warm.answer.result == cold.answer.result
    assert (warm.answer.cache, warm.answer.age_seconds) == ("hit", 5)
    assert warm.answer.ttl_seconds == TTL_SECONDS
    assert warm.style.tempo == "high" != cold.style.tempo


def test_writing_is_asked_again_with_another_seed_when_the_first_is_garbage():
    """First attempt bad, second good: the model's, and the bad one is forgotten."""
    cache, model = DictCache(), scripted(GARBAGE, WRITTEN)
    stage2 = run(model, cache=cache)

    assert lines(stage2) == WRITING
    assert stage2.answer.outcome == Outcome.MODEL
    assert stage2.answer.raw_reply == ""
    first, second = model.chatted
    assert first.options["seed"] != second.options["seed"]
    assert first.messages == second.messages
    assert len(cache.entries) == 1


@pytest.mark.parametrize(
    "reply",
    [
        GARBAGE,
        "",
        WRITTEN[:-20],
        f"```json\n{WRITTEN}\n```",
        WRITTEN.replace("kitchen roof", "kitchen roof \\ud800"),
        json.dumps({**WRITING, "poem": ["Too short."]}),
        json.dumps({**WRITING, "closing_line": "You are worthless and it is all your fault."}),
        json.dumps({**WRITING, "closing_line": "I want to end it all tonight."}),
        "[" * 100_000,
    ],
    ids=["prose", "empty", "cut", "fenced", "half", "count", "blame", "crisis", "deep"],
)
def test_writing_that_fails_the_review_twice_is_a_persons_text_and_not_kept(reply):
    """The raw reply is kept for diagnosis; the same model would fail again, so it is not tried."""
    cache, model = DictCache(), scripted("first try", reply)
    stage2 = run(model, cache=cache)

    answer = stage2.answer
    assert model.asked == 2
    assert (answer.outcome, answer.cache, answer.key) == (Outcome.FALLBACK, "bypass", "")
    assert answer.raw_reply == reply
    assert answer.reason == "InvalidReply"
    assert not answer.retry_later
    assert not answer.stored
    assert cache.entries == {}
    assert lines(stage2) == as_lines(texts.fallback("joyful", 0))
    assert answer.engine == answer.result["provenance"]["engine"] == "human"


@pytest.mark.parametrize("trouble", [*OUTAGES, *BROKEN], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["identity", "first", "second"])
def test_writing_without_an_answer_is_a_marked_fallback_that_is_never_stored(trouble, where):
    """A person's text stands in and says so; only an outage is worth another try."""
    cache = DictCache()
    model = {
        "identity": scripted(who=trouble),
        "first": scripted(trouble),
        "second": scripted(GARBAGE, trouble),
    }[where]
    answer = run(model, cache=cache).answer

    assert answer.outcome == Outcome.FALLBACK
    assert answer.retry_later is (trouble in OUTAGES)
    assert answer.reason == type(trouble).__name__
    assert answer.raw_reply == getattr(trouble, "raw", "")
    assert (answer.cache, answer.key, answer.stored) == ("bypass", "", False)
    assert cache.entries == {}


def test_writing_after_an_outage_is_the_models_again():
    """A fallback leaves nothing behind that could be taken for an answer."""
    cache = DictCache()
    run(scripted(HostUnreachable("away")), cache=cache)
    assert run(scripted(), cache=cache).answer.outcome == Outcome.MODEL


def test_writing_lets_a_fault_of_ours_through():
    """What is no trouble of the model is no fallback: it must be seen."""
    with pytest.raises(ZeroDivisionError):
        run(scripted(ZeroDivisionError()))


@pytest.mark.parametrize("primary", wheel.PRIMARIES)
def test_fallback_is_of_the_primary_and_turns_with_the_rotation(primary):
    """Each primary has texts of its own, and not everybody gets the same one."""
    seen = [
        lines(run(scripted(HostUnreachable("away")), feeling_of(primary), rotation=turn))
        for turn in range(len(texts.FALLBACKS[primary]))
    ]
    assert seen == [as_lines(writing) for writing in texts.FALLBACKS[primary]]


# Without asking


@pytest.mark.parametrize("rotation", [0, 1, 7, 2**127])
def test_undetermined_feeling_gets_a_curated_text_without_asking(rotation):
    """Nothing to write about is no trouble of the model, and claims no feeling."""
    cache, model = DictCache(), scripted(who=AssertionError("asked"))
    stage2 = run(model, feeling_of(), cache, rotation=rotation)

    assert stage2.answer.outcome == Outcome.CURATED
    assert lines(stage2) == as_lines(texts.fallback(None, rotation))
    assert stage2.answer == curated_answer(rotation)
    assert (stage2.answer.cache, stage2.answer.retry_later) == ("bypass", False)
    assert model.asked == 0
    assert cache.looked_up == []


@pytest.mark.parametrize("stage1", [JOYFUL, feeling_of()], ids=["joyful", "undetermined"])
def test_text_at_risk_gets_the_safety_text_without_asking_or_looking(stage1):
    """Somebody in danger gets a person's calm words, from neither model nor cache."""
    cache = DictCache()
    run(scripted(), cache=cache)
    looked_up = len(cache.looked_up)

    model = scripted(who=AssertionError("asked"))
    stage2 = run(model, stage1, cache, at_risk=True)

    assert stage2.answer == safety_answer()
    assert stage2.answer.outcome == Outcome.SAFETY
    assert lines(stage2) == as_lines(texts.SAFETY)
    assert (stage2.answer.cache, stage2.answer.key, stage2.answer.stored) == ("bypass", "", False)
    assert not stage2.answer.retry_later
    assert model.asked == 0
    assert len(cache.looked_up) == looked_up


# Keys and prompts


@pytest.mark.parametrize(
    "changes",
    [
        {"valence": 0.1, "arousal": 0.9, "confidence": 0.3},
        {"expressed": ("tired",)},
        {"events": ["family"], "warnings": ["odd"], "congruence": 0.1},
        {"provenance": {"engine": "lexicon", "model": ""}},
    ],
)
def test_writing_for_the_same_path_and_drivers_is_shared(changes):
    """What the prompt does not use is not in the key."""
    cache = DictCache()
    run(scripted(), cache=cache)
    same = feeling_of("joyful", "cheerful", "grateful", **changes)
    assert run(scripted(), same, cache).answer.cache == "hit"


@pytest.mark.parametrize(
    ("stage1", "changes"),
    [
        (feeling_of("joyful", "cheerful"), {}),
        (feeling_of("joyful"), {}),
        (feeling_of("sad", "lonely"), {}),
        (feeling_of("joyful", "cheerful", "grateful", invoked=("pride",)), {}),
        (feeling_of("joyful", "cheerful", "grateful", invoked=()), {}),
        (JOYFUL, {"num_ctx": 2048}),
        (JOYFUL, {"num_predict": 120}),
        (JOYFUL, {"temperature": 0.7}),
    ],
)
def test_writing_for_another_feeling_or_option_is_another(stage1, changes):
    """What changes the text is in the key."""
    cache = DictCache()
    run(scripted(), cache=cache)
    assert run(scripted(), stage1, cache, **changes).answer.cache == "miss"


@pytest.mark.parametrize(
    "who",
    [replace(IDENTITY, name="large:7b"), replace(IDENTITY, digest="cd" * 32)],
    ids=["name", "digest"],
)
def test_writing_of_another_model_is_another(who):
    """A model that was replaced under its name answers anew."""
    cache = DictCache()
    run(scripted(), cache=cache)
    assert run(scripted(who=who), cache=cache).answer.cache == "miss"


def test_writing_is_shared_by_scopes_whose_feelings_are_not():
    """Stage 1 is one's own; Stage 2 is of closed words, so that all may share it."""
    cache = DictCache()
    model = scripted(candidates=(feeling(happy=-0.2), feeling(grateful=-0.2)))
    found = []
    for scope in ("owner:ada", "owner:bob"):
        scorer = HybridScorer(model, cache, scope=scope, **ASKING)
        stage1 = scorer.enrich("I was so happy and grateful today", (), AT)
        found.append((stage1.answer.cache, run(model, stage1, cache).answer.cache))
    assert found == [("miss", "miss"), ("miss", "hit")]


def test_writing_of_the_embedded_model_is_led_and_of_any_other_free():
    """A very small model gets the narrow schema."""
    led, free = scripted(who=replace(IDENTITY, engine="embedded")), scripted()
    run(led)
    run(free)
    assert led.chatted[0].format != FREE_SCHEMA
    assert free.chatted[0].format == FREE_SCHEMA


def test_variants_tell_what_is_made_and_ask_nobody():
    """Each has the key that it is or will be stored under; looking makes no question."""
    cache, model = DictCache(), scripted()
    enricher = enricher_of(model, cache)
    before = enricher.variants(JOYFUL, IDENTITY, 3)
    stage2 = enricher.run_post_enrichment(JOYFUL, variant=1)

    after = enricher.variants(JOYFUL, IDENTITY, 3)

    assert [each.cached for each in before] == [None] * 3
    assert [each.cached and each.cached.value for each in after] == [
        None, stage2.answer.result, None,
    ]  # fmt: skip
    assert [each.key for each in before] == [each.key for each in after]
    assert after[1].key == stage2.answer.key
    assert len({each.key for each in after}) == 3
    assert [each.number for each in after] == [0, 1, 2]
    assert all(each.cached is None for each in enricher.variants(feeling_of("sad"), IDENTITY, 3))
    assert model.asked == 1


def test_value_says_which_variant_it_is():
    """The number stands in what is cached, so that a hit can tell it."""
    assert run(scripted()).answer.result["provenance"]["variant"] == 0
    assert run(scripted(), variant=2).answer.result["provenance"]["variant"] == 2


CUES = ["happy", "sad", "not", "very", "lonely", "proud", "!", ".", "worried", "calm", "sister"]
TEXTS = st.text(max_size=100) | st.lists(st.sampled_from(CUES), max_size=20).map(" ".join)


@given(before=TEXTS, after=TEXTS, label=st.sampled_from(sorted(wheel.WORDS)))
@settings(deadline=None)
def test_writing_for_any_text_is_asked_for_and_kept_without_a_word_of_it(before, after, label):
    """A made-up word reaches neither Stage 2's prompt, its key, its value, style nor tags."""
    cache = DictCache()
    model = scripted(candidates=(feeling(**{label: -0.1}),))
    scorer = HybridScorer(model, cache, scope="site", **ASKING)
    stage1 = scorer.enrich(f"{before} zyxgrobble {after}", (), AT)
    cache.looked_up.clear()

    stage2 = run(model, stage1, cache)

    kept = [cache.looked_up, stage2.answer.result, stage2.tags, repr(stage2.style)]
    kept += [list(request.messages) for request in model.chatted]
    assert not any("zyxgrobble" in word.lower() for word in strings(kept))
    if stage1.path:
        moving = model.chatted[0].messages[-1][1]
        words = moving.removeprefix("Feeling: ").removesuffix(".").replace(". Theme: ", ", ")
        closed = {*wheel.WORDS, *vocabulary.DRIVERS, "everyday_life"}
        assert {word.replace(" ", "_") for word in words.split(", ")} <= closed


# Style and tags


@pytest.mark.parametrize(
    ("valence", "arousal", "expected"),
    [
        (0.0, 0.0, ("grounded", "low")),
        (0.5, 0.39, ("grounded", "low")),
        (0.51, 0.4, ("warm", "mid")),
        (0.6, 0.6, ("warm", "mid")),
        (0.6, 0.61, ("warm", "high")),
        (1.0, 1.0, ("warm", "high")),
    ],
)
def test_style_follows_valence_and_arousal_at_their_borders(valence, arousal, expected):
    """Voice goes by how pleasant, tempo by how lively."""
    assert style(valence, arousal) == Style(voice=expected[0], tempo=expected[1])


@pytest.mark.parametrize(
    ("stage1", "expected"),
    [
        (JOYFUL, ("joyful", "connection", "light")),
        (feeling_of("sad", invoked=("loss", "longing"), expressed=()), ("sad", "loss")),
        (feeling_of("sad", invoked=(), expressed=("tired", "flat")), ("sad", "tired")),
        (feeling_of("joyful", invoked=(), expressed=()), ("joyful",)),
        (feeling_of("joyful", invoked=("hope",), expressed=("hope",)), ("joyful", "hope")),
        (feeling_of(), ("connection", "light")),
        (feeling_of(invoked=(), expressed=()), ()),
    ],
)
def test_tags_are_the_primary_the_first_driver_and_the_first_tone(stage1, expected):
    """At most three words, none twice, none for what is not there."""
    assert tags(stage1.answer.result) == expected
    assert run(scripted(), stage1).tags == expected


@pytest.mark.parametrize(
    ("stage1", "at_risk"), [(JOYFUL, False), (JOYFUL, True), (feeling_of(), False)]
)
def test_style_is_of_this_reflection_whoever_wrote_the_text(stage1, at_risk):
    """Style and tags stand beside the text and are never in what is kept."""
    stage2 = run(scripted(), stage1, at_risk=at_risk)
    assert stage2.style == Style(voice="warm", tempo="mid")
    assert not {"style", "tags"} & set(stage2.answer.result)
