"""Finds the weights of the blend on labelled texts. Pure: what both signals said comes in.

A multinomial logistic regression with few parameters: one each for the model, the lexicon and the
model's polarity, and a lean for each primary. A text counts as right when any of its primaries is
found. Feelings that are reported seldom count more, or the best guess would nearly always be the
commonest one.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import mul

from enrichment.stages import wheel
from enrichment.stages.blending import (
    Weights,
    blend,
    confidence,
    evidence,
    is_determined,
    log_odds,
    logistic,
    softmax,
    strongest,
)
from enrichment.stages.scoring import Reading

FOLDS = 5
FEWEST = 10 * FOLDS
# Of which a fifth is held back each time.
FEWEST_IN_ALL = FEWEST * FOLDS // (FOLDS - 1) + 1
# At 1 each primary counts alike, however often it is reported.
RARE_COUNTS_MORE = 1.0
# How strongly a lean is drawn to 0 and the signals' parts to what is usual: some primaries have a
# handful of texts.
LEAN_PENALTY = 2.0
PART_PENALTY = 0.5
USUAL_PARTS = (1.0, 1.0, 0.5)
STEPS = 120
# The tuning takes weights from 0, leans and the offset from its negative on.
LIMIT = 10.0

Vector = list[float]
Gradient = Callable[[Vector], Vector]
"""Gives a convex loss's slopes at a point."""


class TooFew(ValueError):
    """There are too few labelled texts to fit anything on."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """What both signals said of a text, and the primaries that its writer reported.

    named: None when the model named no feeling; nothing can be fitted on such a text.
    """

    named: Mapping[str, float] | None
    heard: Mapping[str, float]
    primaries: frozenset[str]


def fit(examples: Sequence[Example]) -> Weights:
    """Return the weights that make these texts likeliest.

    Raises:
        TooFew: the model named a feeling in fewer than `FEWEST` of them.
    """
    examples = [example for example in examples if example.named]
    if len(examples) < FEWEST:
        raise TooFew(
            f"fitting takes at least {FEWEST} texts in which the model names a feeling, beside the "
            f"fifth that is held back for scoring; there are {len(examples)}"
        )
    no_leans = [0.0] * len(wheel.PRIMARIES)
    found = _least(
        _unlikeliness(examples),
        start=[*USUAL_PARTS, *no_leans],
        lowest=[0.0] * len(USUAL_PARTS) + [-LIMIT] * len(no_leans),
    )
    model, lexicon, polarity, *leans = (round(number, 3) for number in found)
    uncalibrated = Weights(
        model=model,
        lexicon=lexicon,
        polarity=polarity,
        leans=dict(zip(wheel.PRIMARIES, leans, strict=True)),
        slope=1.0,
        offset=0.0,
    )
    return _calibrated(uncalibrated, examples)


def read(example: Example, weights: Weights) -> Reading:
    """Return what a blend with these weights makes of a text."""
    shares = blend(example.named, example.heard, weights)
    sure = confidence(shares, weights)
    found = strongest(shares) if is_determined(shares, sure) else None
    return Reading(primary=found, confidence=sure)


def read_across(examples: Sequence[Example], seed: int = 0) -> list[Reading]:
    """Return a reading of each text, with weights fitted on the other folds only.

    Raises:
        TooFew: as `fit`.
    """
    places = list(range(len(examples)))
    random.Random(seed).shuffle(places)  # noqa: S311  # no secret
    readings: dict[int, Reading] = {}
    for fold in range(FOLDS):
        held_back = places[fold::FOLDS]
        others = set(places) - set(held_back)
        weights = fit([examples[place] for place in sorted(others)])
        readings |= {place: read(examples[place], weights) for place in held_back}
    return [readings[place] for place in range(len(examples))]


def _unlikeliness(examples: Sequence[Example]) -> Gradient:
    """Return the slopes of the reported primaries' negative log likelihood, with penalties.

    By the parts of model, lexicon and polarity, and by the leans.
    """
    rows = [
        (evidence(example.named or {}, example.heard), example.primaries, counts)
        for example, counts in zip(examples, _how_much_each_counts(examples), strict=True)
    ]

    def gradient(point: Vector) -> Vector:
        parts, leans = point[:3], dict(zip(wheel.PRIMARIES, point[3:], strict=True))
        slopes = [
            *(
                2 * PART_PENALTY * (part - usual)
                for part, usual in zip(parts, USUAL_PARTS, strict=True)
            ),
            *(2 * LEAN_PENALTY * lean for lean in leans.values()),
        ]
        for found, primaries, counts in rows:
            shares = softmax(
                {name: sum(map(mul, parts, found[name])) + leans[name] for name in leans}
            )
            right = sum(shares[name] for name in primaries)
            for place, (name, share) in enumerate(shares.items(), start=3):
                surplus = counts * (share - (share / right if name in primaries else 0.0))
                slopes[place] += surplus
                for part, speaks_for_it in enumerate(found[name]):
                    slopes[part] += surplus * speaks_for_it
        return slopes

    return gradient


def _how_much_each_counts(examples: Sequence[Example]) -> list[float]:
    """Return each text's weight, 1 in the mean: more for primaries that are reported seldom."""
    reported = Counter(name for example in examples for name in example.primaries)
    weights = [
        sum(reported[name] ** -RARE_COUNTS_MORE for name in example.primaries)
        / len(example.primaries)
        for example in examples
    ]
    mean = sum(weights) / len(weights)
    return [weight / mean for weight in weights]


def _calibrated(weights: Weights, examples: Sequence[Example]) -> Weights:
    """Return the weights with the line that tells a share's confidence."""
    points = []
    for example in examples:
        shares = blend(example.named, example.heard, weights)
        primary = strongest(shares)
        points.append((log_odds(shares[primary]), primary in example.primaries))

    def gradient(point: Vector) -> Vector:
        slope, offset = point
        slopes = [2 * PART_PENALTY * (slope - 1), 0.0]
        for odds, right in points:
            sure = logistic(slope * odds + offset)
            slopes[0] += (sure - right) * odds
            slopes[1] += sure - right
        return slopes

    slope, offset = _least(gradient, start=[1.0, 0.0], lowest=[0.0, -LIMIT])
    return replace(weights, slope=round(slope, 3), offset=round(offset, 3))


def _least(gradient: Gradient, start: Vector, lowest: Vector) -> Vector:
    """Return where a smooth convex loss is least, within the tuning's limits.

    Resilient propagation (Riedmiller and Braun, 1993), which needs only the gradient's signs: each
    coordinate's step grows while its sign stays, and is halved when it turns.
    """
    point, steps = list(start), [0.1] * len(start)
    before = [0.0] * len(start)
    for _ in range(STEPS):
        slopes = gradient(point)
        for place, slope in enumerate(slopes):
            turned = slope * before[place]
            if turned:
                steps[place] *= 1.2 if turned > 0 else 0.5
            step = math.copysign(steps[place], slope) if slope else 0.0
            point[place] = min(max(point[place] - step, lowest[place]), LIMIT)
        before = slopes
    return point
