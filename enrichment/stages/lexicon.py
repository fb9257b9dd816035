"""The lexicon signal: what a text's words alone say about the feeling in it.

VADER (Hutto and Gilbert, ICWSM 2014; the vaderSentiment package) tells pleasant from unpleasant;
our own synonyms of the wheel and situations tell which primary. A pure function of the text:
no model, no history, no clock. It hears words, not meaning: irony and who is spoken of escape it.

The numbers below are round and set by hand. On 755 labelled diary texts a search for better ones
on random halves did worse on the other halves (balanced polarity 0.867 against 0.874), so it was
not kept. The word lists were drawn up with a look at the commonest words of those same texts:
figures measured on them flatter, only texts never looked at judge the lexicon.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import MappingProxyType

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from enrichment.stages import cue_index, lexicon_cues, vocabulary, wheel
from enrichment.stages.english import ENGLISH_HASH, englishness

# One pass, one alternative per character class: linear in the text's length.
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[.!?;,:\n]")

_CLAUSE_MARKS = frozenset(".!?;,:\n")

_NEGATION_REACH = 4
"""How many words after a negator may be negated, within one clause."""

_SELF_REPORT_REACH = 3
"""How many words after "I feel" or "I was" may name the writer's own feeling."""

_BOOST_SELF_REPORT = 1.5
_BOOST_INTENSIFIED = 1.3
_BOOST_DIMINISHED = 0.7
_NEGATED = 0.6
"""Share of a negated cue's weight that its contrary gets."""

_CONTRARY: Mapping[str, str] = MappingProxyType(
    {
        "sad": "peaceful",
        "mad": "peaceful",
        "scared": "peaceful",
        "joyful": "sad",
        "powerful": "scared",
        "peaceful": "scared",
    }
)
"""Primary -> where a negated cue of it points ("not happy", "not worried any more")."""

# What VADER's compound score adds to a primary's logit, and what each contrast word adds.
_PLEASANT: Mapping[str, float] = MappingProxyType({"joyful": 1.2, "powerful": 0.8, "peaceful": 1.2})
_UNPLEASANT: Mapping[str, float] = MappingProxyType({"sad": 1.2, "mad": 1.4, "scared": 1.2})
_CONTRAST: Mapping[str, float] = MappingProxyType({"sad": 0.1, "mad": 0.2, "scared": 0.1})
_MOST_CONTRASTS = 3

_EXCLAMATION_AROUSAL = 0.03
_MOST_EXCLAMATIONS = 3

LEXICON_VERSION = "1"
"""Raise it with any change of how the words are read; the lists and weights are hashed anyway."""

LEXICON_HASH = vocabulary.canonical_hash(
    {
        "version": LEXICON_VERSION,
        "vader": version("vaderSentiment"),
        "vocabulary": vocabulary.VOCABULARY_HASH,
        "cues": cue_index.CUES_HASH,
        "english": ENGLISH_HASH,
        "affect": dict(wheel.VALENCE_AROUSAL),
        "contrary": dict(_CONTRARY),
        "pleasant": dict(_PLEASANT),
        "unpleasant": dict(_UNPLEASANT),
        "contrast": [dict(_CONTRAST), _MOST_CONTRASTS],
        "boosts": [_BOOST_SELF_REPORT, _BOOST_INTENSIFIED, _BOOST_DIMINISHED, _NEGATED],
        "reach": [_NEGATION_REACH, _SELF_REPORT_REACH],
        "exclamation": [_EXCLAMATION_AROUSAL, _MOST_EXCLAMATIONS],
    }
)
"""Part of the cache key of all that the lexicon took part in: 16 hex digits."""


@dataclass(frozen=True, kw_only=True)
class LexiconSignal:
    """What the words of one text say; all shares and scales are 0 to 1."""

    primaries: Mapping[str, float]
    """A probability for each of the six, summing to 1; uniform when nothing is known."""
    words: Mapping[str, float]
    """Weight above 0 of each secondary and tertiary that was named; a tertiary's weight counts
    for its secondary too, so the heaviest secondary is the best supported one."""
    valence: float
    """From VADER's compound score; 0.5 is neutral."""
    arousal: float
    invoked: tuple[str, ...]
    """Drivers, at most three, in alphabetical order."""
    expressed: tuple[str, ...]
    """Tones, at most three, in alphabetical order."""
    events: tuple[str, ...]
    """Events, at most three, in alphabetical order."""
    evidence: int
    """How many words of the text were cues, VADER's included."""
    english: float
    """How sure we are that the text is English."""


