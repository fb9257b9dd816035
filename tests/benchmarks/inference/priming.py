"""The first call after a worker's start against its tenth, over several fresh starts.

Each start has a new process of the model (on a host that is not ours: the model is unloaded) and a
new one of the worker, which does what a worker does before its first job. The texts of the first
and the tenth call change places from start to start, so that neither has the shorter ones. Beside
it stands the first call of a worker that did nothing at its start.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from enrichment.inference.intervals import speed_up
from tests.benchmarks.inference.first_calls import STAGES
from tests.benchmarks.inference.report import Cell, Section, Table, at_most
from tests.engines import ROOT

CALLS = 10
# A tenth call differs from a ninth by as much.
FIRST_OVER_TENTH = 1.1

FreshHost = Callable[[], AbstractContextManager[str]]


def priming(fresh_host: FreshHost, texts: Sequence[str], starts: int) -> Section:
    """Measure the first and the tenth call of each stage.

    Args:
        fresh_host: a host without anything in its prompt cache; its URL.
        texts: as many as there are calls.
    """
    first, *between, last = texts[:CALLS]
    primed: list[dict[str, list[float]]] = []
    unprimed: list[dict[str, list[float]]] = []
    for number in range(starts):
        ends = (last, first) if number % 2 else (first, last)
        with fresh_host() as url:
            primed.append(_calls(url, [ends[0], *between, ends[1]]))
        with fresh_host() as url:
            unprimed.append(_calls(url, [ends[0]], "--unprimed"))
    rows: dict[str, dict[str, Cell]] = {}
    goals = []
    for stage, name in zip(STAGES, ("Stage 1", "Stage 2"), strict=True):
        firsts, tenths = ([found[stage][place] for found in primed] for place in (0, -1))
        ratio = speed_up(firsts, tenths)
        rows[name] = {
            "first, nothing done": statistics.median(found[stage][0] for found in unprimed),
            "first": statistics.median(firsts),
            "second": statistics.median(found[stage][1] for found in primed),
            "tenth": statistics.median(tenths),
            "first over tenth": ratio,
        }
        goals.append(at_most(f"first call over tenth, {name}", FIRST_OVER_TENTH, ratio))
    return Section(
        tables=(Table(title="median seconds after a worker's start", rows=rows),),
        goals=goals,
        notes=(f"{starts} starts; 1.1 x is what two calls differ by anyhow",),
    )


def _calls(url: str, texts: Sequence[str], *options: str) -> dict[str, list[float]]:
    """Return the seconds of each stage's calls in a new worker process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.inference.first_calls", *options],
        cwd=ROOT,
        env={**os.environ, "OLLAMA_HOST": url},
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found
