"""Stage 1 with a scripted model and a cache in a dict: outcomes, what is kept and what is not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.errors import HostUnreachable, InferenceError
from enrichment.stages import vocabulary, wheel
from enrichment.stages.analytics import PastReflection, Streaks
from enrichment.stages.answers import Outcome
from enrichment.stages.blending import Weights
from enrichment.stages.hybrid_scorer import HybridScorer, Stage1
from enrichment.stages.language import NOT_ENGLISH
from enrichment.stages.model_signal import NO_LABEL
from enrichment.stages.prompts import FEELING_ENDINGS
from tests.languages import NO_WORDS, NOISE
from tests.schemas import assert_stage1
from tests.unit.enrichment.scripted import (
    ASKING,
    BROKEN,
    IDENTITY,
    OUTAGES,
    TTL_SECONDS,
    WEIGHTS,
    DictCache,
    ScriptedModel,
    feeling,
    strings,
)

TEXT = "I was so happy and grateful to see my sister today"
AT = datetime(2026, 1, 31, 8, 30, tzinfo=ZoneInfo("Europe/Berlin"))
JOYFUL = feeling(happy=-0.5, sad=-3.0)
GRATEFUL = feeling(grateful=-0.4, sad=-2.0)


def scripted(first=JOYFUL, finer=None, **more) -> ScriptedModel:
    """A model that says the first to each question for the primary, then the finer word's."""
    questions = (first,) * len(FEELING_ENDINGS)
    if finer is None:
        finer = GRATEFUL if first is JOYFUL else first
    return ScriptedModel(candidates=(*questions, finer), **more)


def weights(**changes) -> Weights:
    return replace(WEIGHTS, **changes)


def scorer_of(model, cache=None, **changes) -> HybridScorer:
    given_ = {"scope": "owner:ada", **ASKING} | changes
    return HybridScorer(model, DictCache() if cache is None else cache, **given_)


def enrich(model, text=TEXT, cache=None, **changes) -> Stage1:
    return scorer_of(model, cache, **changes).enrich(text, (), AT)


def assert_legal(stage1: Stage1) -> None:
    """Hold a Stage 1 to its closed lists and ranges."""
    content = stage1.answer.result
    assert_stage1(content)
    assert content["undetermined"] == (not stage1.path)
    assert json.loads(json.dumps(content)) == content


# The model's answers


def test_score_of_a_new_text_is_the_models_and_kept():
    """Lexicon and model agree: a whole path, outcome model, a miss that is stored."""
    cache = DictCache()
    stage1 = enrich(scripted(), cache=cache)

    assert_legal(stage1)
    assert stage1.path == ("joyful", "cheerful", "grateful")
    answer = stage1.answer
    assert (answer.outcome, answer.cache, answer.stored) == (Outcome.MODEL, "miss", True)
    assert (answer.engine, answer.model) == (IDENTITY.engine, IDENTITY.name)
    assert cache.entries == {answer.key: answer.result}
    assert not answer.retry_later
    assert not answer.raw_reply
    assert not answer.result["warnings"]


def test_score_asks_for_the_primary_and_then_below_the_winner():
    """Questions of one token each, the last about the primary that both signals chose."""
    model = scripted()
    enrich(model)
    *for_primary, finer = (request.prompt for request in model.generated)
    assert [prompt.rpartition("feel? ")[2] for prompt in for_primary] == [*FEELING_ENDINGS]
    assert finer.endswith("The writer feels happy. More exactly, the writer feels")
    assert not model.chatted


def test_score_of_a_known_text_equals_what_was_stored_and_asks_nobody():
    """A hit is the stored answer, with its age, and the model is left alone."""
    cache, model = DictCache(), scripted()
    cold = enrich(model, cache=cache)
    asked = model.asked

    warm = enrich(model, cache=cache)

    assert model.asked == asked
    assert warm.answer.result == cold.answer.result
    assert (warm.answer.cache, warm.answer.key) == ("hit", cold.answer.key)
    assert (warm.answer.age_seconds, warm.answer.ttl_seconds) == (5, TTL_SECONDS)
    assert warm.answer.outcome == Outcome.MODEL


