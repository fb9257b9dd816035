"""Whether what was measured over time stayed flat: a run is compared with itself, later on."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# What is compared: the last fifth of the time with the second. The first is for warming up.
EARLY, LATE = (0.2, 0.4), (0.8, 1.0)


@dataclass(frozen=True)
class Comparison:
    """What a measure was early and late; None where too little was measured.

    limit: how often the early value the late one may be. slack: so much is no growth.
    excused: how much the machine itself has slowed down, if at all.
    """

    what: str
    early: float | None
    late: float | None
    limit: float
    slack: float = 0.0
    excused: float = 1.0

    @property
    def growth(self) -> float | None:
        """How often the early value the late one is."""
        return self.late / self.early if self.early and self.late is not None else None

    @property
    def flat(self) -> bool:
        """Whether it did not grow; what was not measured is not flat."""
        if self.early is None or self.late is None:
            return False
        most = self.early * self.limit * max(1.0, self.excused)
        return self.late <= max(most, self.early + self.slack)


def compare(
    what: str,
    points: Sequence[tuple[float, float]],
    *,
    limit: float,
    begins: float | None = None,
    ends: float | None = None,
    slack: float = 0.0,
    excused: float = 1.0,
    of: Callable[[Sequence[float]], float] = statistics.median,
) -> Comparison:
    """Return what a measure was in the second and in the last fifth of a time.

    Args:
        points: when, in any seconds, and how much; in order.
        begins: of that time; by default the first point's, as its end is by default the last's.
        of: what many values come to.
    """
    if not points:
        return Comparison(what, None, None, limit, slack, excused)
    first = points[0][0] if begins is None else begins
    length = (points[-1][0] if ends is None else ends) - first

    def within(part: tuple[float, float]) -> float | None:
        lower, upper = (first + share * length for share in part)
        found = [value for at, value in points if lower <= at <= upper]
        return of(found) if found else None

    return Comparison(what, within(EARLY), within(LATE), limit, slack, excused)
