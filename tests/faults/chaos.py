"""Breaks the site in every way while it works, and audits what came of each reflection.

`python -m tests.faults.chaos`, or `make chaos`: on each broker, until 200 faults happened and 2,000
jobs were done; then ends a site by SIGTERM 100 times, and submits one text 1,000 times at once.
Prints what docs/reliability.md shows, and ends with 1 where a promise is broken.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import tests.faults.cache_actors  # noqa: F401  # sets Django up for the others
from enrichment.tasks import LOST
from tests.benchmarks.cache import machine
from tests.faults import chaos_crowd, chaos_stops
from tests.faults.cache_matrix import can_mount
from tests.faults.chaos_books import Audit, audit
from tests.faults.chaos_faults import FAULTS, Fault, Kill
from tests.faults.chaos_site import BROKERS, World, chaos_folder

CALM_SECONDS = (0.3, 1.5)
# Longer than a reflection that got fallbacks twice is left alone.
DRAIN_SECONDS = 420.0
NEXT_CLAIM_SECONDS = 5.0
DISK_FULL = "disk full, 5 s"


@dataclass(frozen=True)
class Outcome:
    """One run. recoveries: seconds from each kill, or the end of each other fault, by its kind."""

    broker: str
    recoveries: dict[str, list[float]]
    audit: Audit
    inferences: int
    ideal: int
    excused: int
    wasted: list[str]
    refused_by_fence: int
    refused_by_web: int
    waiting_for_model: int
    left_behind: int
    raised: int

    @property
    def faults(self) -> int:
        return sum(map(len, self.recoveries.values()))

    def next_claims(self, kill: Kill) -> list[float]:
        """Return the seconds to the next claim after all kills of a sort."""
        of_that_sort = (fault.name for fault in FAULTS if fault.kill is kill)
        return [seconds for name in of_that_sort for seconds in self.recoveries.get(name, ())]

    @property
    def quick(self) -> bool:
        """Whether the next claim came in time after kills, at the 95th percentile."""
        return all(
            p95(times) <= NEXT_CLAIM_SECONDS
            for kill in (Kill.PART, Kill.SUPERVISOR)
            if (times := self.next_claims(kill))
        )

    @property
    def kept(self) -> bool:
        clean = self.audit.clean and not self.wasted
        return clean and not self.waiting_for_model and not self.left_behind


def p95(times: list[float]) -> float:
    """Return the 95th percentile, by the nearest rank."""
    return sorted(times)[max(0, -(-95 * len(times) // 100) - 1)]


def prove(
    broker: str,
    *,
    faults: int,
    jobs: int,
    seed: int,
    only: list[str] | None = None,
    minutes: float = 60.0,
) -> Outcome:
    """Run one site until so many faults happened to it and so many jobs were accepted.

    Args:
        only: names of faults; the others are left out.
        minutes: after which no other fault is begun.
    """
    with chaos_folder() as folder:
        world = World(broker, folder, seed)
        with world.running():
            ends_at = time.monotonic() + minutes * 60
            recoveries: dict[str, list[float]] = defaultdict(list)
            for happened, fault in enumerate(rounds(world, only), 1):
                world.wait_until_settled()
                time.sleep(world.chance.uniform(*CALM_SECONDS))
                recoveries[fault.name].append(recovery_seconds(world, fault))
                enough = happened >= faults and len(world.load.accepted) >= jobs
                if enough or time.monotonic() > ends_at:
                    break
            return outcome_of(world, recoveries)


def outcome_of(world: World, recoveries: dict[str, list[float]]) -> Outcome:
    """Have all work done, and hold what came of it against what was accepted."""
    with world.load.paused():
        waiting = _drain(world)
        found = audit(world.books, world.load.accepted, world.model.lied_to)
    model = world.model
    return Outcome(
        broker=world.broker,
        recoveries=recoveries,
        audit=found,
        inferences=model.answered.total(),
        ideal=len(model.answered),
        excused=model.excused.total(),
        wasted=model.wasted,
        refused_by_fence=world.log.number(LOST),
        refused_by_web=world.load.refused,
        waiting_for_model=waiting,
        left_behind=world.left_behind,
        raised=world.log.number("[JOB] Failed"),
    )


def rounds(world: World, only: list[str] | None) -> Iterator[Fault]:
    """Yield faults for ever: in each round all kinds, the long ones not in each, in any order."""
    possible = [
        fault
        for fault in FAULTS
        if world.broker in fault.brokers
        and (not only or fault.name in only)
        and (fault.name != DISK_FULL or can_mount())
    ]
    if not possible:
        raise ValueError(f"no fault of {only} can be had with {world.broker}")
    number = 0
    while True:
        due = [fault for fault in possible if number % fault.every == 0]
        yield from world.chance.sample(due, len(due))
        number += 1


def recovery_seconds(world: World, fault: Fault) -> float:
    """Have a fault happen, and return how long after it the site was at work again."""
    world.killed_at = None
    fault.provoke(world)
    over = time.time()
    at = world.until(lambda: fault.recovered(world, over) is not None, f"over {fault.name}")
    recovered = (fault.recovered(world, over) or at) - (world.killed_at or over)
    print(f"  {fault.name}: {recovered:.1f} s", file=sys.stderr, flush=True)
    return recovered


def _drain(world: World) -> int:
    """Wait until all is done, second tries too; return how many reflections then still wait."""
    waiting = "SELECT count(*) FROM enrichment_reflection WHERE enrich_again"
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := world.unfinished() + world.books.number(waiting)) > 0:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.5)
    return 0


def report(outcome: Outcome) -> None:
    """Print a run's tables."""
    print(f"\n| {outcome.broker}: fault | times | recovered p50 s | p95 s |\n|---|---|---|---|")
    for fault in FAULTS:
        if times := outcome.recoveries.get(fault.name):
            middle = statistics.median(times)
            print(f"| {fault.name} | {len(times)} | {middle:.1f} | {p95(times):.1f} |")
    found = outcome.audit
    print(f"\n| {outcome.broker}: all together | |\n|---|---|")
    rows = {
        "faults": outcome.faults,
        "jobs": found.reflections,
        "lost": len(found.lost),
        "stuck over 60 s": len(found.stuck),
        "committed twice": len(found.committed_twice),
        "wrong": len(found.wrong),
        "inferences, of which repeated": f"{outcome.inferences:,}, "
        f"{outcome.inferences - outcome.ideal}",
        "questions in flight at a fault, or asked during one": f"{outcome.excused:,}",
        "repeated without such a cause": len(outcome.wasted),
        "jobs that raised and were tried again": outcome.raised,
        "writes refused by the fence": outcome.refused_by_fence,
        "submissions answered by an error": outcome.refused_by_web,
        "stages left as fallbacks for lies": found.fallbacks,
        "fallbacks for outages left": outcome.waiting_for_model,
        "processes that outlived their supervisor": outcome.left_behind,
        "next claim after a kill below the supervisor": _spread(outcome.next_claims(Kill.PART)),
        "next claim after the start that follows its kill": _spread(
            outcome.next_claims(Kill.SUPERVISOR)
        ),
    }
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    problems = [*found.lost, *found.stuck, *found.committed_twice, *found.wrong, *outcome.wasted]
    for problem in problems[:40]:
        print(f"  {problem}")
    print(f"\n{'All promises kept.' if outcome.kept else '**Promises broken.**'}", flush=True)