@pytest.mark.parametrize("same", [f"  {TEXT}\n", TEXT.replace(" ", "\u00a0 ")])
def test_score_of_the_same_words_in_other_white_space_is_a_hit(same):
    """What reads the same is the same text."""
    cache, model = DictCache(), scripted()
    enrich(model, cache=cache)
    assert enrich(model, same, cache).answer.cache == "hit"


@pytest.mark.parametrize("other", [TEXT.upper(), f"{TEXT}!", TEXT.replace("happy", "glad")])
def test_score_of_other_words_case_or_marks_is_a_miss(other):
    """Case and punctuation carry feeling."""
    cache, model = DictCache(), scripted()
    enrich(model, cache=cache)
    assert enrich(model, other, cache).answer.cache == "miss"


@pytest.mark.parametrize(
    "changes", [{"scope": "owner:bob"}, {"num_ctx": 2048}, {"weights": weights(model=0.5)}]
)
def test_score_under_another_scope_or_option_is_a_miss(changes):
    """Nobody learns from a hit that somebody else wrote the same words."""
    cache = DictCache()
    enrich(scripted(), cache=cache)
    assert enrich(scripted(), cache=cache, **changes).answer.cache == "miss"


def test_score_names_both_signals_and_the_engine():
    """The provenance shows what the lexicon heard and what the model named, each a distribution."""
    provenance = enrich(scripted()).answer.result["provenance"]
    signals = provenance["signals"]
    assert set(signals["lexicon"]) == set(signals["model"]) == set(wheel.PRIMARIES)
    assert sum(signals["model"].values()) == pytest.approx(1, abs=1e-3)
    assert (provenance["digest"], provenance["method"]) == (IDENTITY.digest, "likelihood")


@pytest.mark.parametrize("silent", [feeling(purple=-0.1), (("", -0.2), ("!", -1.0))])
def test_score_without_a_synonym_among_the_candidates_is_the_lexicons_with_a_warning(silent):
    """The model answered and named no feeling: its outcome, the lexicon's primary, kept."""
    cache = DictCache()
    stage1 = enrich(scripted(silent), cache=cache)

    assert_legal(stage1)
    assert stage1.path[0] == "joyful"
    assert stage1.answer.outcome == Outcome.MODEL
    assert stage1.answer.result["warnings"] == [NO_LABEL]
    assert stage1.answer.result["provenance"]["signals"]["model"] is None
    assert list(cache.entries.values()) == [stage1.answer.result]


def test_score_without_any_candidates_is_a_fallback_that_is_never_stored():
    """A host that reports no probabilities has not taken part, and asking it again won't help."""
    cache = DictCache()
    answer = enrich(scripted(()), cache=cache).answer
    assert answer.outcome == Outcome.FALLBACK
    assert (answer.reason, answer.retry_later) == ("InvalidReply", False)
    assert cache.entries == {}


def test_score_with_one_silent_question_is_that_of_the_others():
    """An answer that ended at once is no failure while the other questions were answered."""
    answers = [JOYFUL] * len(FEELING_ENDINGS)
    answers[1] = ()
    stage1 = enrich(ScriptedModel(candidates=(*answers, GRATEFUL)))
    assert stage1.answer.outcome == Outcome.MODEL
    assert stage1.path == ("joyful", "cheerful", "grateful")


def test_score_by_a_host_without_probabilities_asks_it_once():
    """Its first answer tells; the other questions would fare no better."""
    model = scripted(())
    enrich(model)
    assert len(model.generated) == 1


def test_score_without_candidates_below_stops_at_what_the_text_names():
    """The finer question ended at once: that is no support for a word, and no failure."""
    stage1 = enrich(scripted(JOYFUL, ()), "What a happy happy day it was!")
    assert_legal(stage1)
    assert stage1.answer.outcome == Outcome.MODEL
    assert stage1.path == ("joyful",)


