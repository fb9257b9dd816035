"""What a page draws: a title that states its finding, axes with units, series and markers.

Charts, tables and CSV files are made of the same object, so that they cannot disagree. It knows
nothing of colours on a screen: a series names what it means, and the style sheet says how that
looks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Unit(StrEnum):
    """What numbers are, which decides how they are written."""

    TIME = "time"  # seconds since 1970
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    SHARE = "share"  # 0 to 1
    COUNT = "count"
    PER_SECOND = "per_second"
    PER_MINUTE = "per_minute"


class Meaning(StrEnum):
    """What a series stands for; the style sheet has a colour for each."""

    GOOD = "good"
    PLAIN = "plain"
    ACCENT = "accent"
    AMISS = "amiss"
    FIRST = "series-1"
    SECOND = "series-2"
    THIRD = "series-3"
    FOURTH = "series-4"
    FIFTH = "series-5"
    SIXTH = "series-6"


# For series that are parts of a whole, in the order in which they are stacked.
PARTS = (
    Meaning.FIRST,
    Meaning.SECOND,
    Meaning.THIRD,
    Meaning.FOURTH,
    Meaning.FIFTH,
    Meaning.SIXTH,
)


class Shape(StrEnum):
    """How a series is drawn. Stacked ones stand on those before them."""

    LINE = "line"
    AREA = "area"
    STEPS = "steps"
    STACKED = "stacked"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis: what it shows, in which unit; logarithmic where values span many magnitudes."""

    label: str
    unit: Unit
    logarithmic: bool = False


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values at the picture's places; None where there is none.

    right: by the axis on the right, not the one on the left.
    """

    label: str
    values: Sequence[float | None]
    meaning: Meaning
    shape: Shape = Shape.LINE
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something at one place that explains what is seen beside it.

    until: where it ends, if it covers a stretch. tag: what stands at it, where a list that several
    pictures share says what it is.
    """

    at: float
    label: str
    kind: str
    until: float | None = None
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture. name: in addresses. title: the finding in a sentence. note: what is drawn.

    empty: what to do so that there is something to see; "" where there is.
    places: on the horizontal axis, rising.
    """

    name: str
    title: str
    note: str
    across: Axis
    up: Axis
    up_right: Axis | None = None
    places: Sequence[float] = ()
    series: Sequence[Series] = ()
    marks: Sequence[Mark] = field(default=())
    empty: str = ""

    @property
    def untagged_marks(self) -> list[Mark]:
        """The marks that are explained beside the picture itself."""
        return [mark for mark in self.marks if not mark.tag]

    def as_json(self) -> dict[str, Any]:
        """Return what the chart's script draws."""
        return asdict(self)

    def header(self) -> list[str]:
        """Return the columns' names with their units."""
        axes = [(one, self.up_right if one.right else self.up) for one in self.series]
        columns = [f"{one.label} ({_unit(axis)})" for one, axis in axes if axis is not None]
        if self.across.unit is Unit.TIME:
            return [f"{self.across.label} (UTC)", *columns]
        return [f"{self.across.label} ({_unit(self.across)})", *columns]

    def rows(self) -> Iterator[list[str | float | None]]:
        """Yield a row for each place; times as ISO 8601."""
        for number, place in enumerate(self.places):
            at: str | float = place
            if self.across.unit is Unit.TIME:
                at = datetime.fromtimestamp(place, UTC).isoformat()
            yield [at, *(one.values[number] for one in self.series)]


def _unit(axis: Axis) -> str:
    return axis.unit.replace("_", " ")