@dataclass(slots=True)
class _Tally:
    """Sums over one text, filled token by token."""

    primaries: dict[str, float]
    words: dict[str, float]
    drivers: dict[str, float]
    tones: dict[str, float]
    events: dict[str, float]
    arousal_sum: float = 0.0
    weight_sum: float = 0.0

    def add(self, target: str, weight: float, *, negated: bool) -> None:
        """Count a cue, or its contrary when it was negated."""
        path = wheel.find(target) or ()
        if negated:
            path = (_CONTRARY[path[0]],)
            weight *= _NEGATED
        self.primaries[path[0]] += weight
        self.arousal_sum += weight * wheel.affect(path)[1]
        self.weight_sum += weight
        for word in path[1:]:
            self.words[word] += weight
        if len(path) > 1:
            for driver in vocabulary.USUAL_DRIVERS[path[1]]:
                self.drivers[driver] += weight
            for tone in vocabulary.USUAL_TONES[path[1]]:
                self.tones[tone] += weight


@cache
def _vader() -> SentimentIntensityAnalyzer:
    """The analyser, made at first use: it reads its word list from disk."""
    return SentimentIntensityAnalyzer()


def _strength(tokens: Sequence[str], position: int, *, self_report: bool) -> float:
    """Return by how much its surroundings change a feeling word's weight."""
    before = tokens[max(0, position - 2) : position]
    strength = _BOOST_SELF_REPORT if self_report else 1.0
    if any(token in lexicon_cues.DIMINISHERS for token in before):
        return strength * _BOOST_DIMINISHED
    if any(token in lexicon_cues.INTENSIFIERS for token in before):
        return strength * _BOOST_INTENSIFIED
    return strength


def _scan(tokens: Sequence[str]) -> tuple[_Tally, set[int], int]:
    """Walk once over the tokens.

    Returns:
        The tally, the positions that were cues, and the number of contrast words.
    """
    tally = _Tally(
        primaries=dict.fromkeys(wheel.PRIMARIES, 0.0),
        words=defaultdict(float),
        drivers=defaultdict(float),
        tones=defaultdict(float),
        events=defaultdict(float),
    )
    cue_positions: set[int] = set()
    contrasts = 0
    negated_until = reported_until = position = 0
    while position < len(tokens):
        token = tokens[position]
        contrasts += token in lexicon_cues.CONTRASTS
        phrase = cue_index.phrase_at(tokens, position)
        if phrase is not None:
            length, word = phrase
            if word is not None:
                tally.add(word, cue_index.WEIGHT_WHEEL, negated=position < negated_until)
                cue_positions.add(position)
            position += length
            continue
        if token in _CLAUSE_MARKS or token in lexicon_cues.CLAUSE_STARTERS:
            negated_until = reported_until = position
        elif cue_index.is_negator(token):
            negated_until = position + 1 + _NEGATION_REACH
        elif token in lexicon_cues.FEELING_VERBS or (
            token in lexicon_cues.SELF_WAS
            and position
            and tokens[position - 1] in lexicon_cues.SELF_PRONOUNS
        ):
            reported_until = position + 1 + _SELF_REPORT_REACH
        if _count(tally, tokens, position, position < negated_until, position < reported_until):
            cue_positions.add(position)
        position += 1
    return tally, cue_positions, contrasts