def test_score_with_all_weight_on_the_model_follows_it():
    """The weights are in force: the model alone overrules the lexicon, the lexicon alone it."""
    sad = feeling(sad=-0.1)
    assert enrich(scripted(sad), weights=weights(lexicon=0.0)).path[0] == "sad"
    deaf = weights(model=0.0, polarity=0.0)
    assert enrich(scripted(sad), weights=deaf).path[0] == "joyful"


def test_score_of_a_text_without_a_clear_feeling_is_undetermined():
    """No signal is no finding, never the first word of a list; it is an answer and kept."""
    model, cache = scripted(feeling(purple=-0.1)), DictCache()
    stage1 = enrich(model, "The box is on the table", cache)

    assert_legal(stage1)
    assert stage1.path == ()
    assert stage1.answer.result["undetermined"] is True
    assert stage1.answer.outcome == Outcome.MODEL
    assert len(cache.entries) == 1
    assert len(model.generated) == len(FEELING_ENDINGS)


SPANISH = "Por fin aprobé el examen, no me lo puedo creer, qué alegría tan grande."


def test_score_of_another_language_is_the_models_alone_at_half_its_confidence():
    """A model that may know the language is believed by half; no English word list has a say."""
    likely = feeling(happy=-0.01, sad=-6.0)
    stage1 = enrich(scripted(likely, GRATEFUL), SPANISH)

    assert_legal(stage1)
    content = stage1.answer.result
    assert content["language"]["detected"] == "es"
    assert content["warnings"] == [NOT_ENGLISH]
    assert stage1.path[0] == "joyful"
    assert stage1.path == ("joyful", "cheerful", "grateful")
    assert 0.25 <= content["confidence"] <= 0.5
    assert len(set(content["provenance"]["signals"]["lexicon"].values())) == 1


def test_score_of_another_language_by_the_embedded_model_is_undetermined():
    """It finds nearly everything unpleasant that is no English, so it is not asked further."""
    model = scripted(who=replace(IDENTITY, engine="embedded"))
    stage1 = enrich(model, SPANISH)

    assert_legal(stage1)
    assert stage1.path == ()
    assert stage1.answer.result["confidence"] == 0
    assert stage1.answer.result["warnings"] == [NOT_ENGLISH]
    assert len(model.generated) == len(FEELING_ENDINGS)


def test_fallback_for_another_language_is_undetermined():
    """The lexicon alone does not know it either, and says so."""
    stage1 = enrich(scripted(HostUnreachable("away")), SPANISH)

    assert_legal(stage1)
    assert stage1.path == ()
    assert stage1.answer.result["warnings"] == ["no model took part", NOT_ENGLISH]


def test_score_of_a_text_that_is_sent_as_another_language_follows_the_sender():
    """Short texts look like English at times; who names another language is believed."""
    stage1 = scorer_of(scripted()).enrich("No", (), AT, "es")

    assert NOT_ENGLISH in stage1.answer.result["warnings"]
    assert stage1.answer.result["language"]["detected"] == "en"


@pytest.mark.parametrize("engine", ["embedded", "ollama"])
@pytest.mark.parametrize("text", [*NO_WORDS, *NOISE, "x7 " * 1600])
def test_score_of_no_words_is_undetermined_however_sure_the_model_is(text, engine):
    """Emoji, numbers, dots and letters at random show no feeling that could be named."""
    model = scripted(feeling(happy=-0.01, sad=-6.0), who=replace(IDENTITY, engine=engine))
    stage1 = enrich(model, text)

    assert_legal(stage1)
    assert stage1.path == ()
    assert stage1.answer.result["confidence"] == 0


# Without the model


