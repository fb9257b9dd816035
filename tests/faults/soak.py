"""Runs the site for long under a mixed load and faults, and looks whether it stays as it was.

`python -m tests.faults.soak`, or `make soak`: for 30 minutes web apps, people and operators use a
site, something goes wrong every 25 s, and memory, handles and threads of each process, the sizes of
its files and the time that each request takes are measured. Prints what docs/reliability.md shows,
draws a picture, and ends with 1 where something grows or an answer is lost.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.cache import machine
from tests.faults import chaos
from tests.faults.chaos_site import BROKERS
from tests.faults.soak_picture import draw
from tests.faults.soak_run import Soak, soak
from tests.faults.soak_samples import MEASURES, SUPERVISOR, WEB, Life, Points
from tests.faults.soak_verdict import Comparison, compare

# One with a shorter life has not done warming up.
LIFE_SHARE = 1 / 6
# How often the early value the late one may be. A process's own memory also rises where it writes
# to pages that were shared since a fork, as counting references does.
LIMITS = {"memory": 1.15, "own memory": 1.25, "handles": 1.15, "threads": 1.15, "processor": 1.5}
LATENCY_LIMIT = 1.5
# So much more is no leak: a page of memory that was shared before, a socket that is just open.
SLACK = {"memory": 3.0, "own memory": 3.0, "handles": 3, "threads": 2, "processor": 2.0}
LATENCY_SLACK_MS = 2.0
# A log is as long as what was written between two moments without a reader.
LOG_SLACK_MB = 8.0
KINDS = ("submission", "poll", "list", "page", "overview")
YARDSTICK = "the same work"
SHOWN = ("worker 0", "worker 1", WEB, SUPERVISOR)
PERCENTILES: dict[str, Callable[[Sequence[float]], float]] = {
    "p50": statistics.median,
    "p95": chaos.p95,
}


def long_lives(found: Soak) -> list[Life]:
    """Return the processes that lived long enough to be judged, in the order of their roles."""
    least = (found.ends - found.begins) * LIFE_SHARE
    return sorted((life for life in found.lives if life.seconds > least), key=lambda one: one.role)


def of_life(life: Life) -> dict[str, Comparison]:
    """Compare each measure of a process with itself."""
    return {
        name: compare(
            f"{name} of {life.role}", life.series[name], limit=LIMITS[name], slack=SLACK[name]
        )
        for name in MEASURES
    }


def of_latencies(found: Soak, kind: str) -> dict[str, Comparison]:
    """Compare how long a kind of request took, outside of faults, with itself.

    As much as the machine itself slowed down meanwhile, the site may as well.
    """
    times = [(answer.at, answer.seconds) for answer in found.answers_of(kind, calm=True)]
    yardstick = _of_times(found, YARDSTICK, found.yardstick)
    return {
        name: replace(one, excused=yardstick[name].growth or 1.0)
        for name, one in _of_times(found, kind, times).items()
    }


def _of_times(found: Soak, what: str, times: Points) -> dict[str, Comparison]:
    return {
        name: compare(
            f"{name} of {what}",
            [(at, seconds * 1_000) for at, seconds in times],
            begins=found.begins,
            ends=found.ends,
            limit=LATENCY_LIMIT,
            slack=LATENCY_SLACK_MS,
            of=percentile,
        )
        for name, percentile in PERCENTILES.items()
    }


def broken(found: Soak) -> Iterator[str]:
    """Yield what is not as it should be, in words."""
    if not found.outcome.kept:
        yield "the books: see the table above"
    lives = long_lives(found)
    for role in SHOWN:
        if role not in {life.role for life in lives}:
            yield f"no {role} lived long enough to be judged"
    compared = [one for life in lives for one in of_life(life).values()]
    compared += [one for kind in KINDS for one in of_latencies(found, kind).values()]
    if logs := found.files.get("logs"):
        compared.append(compare("size of the logs", logs, limit=1.0, slack=LOG_SLACK_MB))
    yield from (f"{one.what}: {_told(one)}" for one in compared if not one.flat)
    for kind in sorted({answer.kind for answer in found.answers}):
        bad = [answer for answer in found.answers_of(kind, calm=True) if not answer.well]
        if bad:
            yield f"{kind}: {len(bad)} errors outside of faults"


def report(found: Soak) -> list[str]:
    """Print a run's tables; return what is not as it should be."""
    chaos.report(found.outcome)
    print(f"\n| process, minutes lived | {' | '.join(map(_headed, MEASURES))} |")
    print(f"|{'---|' * (1 + len(MEASURES))}")
    for life in long_lives(found):
        cells = " | ".join(map(_told, of_life(life).values()))
        print(f"| {life.role}, {life.seconds / 60:.0f} | {cells} |")
    print(f"\n| request | asked | errors in faults | others | p50 ms | p95 ms |\n|{'---|' * 6}")
    for kind in KINDS:
        cells = " | ".join(map(_told, of_latencies(found, kind).values()))
        calm, rough = (found.answers_of(kind, calm=calm) for calm in (True, False))
        errors = [sum(not answer.well for answer in some) for some in (rough, calm)]
        print(f"| {kind} | {len(calm) + len(rough):,} | {errors[0]} | {errors[1]} | {cells} |")
    cells = " | ".join(map(_told, _of_times(found, YARDSTICK, found.yardstick).values()))
    print(f"| {YARDSTICK} | {len(found.yardstick):,} | | | {cells} |")
    print("\n| files | MB |\n|---|---|")
    for name, points in found.files.items():
        print(f"| {name} | {_told(compare(name, points, limit=1.0))} |")
    problems = list(broken(found))
    print(f"\n{'All promises kept.' if not problems else '**Promises broken:**'}")
    for problem in problems:
        print(f"- {problem}")
    return problems


def _headed(measure: str) -> str:
    return f"{measure} {MEASURES[measure]}".strip()


def _told(one: Comparison) -> str:
    if one.early is None or one.late is None:
        return "not measured"
    digits = 0 if one.early >= 100 else 1
    growth = "" if one.growth is None else f", x {one.growth:.2f}"
    return f"{one.early:.{digits}f} → {one.late:.{digits}f}{growth}"


def main() -> None:
    """Run, print the tables and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--broker", choices=BROKERS, default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="an SVG file to be drawn")
    options = parser.parse_args()
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    found = soak(options.broker, minutes=options.minutes, seed=options.seed)
    if options.picture:
        options.picture.write_text(draw(found, SHOWN, KINDS))
    problems = report(found)
    print(f"Ran {options.minutes:g} minutes with seed {options.seed}.", flush=True)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
