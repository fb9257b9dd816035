"""Valence and arousal as a place on a plane, among those of earlier reflections. Pure geometry.

Pleasant lies to the right, activated lies high. Lengths are units of the drawing, which is `SIZE`
wide and high.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from enrichment.stages.analytics import PastReflection, affect

SIZE = 320
# Around the plane its ends are named.
MARGIN = 28
# More would be a blot, and a page that loads slowly.
MOST_DOTS = 200


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A place on the drawing."""

    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class PlaneDrawing:
    """This reflection's place and those of the ones before it. name: says both.

    The plane is a square from `begins` to `ends`; what its sides mean stands at `low` and `high`.
    """

    here: Dot | None
    earlier: Sequence[Dot]
    name: str
    size: int = SIZE
    begins: int = MARGIN
    middle: int = SIZE // 2
    ends: int = SIZE - MARGIN
    length: int = SIZE - 2 * MARGIN
    low: int = MARGIN // 2
    high: int = SIZE - MARGIN // 2


def draw_plane(content: Mapping[str, Any], history: Iterable[PastReflection]) -> PlaneDrawing:
    """Return the plane for what Stage 1 found.

    Args:
        content: Stage 1's result; without a clear feeling it has no place.
        history: earlier reflections, newest first; those without a feeling have no place.
    """
    valence, arousal = affect(content)
    places = (_dot(past.valence, past.arousal) for past in history)
    earlier = list(islice((dot for dot in places if dot), MOST_DOTS))
    here = _dot(valence, arousal)
    name = "No clear feeling has no place on the plane"
    if here:
        name = f"Valence {valence:.2f} and arousal {arousal:.2f}, on scales from 0 to 1"
    if earlier:
        name += f"; faint dots for {len(earlier)} earlier reflection{'s' * (len(earlier) > 1)}"
    return PlaneDrawing(here=here, earlier=earlier, name=name)


def _dot(valence: float | None, arousal: float | None) -> Dot | None:
    if valence is None or arousal is None:
        return None
    length = SIZE - 2 * MARGIN
    return Dot(x=round(MARGIN + valence * length, 1), y=round(SIZE - MARGIN - arousal * length, 1))