@pytest.mark.parametrize("trouble", [*OUTAGES, *BROKEN], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["identity", "first", "second"])
def test_score_without_an_answer_is_a_marked_fallback_that_is_never_stored(trouble, where):
    """The lexicon stands in, says so, is kept nowhere; only an outage is worth another try."""
    cache = DictCache()
    model = {
        "identity": scripted(who=trouble),
        "first": scripted(trouble),
        "second": scripted(JOYFUL, trouble),
    }[where]

    stage1 = enrich(model, cache=cache)

    assert_legal(stage1)
    answer = stage1.answer
    assert stage1.path[0] == "joyful"
    assert (answer.outcome, answer.cache, answer.key) == (Outcome.FALLBACK, "bypass", "")
    assert (answer.engine, answer.model, answer.stored) == ("lexicon", "", False)
    assert answer.retry_later is (trouble in OUTAGES)
    assert answer.reason == type(trouble).__name__
    assert answer.raw_reply == getattr(trouble, "raw", "")
    assert answer.result["warnings"][0] == "no model took part"
    assert answer.result["provenance"]["engine"] == "lexicon"
    assert cache.entries == {}


def test_score_after_an_outage_is_the_models_again():
    """A fallback leaves nothing behind that could be taken for an answer."""
    cache = DictCache()
    enrich(scripted(HostUnreachable("away")), cache=cache)
    assert enrich(scripted(), cache=cache).answer.outcome == Outcome.MODEL


@pytest.mark.parametrize("trouble", OUTAGES + BROKEN, ids=lambda error: type(error).__name__)
def test_score_without_model_and_cue_is_undetermined(trouble):
    """All signals gone: that is no feeling, not sad."""
    stage1 = enrich(scripted(trouble), "The box is on the table")
    assert stage1.path == ()
    assert stage1.answer.outcome == Outcome.FALLBACK
    assert stage1.context.streaks == Streaks(writing_days=1, pleasant_days=0, unpleasant_days=0)


def test_score_of_a_known_text_is_served_while_questions_fail():
    """What is cached needs no model but its name."""
    cache = DictCache()
    enrich(scripted(), cache=cache)
    answer = enrich(scripted(HostUnreachable("away")), cache=cache).answer
    assert (answer.outcome, answer.cache) == (Outcome.MODEL, "hit")


def test_score_lets_a_fault_of_ours_through():
    """What is no trouble of the model is no fallback: it must be seen."""
    with pytest.raises(ZeroDivisionError):
        enrich(scripted(ZeroDivisionError()))


def test_key_is_that_of_the_answer_and_none_while_no_model_is_known():
    """Who forgets a text knows its entry, also where no result was written."""
    cache = DictCache()
    stage1 = enrich(scripted(), cache=cache)
    assert scorer_of(scripted(), cache).key(f" {TEXT}", "en") == stage1.answer.key
    assert scorer_of(scripted(who=HostUnreachable("away")), cache).key(TEXT, "en") == ""


def test_peek_finds_what_enrich_stored_and_asks_nobody():
    """Looking whether a text is cached makes no question."""
    cache, model = DictCache(), scripted()
    scorer = scorer_of(model, cache)
    assert scorer.peek(TEXT, "en", IDENTITY) is None
    assert model.asked == 0
    stage1 = scorer.enrich(TEXT, (), AT)
    asked = model.asked
    assert scorer.peek(f" {TEXT} ", "en", IDENTITY).value == stage1.answer.result
    assert scorer.peek(TEXT, "de", IDENTITY) is None
    assert model.asked == asked


# Content and context

HISTORY = [PastReflection(at=AT - timedelta(hours=3), valence=0.1, arousal=0.9)]


@given(
    at=st.datetimes(
        min_value=datetime(1970, 2, 1),  # noqa: DTZ001  # the zone comes with `timezones`
        max_value=datetime(2199, 1, 1),  # noqa: DTZ001
        timezones=st.timezones(),
    ),
    valences=st.lists(st.floats(0, 1), max_size=4),
)
@settings(deadline=None, max_examples=40)  # the first call reads a word list
def test_content_of_a_text_does_not_depend_on_clock_or_history(at, valences):
    """The same words are the same key and the same content at any hour, after any history."""
    cache = DictCache()
    scorer = scorer_of(scripted(), cache)
    now = at.astimezone(UTC)  # a zone's own clock may jump within these hours
    history = [
        PastReflection(at=now - timedelta(hours=n + 1), valence=valence, arousal=valence)
        for n, valence in enumerate(valences)
    ]

    here, there = scorer.enrich(TEXT, HISTORY, AT), scorer.enrich(TEXT, history, at)

    assert there.answer.cache == "hit"
    assert there.answer.result == here.answer.result
    assert there.answer.key == here.answer.key
    assert there.context.averages[0].count == len(valences)


