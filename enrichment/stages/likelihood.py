"""The model signal: a label's probability is that of its synonyms as the next word.

One prompt pass and one token tell what JSON needs a hundred tokens for. A model leans towards
some words whatever the text, so each primary's share is divided by its mean share over diary
texts, to a power; the numbers were fitted on the development half of labelled diary texts.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from enrichment.stages import wheel
from enrichment.stages.vocabulary import canonical_hash
from enrichment.stages.word_forms import LABEL_TOKENS, SECONDARY_LABEL_TOKENS, WORD_FORMS

PLAIN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "sad": "sad",
        "mad": "angry",
        "scared": "scared",
        "joyful": "happy",
        "powerful": "proud",
        "peaceful": "calm",
    }
)
"""Each primary as a person would say it."""

MEAN_SHARES: Mapping[str, float] = MappingProxyType(
    {
        "sad": 0.052,
        "mad": 0.023,
        "scared": 0.162,
        "joyful": 0.507,
        "powerful": 0.133,
        "peaceful": 0.124,
    }
)
LEAN_POWER = 0.5
CALIBRATION_HASH = canonical_hash([dict(MEAN_SHARES), LEAN_POWER])

Candidates = Iterable[tuple[str, float]]


def primary_shares(candidates: Candidates) -> Mapping[str, float] | None:
    """Return a probability for each primary; None when no candidate is a synonym of any.

    Args:
        candidates: words and their log probabilities.
    """
    shares = _shares(candidates, LABEL_TOKENS)
    if not any(shares.values()):
        return None
    levelled = {name: share / MEAN_SHARES[name] ** LEAN_POWER for name, share in shares.items()}
    total = sum(levelled.values())
    return {name: share / total for name, share in levelled.items()}


def words_below(primary: str, candidates: Candidates) -> Mapping[str, float]:
    """Return the shares of the secondaries and tertiaries under a primary that were named."""
    found: dict[str, float] = {}
    tokens = list(candidates)
    for secondary in wheel.secondaries(primary):
        found |= _shares(tokens, {secondary: SECONDARY_LABEL_TOKENS[secondary]})
        found |= _shares(
            tokens,
            {word: (word, *WORD_FORMS.get(word, ())) for word in wheel.tertiaries(secondary)},
        )
    return {word: share for word, share in found.items() if share}


def _shares(candidates: Candidates, labels: Mapping[str, Iterable[str]]) -> dict[str, float]:
    probabilities: dict[str, float] = {}
    for token, logprob in candidates:
        word = token.strip().lower()
        probabilities[word] = probabilities.get(word, 0.0) + math.exp(logprob)
    return {
        label: sum(probabilities.get(word, 0.0) for word in words)
        for label, words in labels.items()
    }
