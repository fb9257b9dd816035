"""Which language a text is in, and what a score of it is worth for that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.inference.messages import ModelIdentity
from enrichment.stages import language, lexicon
from enrichment.stages.language import (
    FOREIGN_FACTOR,
    LANGUAGES,
    NOT_ENGLISH,
    NOT_LEGIBLE,
    PARTLY_ENGLISH,
    SURE,
    Language,
    detect,
    hear,
    trust,
)
from enrichment.stages.prompts import FeelingQuestion
from tests.languages import ENGLISH, FOREIGN, HINGLISH, MIXED, NO_WORDS, NOISE
from tests.unit.enrichment.scripted import ASKING


def of(text: str) -> Language:
    return detect(text, lexicon.read(text).english)


# Detection


def test_detect_takes_no_english_for_another_language():
    """One word, slang, typos, names, lower case, emoji: all 60 are English."""
    assert [text for text in ENGLISH if of(text).detected != "en"] == []


def test_detect_names_almost_every_foreign_sentence_and_none_wrongly():
    """At least 108 of 114 in 19 languages; of the others it says that it can't tell."""
    named = {text: (code, of(text).detected) for code in FOREIGN for text in FOREIGN[code]}
    wrong = [told for told in named.values() if told[1] not in {told[0], "und"}]
    right = [told for told in named.values() if told[1] == told[0]]

    assert wrong == []
    assert len(right) >= 108


def test_detect_takes_no_hindi_in_latin_letters_for_english_or_another():
    """Most of it is named; what is not is left open."""
    found = [of(text).detected for text in HINGLISH]
    assert set(found) <= {"hi-Latn", "und"}
    assert found.count("hi-Latn") >= 5


@pytest.mark.parametrize("text", MIXED[:3])
def test_detect_english_with_a_foreign_phrase_is_english_but_less_sure(text):
    """A phrase of another language lowers the confidence and no more."""
    found = of(text)
    assert found.detected == "en"
    assert SURE <= found.confidence < 0.9
    assert hear(text, "en", "ollama").trust.warning == PARTLY_ENGLISH


@pytest.mark.parametrize("text", NO_WORDS)
def test_detect_text_without_words_has_no_language(text):
    """Emoji, numbers, dots and addresses are in no language."""
    assert of(text) == Language(detected="zxx", confidence=0.0)


@pytest.mark.parametrize("text", NOISE)
def test_detect_noise_is_no_language(text):
    """Letters at random are not taken for a language that happens to look like them."""
    assert of(text).detected == "und"


@given(st.text(max_size=300) | st.text("aeioun \t.ßñ\x01\x7f\ufffe😭\u202eअंक", max_size=100))
@settings(max_examples=300, deadline=None)
def test_detect_any_text_gives_one_of_the_closed_list_each_time(text):
    """No text raises, and the same text is always in the same language."""
    found = of(text)
    assert found.detected in LANGUAGES
    assert 0 <= found.confidence <= 1
    assert of(text) == found


def test_detect_longest_text_of_any_kind():
    """5,000 characters of one sign are no trouble."""
    for sign in ("a", "喜", "ñ ", "\u0301", "😭", "x7 "):
        assert of(sign * (5000 // len(sign))).detected in LANGUAGES


# What it is worth


EN = Language(detected="en", confidence=1.0)
ES = Language(detected="es", confidence=0.98)
UND = Language(detected="und", confidence=0.0)
ZXX = Language(detected="zxx", confidence=0.0)


@pytest.mark.parametrize(
    ("found", "declared", "engine", "factor", "by_words", "warning"),
    [
        (EN, "en", "embedded", 1.0, True, ""),
        (EN, "en-GB", "ollama", 1.0, True, ""),
        (Language(detected="en", confidence=0.58), "en", "ollama", 0.58, True, PARTLY_ENGLISH),
        (ES, "en", "embedded", 0.0, False, NOT_ENGLISH),
        (ES, "es", "lexicon", 0.0, False, NOT_ENGLISH),
        (ES, "en", "ollama", FOREIGN_FACTOR, False, NOT_ENGLISH),
        (EN, "es", "embedded", 0.0, False, NOT_ENGLISH),
        (EN, "pt-BR", "ollama", FOREIGN_FACTOR, False, NOT_ENGLISH),
        (UND, "en", "ollama", 0.0, True, NOT_LEGIBLE),
        (UND, "sw", "ollama", FOREIGN_FACTOR, False, NOT_ENGLISH),
        (UND, "sw", "embedded", 0.0, False, NOT_ENGLISH),
        (EN, "eng", "embedded", 1.0, True, ""),
        (EN, "und", "embedded", 1.0, True, ""),
        (ZXX, "en", "ollama", 0.0, True, NOT_LEGIBLE),
        (ZXX, "es", "ollama", 0.0, True, NOT_LEGIBLE),
    ],
)
def test_trust_in_a_score_follows_what_can_be_read(
    found, declared, engine, factor, by_words, warning
):
    """English counts in full; another language for half where the model may know it, and for
    nothing where it does not; what no language is in has no feeling.
    """
    said = trust(found, declared=declared, engine=engine)
    assert (said.factor, said.by_words, said.warning) == (factor, by_words, warning)


@pytest.mark.parametrize("text", ["Die Nacht war lang und hell", "El pain es sad mad para mí hoy"])
def test_hear_lexicon_is_silent_where_foreign_words_look_english(text):
    """ "Die" is an article, "hell" is bright: no such word counts as a feeling."""
    assert hear(text, "en", "ollama").signal == lexicon.SILENT


def test_key_follows_how_languages_are_told(monkeypatch):
    """Another library, list or limit makes old scores misses."""
    question = FeelingQuestion(
        text="A day",
        language="en",
        scope="site",
        model=ModelIdentity(name="m", digest="", engine="ollama"),
        **ASKING,
    )
    before = question.params
    monkeypatch.setattr(language, "LANGUAGE_HASH", "another")
    assert question.params != before
