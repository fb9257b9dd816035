"""The feelings wheel as a drawing: where each word's cell lies, and which are lit. Pure geometry.

Rings from the hub to the rim hold primaries, secondaries and tertiaries. The wheel begins on its
left, so that what is pleasant lies to the right and what is activated lies high, as on the plane
of valence and arousal beside it. Lengths are units of the drawing, which is `SIZE` wide and high;
angles are degrees clockwise from the top.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians, sin

from enrichment.stages.wheel import PRIMARIES, secondaries, tertiaries

SIZE = 640
CENTRE = SIZE / 2
# Inner and outer radius of each ring. The outermost has no room for 108 words that could be read:
# the lit one is written beside its cell.
RINGS = ((18.0, 124.0), (124.0, 262.0), (262.0, 282.0))
# How far out level words stand: in the innermost ring those above and below the hub have least room
# near the vertical, those beside it near the rim. And outside of the last ring.
BESIDE_HUB, ABOVE_HUB = 76.0, 94.0
OUTSIDE = 300.0
START = 180.0


@dataclass(frozen=True, kw_only=True)
class Label:
    """A word, centred at a place and turned by degrees clockwise."""

    x: float
    y: float
    turn: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A word's part of its ring. ring: 1 to 3 from the hub; path: for an SVG's `d`.

    lit: it is on the path; near: it is of the same primary. label: None where it is not written.
    """

    word: str
    ring: int
    begins: float
    ends: float
    path: str
    lit: bool
    near: bool
    label: Label | None


@dataclass(frozen=True, kw_only=True)
class WheelDrawing:
    """All cells, the lit ones last, so that nothing is drawn over them. name: says what is lit."""

    size: int
    cells: Sequence[Cell]
    name: str


def draw_wheel(lit: Sequence[str]) -> WheelDrawing:
    """Return the wheel with a path lit.

    Args:
        lit: one to three words from the hub to the rim; none for no clear feeling.
    """
    cells = sorted(_cells(tuple(lit)), key=lambda cell: cell.lit)
    name = f"lit is {', '.join(lit)}" if lit else "nothing is lit"
    return WheelDrawing(size=SIZE, cells=cells, name=f"The feelings wheel: {name}")


def _cells(lit: tuple[str, ...]) -> Iterator[Cell]:
    width = 360 / len(PRIMARIES)
    for number, primary in enumerate(PRIMARIES):
        begins = START + number * width
        yield _cell((primary,), begins, width, lit)
        yield from _under((primary,), secondaries(primary), begins, width, lit)


def _under(
    path: tuple[str, ...], words: Sequence[str], begins: float, width: float, lit: tuple[str, ...]
) -> Iterator[Cell]:
    """Yield the cells of the words that share their parent's part of the wheel, and of theirs."""
    each = width / len(words)
    for number, word in enumerate(words):
        at = begins + number * each
        yield _cell((*path, word), at, each, lit)
        if len(path) == 1:
            yield from _under((*path, word), tertiaries(word), at, each, lit)


def _cell(path: tuple[str, ...], begins: float, width: float, lit: tuple[str, ...]) -> Cell:
    ring, is_lit = len(path), path == lit[: len(path)]
    return Cell(
        word=path[-1],
        ring=ring,
        begins=begins % 360,
        ends=begins % 360 + width,
        path=_sector(*RINGS[ring - 1], begins, begins + width),
        lit=is_lit,
        near=path[:1] == lit[:1],
        label=_label(ring, (begins + width / 2) % 360) if ring < 3 or is_lit else None,
    )


def _sector(inner: float, outer: float, begins: float, ends: float) -> str:
    """Return the outline of a part of a ring, less than half of it."""
    corners = [(outer, begins), (outer, ends), (inner, ends), (inner, begins)]
    a, b, c, d = (" ".join(map(_number, _point(*corner))) for corner in corners)
    return (
        f"M{a}A{_number(outer)} {_number(outer)} 0 0 1 {b}"
        f"L{c}A{_number(inner)} {_number(inner)} 0 0 0 {d}Z"
    )


def _label(ring: int, angle: float) -> Label:
    """Return where a word stands: level near the hub, along the radius, or along the rim.

    Turned so that no word stands on its head.
    """
    level = ABOVE_HUB - (ABOVE_HUB - BESIDE_HUB) * abs(sin(radians(angle)))
    radius = {1: level, 2: sum(RINGS[1]) / 2, 3: OUTSIDE}[ring]
    turn = {1: 0.0, 2: angle % 180 - 90, 3: (angle + 90) % 180 - 90}[ring]
    x, y = _point(radius, angle)
    return Label(x=round(x, 2), y=round(y, 2), turn=round(turn, 2))


def _point(radius: float, angle: float) -> tuple[float, float]:
    return CENTRE + radius * sin(radians(angle)), CENTRE - radius * cos(radians(angle))


def _number(value: float) -> str:
    """Write a length with as many digits as can be seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
