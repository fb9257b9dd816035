"""The queue beside bare django-q2: `python -m tests.benchmarks.queue`.

Latency is the time from just before a job is committed until a worker has begun it, with the queue
idle in between: ours has committed its claim by then, django-q2 is about to call its function.

Throughput is that of a backlog of jobs that do nothing. Ours go the whole way through
`run_next_job`: claim, both results found, fenced end. The cluster is up and idle before the backlog
comes, and the time runs from when all of it is there until the last job is done: ours when its row
says so, django-q2's when its monitor has saved the result and is through with the message. A third
row shows it saving nothing: then nobody knows what became of a job. Our workers go on to the next
job without waiting for its ticket; the tickets that are left are worked off afterwards and cost
nobody's time. All sides have the same command, broker and database, the same settings of both, and
a queue each. Where tickets wait in Redis, what was done while the backlog came does not count.

Sides take turns in small slices, so that the noise of the machine hits all alike: take the ratios.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.cache import machine
from tests.engines import ROOT
from tests.servers import running_postgres, running_redis

OURS = "Perfsite"
BARE = "django-q2, same settings"
UNSAVED = "django-q2, saving nothing"
DEFAULT = "django-q2, Django's defaults"
SETTINGS = {
    OURS: "perfsite.settings",
    BARE: "tests.benchmarks.bare",
    UNSAVED: "tests.benchmarks.bare_unsaved",
    DEFAULT: "tests.benchmarks.bare_default",
}
# By broker: the servers that it takes, and what it is.
BROKERS = {
    "sqlite": ((), "tickets and data in SQLite"),
    "postgresql": (("DATABASE_URL",), "tickets and data in PostgreSQL"),
    "redis": (("DATABASE_URL", "REDIS_URL"), "tickets in Redis, data in PostgreSQL"),
    "redis+sqlite": (("REDIS_URL",), "tickets in Redis, data in SQLite"),
}
SERVERS = {"DATABASE_URL": running_postgres, "REDIS_URL": running_redis}
ROUNDS = 4
LATENCIES = 25
LATENCY_GOALS_MS = {"sqlite": 120.0, "redis": 40.0}
PACE_GOALS = {BARE: 0.7, DEFAULT: 3.0}


@dataclass
class Contender:
    """A side with a broker of its own, and what was measured of it so far."""

    name: str
    folder: Path
    env: dict[str, str]
    latencies_ms: list[float] = field(default_factory=list)
    done: int = 0
    seconds: float = 0.0

    def run(self, *arguments: str) -> str:
        """Run a Python module in the side's environment and return what it prints."""
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def measure(self, number: int, jobs: int) -> None:
        """Measure one slice."""
        counts = ("--latencies", str(LATENCIES), "--jobs", str(jobs))
        stopwatch = str(self.folder / f"{number}.txt")
        found = json.loads(self.run("tests.benchmarks.queue_side", "slice", stopwatch, *counts))
        self.latencies_ms += found["latencies_ms"]
        self.done += found["done"]
        self.seconds += found["seconds"]

    def row(self) -> dict[str, float]:
        """Return what the table shows."""
        ordered = sorted(self.latencies_ms)
        return {
            "p50_ms": ordered[len(ordered) // 2],
            "p95_ms": ordered[len(ordered) * 95 // 100],
            "jobs/s": self.done / self.seconds,
        }


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200, help="in the backlog of each slice")
    parser.add_argument("--broker", nargs="+", choices=BROKERS, default=list(BROKERS))
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "brokers": {}}
    for broker in options.broker:
        found = measure(broker, options.jobs)
        report["brokers"][broker] = found
        if not options.json:
            show(broker, found)
    if options.json:
        print(json.dumps(report))
    else:
        print("\n" + "\n".join(f"{name}: {what}" for name, what in report["machine"].items()))


def measure(broker: str, jobs: int) -> dict[str, Any]:
    """Measure all sides with a broker, in turns."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        sides = list(contenders(broker, Path(folder), servers))
        for number in range(ROUNDS):
            for side in random.sample(sides, len(sides)):
                side.measure(number, jobs)
    rows = {side.name: side.row() for side in sides}
    return {"rows": rows, "goals": goals(broker, rows)}


def contenders(broker: str, folder: Path, servers: ExitStack) -> Iterator[Contender]:
    """Yield each side, with servers of its own and migrated databases."""
    names = [OURS, BARE, UNSAVED, *([DEFAULT] if broker == "sqlite" else [])]
    wanted, _ = BROKERS[broker]
    inherited = {key: value for key, value in os.environ.items() if key != "CACHE_DATABASE_URL"}
    for number, name in enumerate(names):
        own = folder / str(number)
        own.mkdir()
        env = {
            **inherited,
            "DJANGO_SETTINGS_MODULE": SETTINGS[name],
            # With 1 each statement would be kept and formatted.
            "DEBUG": "0",
            "VAR_DIR": str(own),
            "SECRET_KEY": "of the benchmark",
            "PERF_CACHE_PEPPER": "of the benchmark",
            "DATABASE_URL": f"sqlite:///{own}/perfsite.sqlite3",
            "REDIS_URL": "",
            # A port where nothing listens.
            "OLLAMA_HOST": "127.0.0.1:9",
            "LOG_LEVEL": "WARNING",
            # django-q2's, of its own defaults.
            "PYTHONWARNINGS": "ignore:Retry and timeout:UserWarning",
            **{variable: servers.enter_context(SERVERS[variable]()) for variable in wanted},
        }
        side = Contender(name, own, env)
        for database in ("default", "cache") if name == OURS else ("default",):
            side.run("django", "migrate", "--database", database, "--verbosity", "0")
        yield side


def goals(broker: str, rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each goal, what was measured and whether it was met."""
    found = []
    if broker in LATENCY_GOALS_MS:
        wanted, measured = LATENCY_GOALS_MS[broker], rows[OURS]["p95_ms"]
        found.append(
            {"goal": "p95 from enqueue to start", "bound": f"at most {wanted:g} ms"}
            | {"measured": f"{measured:.1f} ms", "met": measured <= wanted}
        )
    for rival, wanted in PACE_GOALS.items():
        if rival in rows:
            measured = rows[OURS]["jobs/s"] / rows[rival]["jobs/s"]
            found.append(
                {"goal": f"jobs/s against {rival}", "bound": f"at least {wanted:g} x"}
                | {"measured": f"{measured:.2f} x", "met": measured >= wanted}
            )
    return found


def show(broker: str, found: dict[str, Any]) -> None:
    """Print the table of one broker."""
    print(f"\n{BROKERS[broker][1]} (enqueue to start in ms)")
    print(f"{'':<30}{'p50':>10}{'p95':>10}{'jobs/s':>10}")
    for name, row in found["rows"].items():
        print(f"{name:<30}{row['p50_ms']:>10.1f}{row['p95_ms']:>10.1f}{row['jobs/s']:>10.1f}")
    for goal in found["goals"]:
        verdict = "met" if goal["met"] else "missed"
        print(f"  {goal['goal']:<48}{goal['bound']:<18}{goal['measured']:>10}  {verdict}")


if __name__ == "__main__":
    sys.exit(main())
