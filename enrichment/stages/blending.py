"""Puts what the lexicon heard and what the model named together into one distribution.

A weighted geometric mean, so that a primary that either signal finds very unlikely stays unlikely;
then each primary's lean, for a model and word lists name some feelings too readily. How often the
strongest primary is right, is told from its share by a logistic curve (Platt, "Probabilistic
Outputs for Support Vector Machines", 1999). The numbers are fitted on labelled texts (`fitting`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import mul

from enrichment.stages import wheel
from enrichment.stages.vocabulary import canonical_hash

# A model reports 20 candidates only; what is not among them is unlikely, not impossible.
FLOOR = 0.01
# A generated label is one word without a probability. Small models were right about half the time,
# and the rest is anybody's guess; how far to trust it is for the fitted weights to say.
LABEL_SHARE = 0.5
# Below this share no primary stands out from the other five (1/6 each where nothing is known).
LEAST_SHARE = 0.2
# Below this confidence a primary is wrong three times of four, and better not named.
LEAST_CONFIDENCE = 0.25


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How the signals are put together.

    model, lexicon: of the logarithm of each primary's share. polarity: of the model's verdict on
    pleasant or unpleasant, on top of that. leans: by primary, added to its score. slope, offset: of
    the line from the greatest share's log-odds to those of being right.
    """

    model: float
    lexicon: float
    polarity: float
    leans: Mapping[str, float]
    slope: float
    offset: float

    @property
    def hash(self) -> str:
        """Return 16 hex digits over all that shapes a blend."""
        limits = [FLOOR, LABEL_SHARE, LEAST_SHARE, LEAST_CONFIDENCE]
        parts = [self.model, self.lexicon, self.polarity, self.slope, self.offset]
        return canonical_hash([limits, parts, dict(self.leans)])


Evidence = tuple[float, float, float]
"""Of model, lexicon and the model's polarity, for one primary."""


def evidence(named: Mapping[str, float], heard: Mapping[str, float]) -> dict[str, Evidence]:
    """Return what speaks for each primary, as logarithms."""
    pleasant = sum(named[name] for name in wheel.PLEASANT)
    verdict = log_odds(pleasant) / 2
    return {
        name: (
            log_share(named[name]),
            log_share(share),
            verdict if name in wheel.PLEASANT else -verdict,
        )
        for name, share in heard.items()
    }


def blend(
    named: Mapping[str, float] | None, heard: Mapping[str, float], weights: Weights
) -> Mapping[str, float]:
    """Return a probability for each primary, summing to 1.

    Args:
        named: the model's distribution; None when it named no feeling, so that the lexicon decides,
            less surely, and without the leans, most of which are the model's.
        heard: the lexicon's distribution.
    """
    if named is None:
        return softmax({name: weights.lexicon * log_share(share) for name, share in heard.items()})
    parts = (weights.model, weights.lexicon, weights.polarity)
    return softmax(
        {
            name: sum(map(mul, parts, found)) + weights.leans[name]
            for name, found in evidence(named, heard).items()
        }
    )


def strongest(shares: Mapping[str, float]) -> str:
    """Return the primary with the greatest share."""
    return max(shares, key=lambda name: shares[name])


def confidence(shares: Mapping[str, float], weights: Weights) -> float:
    """Return how probably the strongest primary is right, 0 to 1."""
    return logistic(weights.slope * log_odds(max(shares.values())) + weights.offset)


def is_determined(shares: Mapping[str, float], sure: float) -> bool:
    """Return whether a primary stands out, and is sure enough to be named.

    Args:
        sure: the confidence, after what the text's language takes from it.
    """
    return max(shares.values()) >= LEAST_SHARE and sure >= LEAST_CONFIDENCE


def log_share(share: float) -> float:
    return math.log(share + FLOOR)


def softmax(scores: Mapping[str, float]) -> dict[str, float]:
    peak = max(scores.values())
    raw = {name: math.exp(score - peak) for name, score in scores.items()}
    total = sum(raw.values())
    return {name: share / total for name, share in raw.items()}


def log_odds(share: float) -> float:
    bounded = min(max(share, FLOOR), 1 - FLOOR)
    return math.log(bounded / (1 - bounded))


def logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))