def main() -> None:
    """Run on all brokers, or those named, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=BROKERS, action="append", help="leave the others out")
    parser.add_argument("--faults", type=int, default=200, help="at least so many")
    parser.add_argument("--jobs", type=int, default=2_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="of faults, on each broker")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, help="leave the others out")
    parser.add_argument("--stops", type=int, default=100, help="0: leave them out")
    parser.add_argument("--crowd", type=int, default=1_000, help="0: leave it out")
    options = parser.parse_args()
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    kept = _prove_brokers(options)
    kept = (not options.stops or _prove_stops(options)) and kept
    kept = (not options.crowd or _prove_crowd(options)) and kept
    sys.exit(not kept)


def _prove_brokers(options: argparse.Namespace) -> bool:
    kept = True
    for broker in options.broker or BROKERS:
        started = time.monotonic()
        outcome = prove(
            broker,
            faults=options.faults,
            jobs=options.jobs,
            seed=options.seed,
            only=options.only,
            minutes=options.minutes,
        )
        report(outcome)
        if not outcome.quick:
            print("**The next claim came too late.**", flush=True)
        print(f"Took {time.monotonic() - started:.0f} s with seed {options.seed}.", flush=True)
        kept = kept and outcome.kept and outcome.quick
    return kept


def _prove_stops(options: argparse.Namespace) -> bool:
    stops = chaos_stops.prove(options.stops, options.seed)
    in_time = sum(seconds <= chaos_stops.LONGEST_SECONDS for seconds in stops.seconds)
    print("\n| SIGTERM under load | |\n|---|---|")
    print(f"| ended within {chaos_stops.LONGEST_SECONDS:.0f} s | {in_time} of {options.stops} |")
    print(f"| how long it took | {_spread(stops.seconds)} |")
    print(f"| processes left running | {stops.left_running} |")
    print(f"| attempts charged | {stops.charged} |", flush=True)
    return in_time == options.stops and not stops.left_running and not stops.charged


def _spread(seconds: list[float]) -> str:
    if not seconds:
        return "–"
    middle, late, latest = statistics.median(seconds), p95(seconds), max(seconds)
    return f"p50 {middle:.1f} s, p95 {late:.1f} s, longest {latest:.1f} s"


def _prove_crowd(options: argparse.Namespace) -> bool:
    crowd = chaos_crowd.prove(options.crowd)
    print("\n| One text, submitted by all at once | |\n|---|---|")
    print(f"| submitted, complete | {crowd.accepted:,}, {crowd.complete:,} |")
    print(f"| inferences of Stage 1, of Stage 2 | {crowd.inferences[0]}, {crowd.inferences[1]} |")
    print(f"| different answers | {crowd.different} |")
    print(f"| all done after | {crowd.seconds:.0f} s |", flush=True)
    return (crowd.complete, crowd.different, crowd.inferences) == (options.crowd, 1, (1, 1))


if __name__ == "__main__":
    main()
