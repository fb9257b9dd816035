"""The model signal: a label's probability is that of its synonyms as the next word.

One prompt pass and one token tell what JSON needs many tokens for. Several questions behind the
same text cost little more than one, and their mean is steadier.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from enrichment.stages import wheel
from enrichment.stages.blending import log_share, softmax
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

Candidates = Iterable[tuple[str, float]]


def primary_shares(candidates: Candidates) -> Mapping[str, float] | None:
    """Return a probability for each primary; None when no candidate is a synonym of any.

    Args:
        candidates: words and their log probabilities.
    """
    shares = _shares(candidates, LABEL_TOKENS)
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()} if total else None


def pooled(answers: Iterable[Mapping[str, float] | None]) -> Mapping[str, float] | None:
    """Return the geometric mean of several questions' answers; None when none named a feeling."""
    named = [answer for answer in answers if answer]
    if not named:
        return None
    return softmax(
        {
            name: sum(log_share(answer[name]) for answer in named) / len(named)
            for name in wheel.PRIMARIES
        }
    )


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