def _count(
    tally: _Tally, tokens: Sequence[str], position: int, negated: bool, self_report: bool
) -> bool:
    """Count one token's cues and labels; true when it said something about a feeling."""
    form = cue_index.known_form(tokens[position])
    if form is None:
        return False
    for event in cue_index.EVENTS.get(form, ()):
        tally.events[event] += 1.0
    if form in lexicon_cues.SELF_REPORT_ONLY and not self_report:
        return False
    if not negated:
        for driver in cue_index.DRIVERS.get(form, ()):
            tally.drivers[driver] += cue_index.WEIGHT_STRONG
        for tone in cue_index.TONES.get(form, ()):
            tally.tones[tone] += cue_index.WEIGHT_STRONG
    cues = cue_index.CUES.get(form, ())
    for cue in cues:
        if cue.weight >= cue_index.WEIGHT_WHEEL:
            strength = _strength(tokens, position, self_report=self_report)
            tally.add(cue.target, cue.weight * strength, negated=negated)
        elif not negated:
            tally.add(cue.target, cue.weight, negated=False)
    return bool(cues)


def _top(scores: Mapping[str, float]) -> tuple[str, ...]:
    """Return the heaviest labels in alphabetical order; equal weights go by the alphabet too."""
    ranked = sorted(scores, key=lambda label: (-round(scores[label], 6), label))
    return tuple(sorted(ranked[: vocabulary.MAX_LABELS]))


def _distribution(sums: Mapping[str, float], compound: float, contrasts: int) -> dict[str, float]:
    """Return the six probabilities from the cues' sums and VADER's compound score."""
    logits = {
        primary: math.log1p(sums[primary])
        + _PLEASANT.get(primary, 0.0) * max(compound, 0.0)
        + _UNPLEASANT.get(primary, 0.0) * max(-compound, 0.0)
        + _CONTRAST.get(primary, 0.0) * min(contrasts, _MOST_CONTRASTS)
        for primary in wheel.PRIMARIES
    }
    peak = max(logits.values())
    shares = {primary: math.exp(logit - peak) for primary, logit in logits.items()}
    total = sum(shares.values())
    return {primary: share / total for primary, share in shares.items()}


def _arousal(tally: _Tally, exclamations: int) -> float:
    """Return the cues' mean arousal, drawn to the middle when they are few."""
    mean = (0.5 + tally.arousal_sum) / (1.0 + tally.weight_sum)
    return round(min(1.0, mean + _EXCLAMATION_AROUSAL * min(exclamations, _MOST_EXCLAMATIONS)), 4)


def _uniform() -> dict[str, float]:
    return dict.fromkeys(wheel.PRIMARIES, 1.0 / len(wheel.PRIMARIES))


SILENT = LexiconSignal(
    primaries=MappingProxyType(_uniform()),
    words=MappingProxyType({}),
    valence=0.5,
    arousal=0.5,
    invoked=(),
    expressed=(),
    events=(),
    evidence=0,
    english=0.0,
)
"""The signal of a text in a language that the lexicon does not know."""


def read(text: str) -> LexiconSignal:
    """Return the lexicon's signal for any text, an empty one included.

    Runs in time linear in the text's length; some 20 ms for 5,000 characters of prose, of which
    VADER takes four fifths.
    """
    tokens = _TOKEN.findall(text.lower().replace("’", "'"))
    words = [token for token in tokens if token not in _CLAUSE_MARKS]
    tally, cue_positions, contrasts = _scan(tokens)
    vader = _vader()
    compound: float = vader.polarity_scores(text)["compound"]
    others = sum(
        token in vader.lexicon
        for position, token in enumerate(tokens)
        if position not in cue_positions
    )
    # An emoji or emoticon is no token of ours but moves VADER's score.
    evidence = len(cue_positions) + others or int(compound != 0.0)
    primaries = _distribution(tally.primaries, compound, contrasts) if evidence else _uniform()
    return LexiconSignal(
        primaries=MappingProxyType(primaries),
        words=MappingProxyType(
            {word: round(tally.words[word], 4) for word in wheel.WORDS if word in tally.words}
        ),
        valence=round((compound + 1.0) / 2.0, 4),
        arousal=_arousal(tally, text.count("!")) if evidence else 0.5,
        invoked=_top(tally.drivers),
        expressed=_top(tally.tones),
        events=_top(tally.events),
        evidence=evidence,
        english=englishness(text, words, lambda word: _is_known(word, vader.lexicon)),
    )


def _is_known(word: str, vader_words: Iterable[str]) -> bool:
    return word in vader_words or cue_index.known_form(word) is not None
