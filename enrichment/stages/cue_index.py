"""Look-ups for the lexicon: token to cues, labels and phrases, and simple inflections.

Built once at import from the word lists; every look-up is a whole token, so that "no" is never
found in "know".
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enrichment.stages import label_cues, lexicon_cues, vocabulary, wheel

WEIGHT_WHEEL = 1.0
WEIGHT_GENERIC = 0.35
WEIGHT_STRONG = 0.6
WEIGHT_MILD = 0.25


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or primary of the wheel that a token points to, and how strongly."""

    target: str
    weight: float


def _cue_index() -> dict[str, tuple[Cue, ...]]:
    """Token -> the cues it gives; a name of a feeling outweighs what the situations say."""
    index: dict[str, tuple[Cue, ...]] = {}
    forms = {**vocabulary.PRIMARY_FORMS, **vocabulary.WORD_FORMS}
    for word in wheel.WORDS:
        for form in (word, *forms.get(word, ())):
            generic = form in lexicon_cues.GENERIC
            index[form] = (Cue(word, WEIGHT_GENERIC if generic else WEIGHT_WHEEL),)
    named = frozenset(index)
    for table, weight in (
        (lexicon_cues.STRONG_SITUATIONS, WEIGHT_STRONG),
        (lexicon_cues.MILD_SITUATIONS, WEIGHT_MILD),
    ):
        for primary, tokens in table.items():
            for token in tokens:
                if token not in named:
                    index[token] = (*index.get(token, ()), Cue(primary, weight))
    return index


def _label_index(table: Mapping[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Token -> the labels it points to, in the table's order."""
    index: dict[str, tuple[str, ...]] = {}
    for label, tokens in table.items():
        for token in tokens:
            index[token] = (*index.get(token, ()), label)
    return index


def _phrase_index() -> dict[str, list[tuple[tuple[str, ...], str | None]]]:
    """First token -> (phrase, what it points to or None), longest phrase first."""
    index: dict[str, list[tuple[tuple[str, ...], str | None]]] = defaultdict(list)
    rows: list[tuple[str, str | None]] = [
        (phrase, word) for word, phrases in lexicon_cues.PHRASES.items() for phrase in phrases
    ]
    rows += [(phrase, None) for phrase in lexicon_cues.HARMLESS_NEGATIONS]
    for phrase, word in rows:
        tokens = tuple(phrase.split())
        index[tokens[0]].append((tokens, word))
    for phrases in index.values():
        phrases.sort(key=lambda row: (-len(row[0]), row[0]))
    return dict(index)


CUES = _cue_index()
_PHRASES = _phrase_index()
DRIVERS = _label_index(label_cues.DRIVER_CUES)
TONES = _label_index(label_cues.TONE_CUES)
EVENTS = _label_index(label_cues.EVENT_CUES)
_KNOWN = frozenset(CUES) | frozenset(DRIVERS) | frozenset(TONES) | frozenset(EVENTS)


_ENDINGS = (
    ("'s", ""), ("iness", "y"), ("ily", "y"), ("iest", "y"), ("ier", "y"), ("ies", "y"),
    ("ied", "y"), ("ness", ""), ("ly", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"),
    ("es", ""), ("s", ""),
)  # fmt: skip


def known_form(token: str) -> str | None:
    """Return the listed word that a token is or is a simple inflection of."""
    if token in _KNOWN:
        return token
    for ending, replacement in _ENDINGS:
        if not token.endswith(ending):
            continue
        stem = token[: -len(ending)]
        candidates = [stem + replacement]
        if not replacement and len(stem) > 3 and stem[-1] == stem[-2]:
            candidates.append(stem[:-1])
        for base in candidates:
            if len(base) > 2 and base in _KNOWN and base not in lexicon_cues.EXACT:
                return base
    return None


def is_negator(token: str) -> bool:
    return token in lexicon_cues.NEGATORS or token.endswith("n't")


def phrase_at(tokens: Sequence[str], start: int) -> tuple[int, str | None] | None:
    """Return the length of the longest phrase that begins here and its wheel word, if any."""
    for phrase, word in _PHRASES.get(tokens[start], ()):
        if tuple(tokens[start : start + len(phrase)]) == phrase:
            return len(phrase), word
    return None


CUES_HASH = vocabulary.canonical_hash(
    {
        "weights": [WEIGHT_WHEEL, WEIGHT_GENERIC, WEIGHT_STRONG, WEIGHT_MILD],
        "endings": _ENDINGS,
        "phrases": {word: list(rows) for word, rows in lexicon_cues.PHRASES.items()},
        "harmless": lexicon_cues.HARMLESS_NEGATIONS,
        "strong": dict(lexicon_cues.STRONG_SITUATIONS),
        "mild": dict(lexicon_cues.MILD_SITUATIONS),
        "grammar": [
            sorted(words)
            for words in (
                lexicon_cues.EXACT,
                lexicon_cues.SELF_REPORT_ONLY,
                lexicon_cues.GENERIC,
                lexicon_cues.NEGATORS,
                lexicon_cues.CLAUSE_STARTERS,
                lexicon_cues.INTENSIFIERS,
                lexicon_cues.DIMINISHERS,
                lexicon_cues.FEELING_VERBS,
                lexicon_cues.SELF_WAS,
                lexicon_cues.SELF_PRONOUNS,
                lexicon_cues.CONTRASTS,
            )
        ],
        "labels": [
            {label: sorted(words) for label, words in table.items()}
            for table in (label_cues.DRIVER_CUES, label_cues.TONE_CUES, label_cues.EVENT_CUES)
        ],
    }
)
"""Over every list and weight that the look-ups are built from."""
