"""How sure a measured ratio is: bootstrap intervals over rounds. Pure.

Rounds are paired, because both sides of a round met the same noise of the machine. Percentile
bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value, and the 95 % interval around it."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def speed_up(before: Sequence[float], after: Sequence[float], *, seed: int = 1) -> Interval:
    """Return how many times as fast `after` is: the median over the rounds of before / after.

    Args:
        before, after: durations above 0 of the same rounds in the same order; one at least.
    """
    ratios = [old / new for old, new in zip(before, after, strict=True)]
    draw = random.Random(seed)  # noqa: S311  # nothing secret
    medians = sorted(
        statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    last = RESAMPLES - 1
    return Interval(
        value=statistics.median(ratios),
        low=medians[round(0.025 * last)],
        high=medians[round(0.975 * last)],
    )