def test_context_is_the_reflections_own():
    """Phase and averages come from the time stamp and the history given, also on a hit."""
    cache = DictCache()
    scorer = scorer_of(scripted(), cache)
    scorer.enrich(TEXT, (), AT)
    stage1 = scorer.enrich(TEXT, HISTORY, AT.replace(hour=22))
    assert stage1.context.phase == "night"
    assert stage1.context.averages[0].valence == 0.1
    assert scorer.enrich(TEXT, (), AT.astimezone(UTC)).context.hour_local == 7.5


def test_context_is_about_the_feeling_that_was_found():
    """The day of a pleasant text is pleasant, on a hit and without a model too."""
    cache = DictCache()
    scorer = scorer_of(scripted(), cache)
    for stage1 in (
        scorer.enrich(TEXT, (), AT),
        scorer.enrich(TEXT, (), AT),
        scorer_of(scripted(who=HostUnreachable("away")), cache).enrich(TEXT, (), AT),
    ):
        assert stage1.answer.result["valence"] > 0.5
        assert stage1.context.streaks.pleasant_days == 1


# Any text

LABELS = sorted({word for words in vocabulary.LABEL_TOKENS.values() for word in words})
CANDIDATES = st.lists(
    st.tuples(st.sampled_from(LABELS) | st.text(max_size=6), st.floats(max_value=0)), max_size=20
).map(tuple)
SCRIPTS = st.lists(
    CANDIDATES | st.sampled_from(OUTAGES + BROKEN), min_size=1, max_size=2
).map(tuple)  # fmt: skip
CUES = ["happy", "sad", "not", "very", "lonely", "proud", "!", ".", "worried", "calm", "angry"]
TEXTS = st.text(max_size=200) | st.lists(st.sampled_from(CUES), max_size=30).map(" ".join)


@given(text=TEXTS, candidates=SCRIPTS, weight=st.floats(0, 10))
@settings(deadline=None)
def test_score_of_any_text_stays_in_its_ranges_and_lists(text, candidates, weight):
    """Whatever is written and whatever the model names, the content is legal and plain JSON."""
    stage1 = enrich(scripted(*candidates), text, weights=weights(model=weight))
    assert_legal(stage1)


@given(before=TEXTS, after=TEXTS, candidates=SCRIPTS)
@settings(deadline=None)
def test_score_of_any_text_holds_no_word_of_it(before, after, candidates):
    """A made-up word is in neither result, context nor the key's parameters; only in the prompt."""
    text = f"{before} zyxgrobble {after} Zyxgrobble!"
    cache, model = DictCache(), scripted(*candidates)

    stage1 = enrich(model, text, cache)

    kept = [stage1.answer.result, stage1.answer.reason, stage1.answer.key, repr(stage1.context)]
    kept += [params for _, params in cache.looked_up]
    assert not any("zyxgrobble" in word.lower() for word in strings(kept))
    assert all("zyxgrobble" in request.prompt for request in model.generated)


@given(text=TEXTS, candidates=SCRIPTS)
@settings(deadline=None, max_examples=50)
def test_score_of_any_text_is_stored_exactly_when_it_is_the_models(text, candidates):
    """Fallbacks never reach the cache, and the model's answers do."""
    cache = DictCache()
    answer = enrich(scripted(*candidates), text, cache).answer
    assert answer.outcome in {Outcome.MODEL, Outcome.FALLBACK}
    assert (answer.outcome == Outcome.MODEL) == bool(cache.entries)


def test_every_error_of_the_model_is_told_from_an_outage_or_a_bad_answer():
    """A new kind of trouble must be sorted before it decides whether to try again."""
    assert {type(error) for error in OUTAGES + BROKEN} == set(InferenceError.__subclasses__())
