"""One side of the queue's benchmark, in a process of its own: Django is set up once in each.

The settings say which side it is: the site, or django-q2 by itself. `slice` starts a qcluster,
waits until it is idle and prints as JSON what it measured. `cluster` is that qcluster, with a
stopwatch that hears django-q2's signals: the site's watched one, or the stock one.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.02
# By now a worker has done what it does at its start, and has given a dead Ollama up.
SETTLE_SECONDS = 2.0
# Between two jobs of which the latency is measured, in seconds; at random, so that they come at
# every phase of the broker's poll.
IDLE_SECONDS = (0.1, 0.3)

Found = TypeVar("Found")


class Stopwatch:
    """A file to which the qcluster's processes append what happened, to whom and when."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, what: str, who: object) -> None:
        # One short write to the end of a file: no process gets in another's way.
        os.write(self._file, f"{what} {who} {time.time()}\n".encode())

    def times(self, what: str) -> dict[str, float]:
        """Return when it happened (Unix seconds) to whom: a message or a process, by its id."""
        # The last line may be half there.
        whole, _, _ = self._path.read_text().rpartition("\n")
        lines = (line.split() for line in whole.splitlines())
        return {who: float(when) for word, who, when in lines if word == what}


class Side(Protocol):
    """Puts jobs that do nothing into its queue."""

    def prepare(self, count: int) -> None:
        """Write what the next jobs need to have nothing left to do."""

    def put(self) -> None:
        """Put one job into the queue."""

    def begun(self, stopwatch: Stopwatch) -> float | None:
        """Return when the last job was begun (Unix seconds), None while it is not."""

    def ended(self, stopwatch: Stopwatch) -> list[float]:
        """Return when each job ended so far: when its outcome stood in the database."""


class Perfsite:
    """A reflection that has both results already: its job is claimed, fenced and finished."""

    def __init__(self) -> None:
        from enrichment.models import Reflection

        self._ready: list[Reflection] = []

    def prepare(self, count: int) -> None:
        from enrichment.models import Reflection, StageResult

        now = timezone.now()
        made = [Reflection(text="Nothing", key_scope="site", timestamp=now) for _ in range(count)]
        common = {"result": {}, "outcome": "model", "cache": "hit", "duration_ms": 0.0}
        results = [
            StageResult(reflection=reflection, stage=stage, **common)
            for reflection in made
            for stage in (1, 2)
        ]
        with transaction.atomic():
            Reflection.objects.bulk_create(made)
            StageResult.objects.bulk_create(results)
        self._ready += made

    def put(self) -> None:
        from enrichment import jobs
        from enrichment.models.jobs import Priority

        with transaction.atomic():
            jobs.create(self._ready.pop(), priority=Priority.INTERACTIVE)
            jobs.issue_ticket()

    def begun(self, _stopwatch: Stopwatch) -> float | None:
        from enrichment.models import Job

        # The clock is read once the claim was committed, just before the job's end is.
        finished_at = Job.objects.latest("created_at").finished_at
        return finished_at and finished_at.timestamp()

    def ended(self, _stopwatch: Stopwatch) -> list[float]:
        from enrichment.models import Job

        ended = Job.objects.exclude(finished_at=None).values_list("finished_at", flat=True)
        return [moment.timestamp() for moment in ended]


class DjangoQ:
    """A function that does nothing, called by django-q2."""

    def __init__(self) -> None:
        self._last = ""

    def prepare(self, count: int) -> None:
        pass

    def put(self) -> None:
        from django_q.tasks import async_task

        self._last = async_task("tests.benchmarks.queue_side.nothing")

    def begun(self, stopwatch: Stopwatch) -> float | None:
        return stopwatch.times("begun").get(self._last)

    def ended(self, stopwatch: Stopwatch) -> list[float]:
        return list(stopwatch.times("settled").values())


def nothing() -> None:
    """Do nothing."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("slice", "cluster"))
    parser.add_argument("stopwatch", type=Path)
    parser.add_argument("--latencies", type=int, default=0, help="jobs put in one by one")
    parser.add_argument("--jobs", type=int, default=0, help="in the backlog")
    options = parser.parse_args()
    django.setup()
    if options.what == "cluster":
        run_cluster(Stopwatch(options.stopwatch))
    else:
        print(json.dumps(measure(options.stopwatch, options.latencies, options.jobs)))


def run_cluster(stopwatch: Stopwatch) -> None:
    """Run qcluster; its processes note when a worker is there, a task begins and one is settled."""
    from django_q.signals import post_execute, post_spawn, pre_execute

    def note_ready(**_signal: Any) -> None:
        stopwatch.note("ready", os.getpid())

    def note_begun(task: dict[str, Any], **_signal: Any) -> None:
        stopwatch.note("begun", task["id"])

    def note_settled(task: dict[str, Any], **_signal: Any) -> None:
        stopwatch.note("settled", task["id"])

    post_spawn.connect(note_ready)
    pre_execute.connect(note_begun)
    post_execute.connect(note_settled)
    call_command("qcluster")


def measure(path: Path, latencies: int, jobs: int) -> dict[str, Any]:
    """Return the latencies of jobs that come one by one, and the pace at which a backlog goes."""
    from django_q.signals import pre_enqueue

    own: set[str] = set()

    def remember(task: dict[str, Any], **_signal: Any) -> None:
        # The workers may issue tickets too; those don't count.
        own.add(task["id"])

    pre_enqueue.connect(remember)
    side: Side = Perfsite() if "enrichment" in settings.INSTALLED_APPS else DjangoQ()
    stopwatch = Stopwatch(path)
    side.prepare(latencies + jobs)
    with running_cluster(path):
        wait_for(lambda: len(stopwatch.times("ready")) == settings.Q_CLUSTER["workers"] or None)
        time.sleep(SETTLE_SECONDS)
        waits = [latency(side, stopwatch) for _ in range(latencies)]
        # In one transaction: where messages are rows, all of them come into sight at once.
        with transaction.atomic():
            for _ in range(jobs):
                side.put()
        filled = time.time()
        # Tickets that are left find nothing to do, but must not reach the next slice.
        wait_for(lambda: own <= stopwatch.times("settled").keys() or None)
        backlog = [moment for moment in side.ended(stopwatch) if moment > filled]
    return {"latencies_ms": waits, "done": len(backlog), "seconds": max(backlog) - filled}


def latency(side: Side, stopwatch: Stopwatch) -> float:
    """Return the milliseconds from just before a job is put in until it has been begun."""
    time.sleep(random.uniform(*IDLE_SECONDS))
    started = time.time()
    side.put()
    return (wait_for(lambda: side.begun(stopwatch)) - started) * 1000


def wait_for(look: Callable[[], Found | None]) -> Found:
    """Return what is found as soon as something is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(LOOK_SECONDS)
    return found


@contextmanager
def running_cluster(path: Path) -> Iterator[None]:
    """Run qcluster in a process session of its own, of which nothing is left afterwards."""
    command = [sys.executable, "-m", "tests.benchmarks.queue_side", "cluster", str(path)]
    log = path.with_suffix(".log")
    with log.open("a") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    main()
