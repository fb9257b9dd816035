"""What a section of the benchmark found: tables, goals and notes; for people and as JSON."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from enrichment.inference.intervals import Interval, speed_up
from tests.benchmarks.inference.sides import Turn

Cell = Interval | float | int | str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows by what they are of; each has its cells by what they are."""

    title: str
    rows: Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What was asked for, and what was measured."""

    goal: str
    bound: str
    measured: Interval
    met: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """All that one section found. notes: what must be known to read it."""

    tables: Sequence[Table]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()


def at_least(goal: str, wanted: float, measured: Interval, unit: str = " x") -> Goal:
    """Return a goal that holds for values from a bound on."""
    met = measured.value >= wanted
    return Goal(goal=goal, bound=f"at least {wanted:g}{unit}", measured=measured, met=met)


def at_most(goal: str, wanted: float, measured: Interval) -> Goal:
    """Return a goal that holds for values up to a bound."""
    met = measured.value <= wanted
    return Goal(goal=goal, bound=f"at most {wanted:g} x", measured=measured, met=met)


def durations(turns: Mapping[str, Sequence[Turn]]) -> Table:
    """Return how long each side took, and what its replies were worth."""
    rows: dict[str, dict[str, Cell]] = {}
    for name, taken in turns.items():
        usable = sum(turn.named.answered and turn.written.answered for turn in taken)
        cut = sum(turn.named.cut + turn.written.cut for turn in taken)
        rows[name] = {
            "stage 1": statistics.median(turn.stage1 for turn in taken),
            "stage 2": statistics.median(turn.stage2 for turn in taken),
            "both": statistics.median(turn.both for turn in taken),
            "1 usable": share(turn.named.answered for turn in taken),
            "2 usable": share(turn.written.answered for turn in taken),
            "s per usable": sum(turn.both for turn in taken) / usable if usable else "none usable",
            "cut": cut,
        }
    return Table(title="median seconds, and shares of usable replies", rows=rows)


def faster(
    before: Sequence[Turn], after: Sequence[Turn], stages: Sequence[str] = ()
) -> dict[str, Interval]:
    """Return how many times as fast a side was as another, by stage."""
    return {
        name.replace("stage", "stage "): speed_up(
            [getattr(turn, name) for turn in before], [getattr(turn, name) for turn in after]
        )
        for name in stages or ("stage1", "stage2", "both")
    }


def share(hits: Iterable[bool]) -> float:
    """Return the share of hits, 0 to 1."""
    return statistics.fmean(hits)


def show(section: Section) -> None:
    """Print a section."""
    for table in section.tables:
        heads = list(dict.fromkeys(head for row in table.rows.values() for head in row))
        widths = [
            max(len(head), *(len(_cell(row.get(head, ""))) for row in table.rows.values())) + 2
            for head in heads
        ]
        first = max(map(len, (table.title, *table.rows)))
        columns = list(zip(heads, widths, strict=True))
        print(f"{table.title:<{first}}" + "".join(f"{head:>{width}}" for head, width in columns))
        for name, row in table.rows.items():
            cells = "".join(f"{_cell(row.get(head, '')):>{width}}" for head, width in columns)
            print(f"{name:<{first}}{cells}")
        print()
    for goal in section.goals:
        verdict = "met" if goal.met else "missed"
        print(f"  {goal.goal:<48}{goal.bound:<16}{goal.measured!s:>24}  {verdict}")
    for note in section.notes:
        print(f"  {note}")


def _cell(cell: Cell) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.4f}" if 0 < cell < 0.1 else f"{cell:.2f}"
