"""The lexicon: whole words, negation, legal signals for any text, the same on every run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.stages import lexicon, vocabulary, wheel

ROOT = Path(__file__).parents[4]
PIECES = st.sampled_from(
    ["not", "never", "don't", "happy", "sad", "I", "feel", "can't wait", ",", ".", "very", "no"]
)


def top(text: str) -> str:
    """The most likely primary."""
    primaries = lexicon.read(text).primaries
    return max(primaries, key=lambda primary: primaries[primary])


def assert_legal(signal: lexicon.LexiconSignal) -> None:
    assert tuple(signal.primaries) == wheel.PRIMARIES
    assert sum(signal.primaries.values()) == pytest.approx(1.0)
    assert all(share > 0 for share in signal.primaries.values())
    assert set(signal.words) <= set(wheel.WORDS) - set(wheel.PRIMARIES)
    assert all(weight > 0 for weight in signal.words.values())
    for ratio in (signal.valence, signal.arousal, signal.english):
        assert 0 <= ratio <= 1
    for labels, allowed in (
        (signal.invoked, vocabulary.DRIVERS),
        (signal.expressed, vocabulary.TONES),
        (signal.events, vocabulary.EVENTS),
    ):
        assert len(labels) <= 3
        assert list(labels) == sorted(set(labels))
        assert set(labels) <= set(allowed)
    assert signal.evidence >= 0


# No deadline: the first call reads VADER's word list from disk.
@settings(deadline=None)
@given(text=st.text(max_size=5000))
def test_read_any_unicode_text_gives_a_legal_signal(text):
    """No text, however odd, breaks the signal or leaves its ranges and lists."""
    assert_legal(lexicon.read(text))


@settings(deadline=None)
@given(pieces=st.lists(PIECES, max_size=60))
def test_read_any_mix_of_cue_words_gives_a_legal_signal(pieces):
    """Stacked negations, phrases and clause marks stay within the ranges."""
    assert_legal(lexicon.read(" ".join(pieces)))


@pytest.mark.parametrize("text", ["", "   ", "12345", "zxcv qwrt", "今日は", "\x00\ud800"])
def test_read_text_without_cues_is_uniform(text):
    """Nothing known is said as such, not as a first child of a list."""
    signal = lexicon.read(text)

    assert set(signal.primaries.values()) == {1 / 6}
    assert (signal.evidence, signal.valence, signal.arousal) == (0, 0.5, 0.5)
    assert (signal.words, signal.invoked, signal.expressed, signal.events) == ({}, (), (), ())


@pytest.mark.parametrize(
    ("text", "primary"),
    [
        ("I'm feeling grateful for my sister today", "joyful"),
        ("I feel so lonely since she moved away", "sad"),
        ("My boss yelled at me and I am furious", "mad"),
        ("I'm worried about the exam tomorrow", "scared"),
        ("So proud that I finished my first marathon", "powerful"),
        ("A quiet evening, I felt calm and content", "peaceful"),
        ("I can't wait for the trip", "joyful"),
        ("I am fed up with this traffic", "mad"),
        ("We were laughing all evening", "joyful"),
        ("It was frustratingly slow", "mad"),
    ],
)
def test_read_plain_feeling_names_its_primary(text, primary):
    """Named feelings, inflected or in a set phrase, lead to their primary."""
    assert top(text) == primary


def test_read_named_feeling_weighs_its_word_and_its_secondary():
    """A tertiary's weight counts for its secondary too."""
    words = lexicon.read("I'm feeling grateful for my sister today").words

    assert set(words) == {"cheerful", "grateful"}
    assert words["cheerful"] == words["grateful"]


@pytest.mark.parametrize(
    "text",
    [
        "not happy",
        "I am not happy",
        "I don't feel very happy",
        "never felt happy here",
        "I am not so happy",
    ],
)
def test_read_negated_joy_is_not_joyful(text):
    """A negator within reach turns a pleasant word round."""
    signal = lexicon.read(text)

    assert top(text) == "sad"
    assert signal.expressed == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("I don't feel lonely any more", "lonely"),
        ("I'm no longer angry", "angry"),
        ("I was not worried at all", "worried"),
    ],
)
def test_read_negated_distress_does_not_name_it(text, word):
    """What is denied is not among the words, and the pleasant side leads."""
    assert word not in lexicon.read(text).words
    assert top(text) in {"joyful", "powerful", "peaceful"}


@pytest.mark.parametrize(
    "text",
    [
        "I'm not only happy but proud",
        "I have never been so happy",
        "I don't know him, I am happy",
        "It was not easy but I am happy",
    ],
)
def test_read_negator_that_reaches_nothing_leaves_joy_alone(text):
    """Set phrases and clause ends stop a negation."""
    assert top(text) == "joyful"


