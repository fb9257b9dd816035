"""One soak: a site under a mixed load, faults that happen to it, and what was measured of both."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults import chaos
from tests.faults.chaos_faults import FAULTS, Fault
from tests.faults.chaos_site import World, chaos_folder
from tests.faults.soak_load import Answer, MixedLoad
from tests.faults.soak_samples import Life, Points, Samples
from tests.faults.soak_yardstick import yardstick

# In the first part of the time processes are killed too; those that are there at its end are left
# alive, so that what leaks has the time to be seen.
KILLS_UNTIL = 1 / 3
# These take long to get over, or need more load than this.
LEFT_OUT = {
    "SIGSTOP of a busy worker, 12 s",
    "SIGSTOP of the queue past its leases",
    chaos.DISK_FULL,
    "kill -9: all workers, busy",
}
QUICK = [fault.name for fault in FAULTS if fault.name not in LEFT_OUT]
GENTLE = [name for name in QUICK if not name.startswith("kill -9")]
# In development each connection keeps its statements, up to thousands of them.
PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "a key of a site that is gone in half an hour, and that nobody else reaches",
    "PERF_CACHE_PEPPER": "a pepper of a site that is gone in half an hour",
    "DJANGO_SUPERUSER_PASSWORD": "battery horse staple",
}
# Of the hour before, as many as such an hour has. Pages show the last hour: one that begins empty
# would have more to add up every minute.
CALLS_BEFORE = 36_000
MAKE_CALLS = f"""
from datetime import timedelta
from django.utils import timezone
from tests.call_rows import many
many(timezone.now(), timedelta(hours=1), {CALLS_BEFORE})
"""
# What waited during a fault is done by then.
AFTER_SECONDS = 3.0


@dataclass(frozen=True)
class Trouble:
    """A fault, from its beginning until the site was over it, in seconds since the epoch."""

    name: str
    begins: float
    ends: float


@dataclass(frozen=True)
class Soak:
    """What was measured. Times are seconds since the epoch.

    files: sizes in MB. yardstick: what the same work took, in seconds, in a process of its own.
    """

    outcome: chaos.Outcome
    begins: float
    ends: float
    troubles: Sequence[Trouble]
    lives: Sequence[Life]
    files: dict[str, Points]
    answers: Sequence[Answer]
    yardstick: Points

    def calm(self, begins: float, ends: float) -> bool:
        """Whether no fault had to do with what happened in a time."""
        return not any(begins < one.ends and ends > one.begins for one in self.troubles)

    def answers_of(self, kind: str, *, calm: bool) -> list[Answer]:
        """Return the answers of a kind, in order, outside of faults or during them."""
        return [
            answer
            for answer in self.answers
            if answer.kind == kind and self.calm(answer.at, answer.at + answer.seconds) is calm
        ]


class ProductionWorld(World):
    """A site as in production, that was in use before."""

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Start all but the load, and end it afterwards."""
        with super().standing():
            self.site.manage("shell", "--command", MAKE_CALLS)
            yield

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **PRODUCTION}


def soak(
    broker: str,
    *,
    minutes: float,
    seed: int,
    fault_seconds: float = 25.0,
    sample_seconds: float = 5.0,
    only: list[str] | None = None,
) -> Soak:
    """Run a site for so long.

    Args:
        fault_seconds: from the beginning of one fault to that of the next.
        sample_seconds: from one look at its processes to the next.
        only: names of faults; the others are left out.
    """
    with chaos_folder() as folder:
        world = ProductionWorld(broker, folder, seed)
        with world.standing():
            load, samples = MixedLoad(world), Samples(world)
            world.load = load
            with load.going_on():
                begins = time.time()
                with samples.going_on(sample_seconds), yardstick() as measured:
                    troubles = list(_troubles(world, begins, minutes * 60, fault_seconds, only))
                ends = time.time()
                answers = list(load.answers)
                recoveries: dict[str, list[float]] = defaultdict(list)
                for trouble, recovered in troubles:
                    recoveries[trouble.name].append(recovered)
                outcome = chaos.outcome_of(world, recoveries)
    return Soak(
        outcome=outcome,
        begins=begins,
        ends=ends,
        troubles=[trouble for trouble, _ in troubles],
        lives=list(samples.lives.values()),
        files=samples.files,
        answers=sorted(answers, key=lambda answer: answer.at),
        yardstick=measured,
    )


def _troubles(
    world: World, begins: float, seconds: float, every: float, only: list[str] | None
) -> Iterator[tuple[Trouble, float]]:
    """Have one fault after the other happen; yield each, with how long the site took to recover."""
    rough = chaos.rounds(world, only or QUICK)
    gentle = chaos.rounds(world, only or GENTLE)
    due = begins + every / 2
    while due < begins + seconds:
        time.sleep(max(0.0, due - time.time()))
        due = max(due + every, time.time())
        yield _have(world, next(rough if due < begins + seconds * KILLS_UNTIL else gentle))
    time.sleep(max(0.0, begins + seconds - time.time()))


def _have(world: World, fault: Fault) -> tuple[Trouble, float]:
    world.wait_until_settled()
    begins = time.time()
    recovered = chaos.recovery_seconds(world, fault)
    world.wait_until_settled()
    return Trouble(fault.name, begins, time.time() + AFTER_SECONDS), recovered