@pytest.mark.parametrize(
    ("text", "same_without"),
    [
        ("I know happy people", "I see happy people"),
        ("someone happy", "everyone happy"),
        ("the notable happy day", "the famous happy day"),
    ],
)
def test_read_negator_inside_another_word_does_not_count(text, same_without):
    """The "no" in "know" negates nothing."""
    assert lexicon.read(text).primaries == lexicon.read(same_without).primaries


@pytest.mark.parametrize("text", ["the made table", "a crossword", "saddle and madras", "scarf"])
def test_read_feeling_inside_another_word_does_not_count(text):
    """Cues match whole words only."""
    assert lexicon.read(text).evidence == 0


def test_read_ambiguous_word_counts_only_as_self_report():
    """ "Close" is a feeling after "I feel", not in "close to home"."""
    assert "close" in lexicon.read("I feel close to her").words
    assert "close" not in lexicon.read("The shop is close to home").words


def test_read_intensifier_raises_and_diminisher_lowers_the_weight():
    """How much is heard as well as what."""
    plain, very, slightly = (
        lexicon.read(text).words["anxious"]
        for text in ("we got anxious", "we got very anxious", "we got slightly anxious")
    )

    assert slightly < plain < very


def test_read_valence_is_vaders_on_a_scale_of_0_to_1():
    """Pleasant is above a half, unpleasant below, on one scale."""
    assert lexicon.read("What a wonderful day").valence > 0.7
    assert lexicon.read("What a terrible day").valence < 0.3


def test_read_arousal_tells_fury_from_calm():
    """Arousal follows the words, not valence."""
    assert lexicon.read("I am furious!").arousal > 0.6
    assert lexicon.read("I am calm").arousal < 0.45


def test_read_events_and_labels_are_found_by_whole_words():
    """Events come from the closed list, alphabetically, by words and not by parts of words."""
    signal = lexicon.read("Dinner with my mother after work")

    assert signal.events == ("family", "food", "work")
    assert lexicon.read("categorical dogma").events == ()


def test_read_labels_hold_no_word_of_the_crisis():
    """A wish to die is never read as self-acceptance or strength; the risk check decides."""
    signal = lexicon.read("I want to kill myself")

    assert signal.invoked == ()
    assert top("I want to kill myself") not in {"joyful", "powerful", "peaceful"}


@pytest.mark.parametrize(
    "text",
    [
        "I went to the shop and then we had dinner at home",
        "Grateful",
        "The house was so quiet, someone else had left",
        "I'm sad",
    ],
)
def test_read_english_text_is_taken_for_english(text):
    """Ordinary English words and words that other languages share do not raise doubt."""
    assert lexicon.read(text).english > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "Je suis très triste aujourd'hui",
        "Hoy estoy muy feliz con mi familia",
        "Ich bin heute sehr müde und traurig",
        "Aaj main bahut khush hoon",
        "आज मैं बहुत खुश हूँ",
        "今日は嬉しい",
    ],
)
def test_read_other_language_is_not_taken_for_english(text):
    """Other alphabets and other languages in Latin letters are told apart."""
    assert lexicon.read(text).english < 0.3


def test_read_text_without_words_leaves_the_language_open():
    """Emoji alone are neither English nor not, and still move the valence."""
    signal = lexicon.read("😊😊")

    assert signal.english == 0.5
    assert signal.valence > 0.5
    assert signal.evidence == 1


def test_read_same_text_gives_the_same_signal_for_any_hash_seed():
    """Order never depends on a set's iteration: cached answers agree between processes."""
    program = (
        "from enrichment.stages import lexicon, vocabulary\n"
        "s = lexicon.read('Proud, tired and worried: my sister and I argued at work, "
        "then we laughed together over dinner and I felt hopeful')\n"
        "print(s.primaries, s.words, s.invoked, s.expressed, s.events, lexicon.LEXICON_HASH,"
        " vocabulary.VOCABULARY_HASH)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "42")
    }

    assert len(outputs) == 1


@pytest.mark.parametrize("piece", ["happy not ", "a'", "ing", "!", "never been so ", "but ", "é́"])
def test_read_longest_text_takes_no_more_than_linear_time(piece):
    """No piece repeated to 5,000 characters makes the reading blow up."""
    text = (piece * 5000)[:5000]
    lexicon.read(text)

    started = time.process_time()
    lexicon.read(text)

    # A quadratic reading takes many seconds; linear ones stay under 0.1 s on a slow machine.
    assert time.process_time() - started < 1.0


def test_lexicon_hash_is_16_hex_digits():
    """The hash fits into a cache key."""
    assert len(lexicon.LEXICON_HASH) == 16
    assert set(lexicon.LEXICON_HASH) <= set("0123456789abcdef")
