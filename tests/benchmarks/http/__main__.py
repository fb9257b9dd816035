"""The API under load: `python -m tests.benchmarks.http`.

One server, one run, one token: a submission whose both stages are cached beside a view that does
nothing under the same authentication and throttles. Sides take turns in short rounds, so that the
noise of the machine hits both alike. Then the submission at 80 % of what it reached, for its
latencies; and beside clients that poll a finished reflection conditionally, once a second each.
Commits are durable, as in production. The model is a scripted one; it is not asked any more then.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.benchmarks.cache import machine
from tests.benchmarks.http.load import Answers, Message, as_fast_as_possible, at_rate, message
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin

CONNECTIONS = 8
POLLERS = 200
TEXT = {"text": "I am feeling grateful for my sister today"}
REFLECTIONS = "/api/v1/reflections/"
# Each feeling has three texts, the others made ahead.
VARIANTS = 3


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A site in which the text is cached, and the requests to it."""

    site: Site
    hit: Message
    empty: Message
    polls: list[Message]

    def memory(self) -> int:
        """Return the bytes in memory of the site's processes."""
        return sum(process.memory_info().rss for process in self.site.family())


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a round (default: 5)")
    parser.add_argument("--rounds", type=int, default=4, help="of each side (default: 4)")
    options = parser.parse_args()
    with prepared() as bench:
        for name, value in machine().items():
            print(f"{name:<10}{value}")
        print()
        hit, empty = side_by_side(bench, options.seconds, options.rounds)
        paced = at_load(bench, 0.8 * hit.rate, options.seconds * options.rounds)
        polls = beside_polls(bench, options.seconds, options.rounds)
    goals = judged(hit, empty, paced, *polls)
    print(table(hit, empty, paced, *polls[:3]), "", *goals, sep="\n")
    if any(goal.endswith("MISSED") for goal in goals):
        sys.exit(1)


@contextmanager
def prepared() -> Iterator[Bench]:
    """Start a site and have it cache what is asked for."""
    with (
        tempfile.TemporaryDirectory() as directory,
        standin() as script,
        running_site(
            Path(directory),
            "--no-engine",
            OLLAMA_HOST=script.url,
            DJANGO_SETTINGS_MODULE="tests.benchmarks.http.settings",
            # As in production: with DEBUG Django notes each statement.
            DEBUG="0",
            SECRET_KEY="of the benchmark, the same all the time",
            PERF_CACHE_PEPPER="of the benchmark as well, and another",
            THROTTLE_SUBMISSION="100000000/min",
            THROTTLE_READ="100000000/min",
            LOG_LEVEL="WARNING",
        ) as site,
        site.client("enrich:run", "enrich:read") as client,
    ):
        token = client.headers["Authorization"].removeprefix("Bearer ")
        finished = warm_up(client)
        where = f"{site.url}{REFLECTIONS}"
        body = json.dumps(TEXT).encode()
        yield Bench(
            site=site,
            hit=message("POST", where, token, body),
            empty=message("POST", f"{site.url}/empty/", token, body),
            polls=[poll(client, f"{where}{each}/", token) for each in finished],
        )


def warm_up(client: httpx.Client) -> list[str]:
    """Submit the text until all of it is cached; return the ids of some that are finished."""
    answer = client.post(REFLECTIONS, json=TEXT)
    wait_until_finished(client, answer.headers["Location"])
    finished, numbers = [], set()
    while len(numbers) < VARIANTS:
        body = client.post(REFLECTIONS, json=TEXT).raise_for_status().json()
        wait_until_finished(client, f"{REFLECTIONS}{body['id']}/")
        if body["status"] == "complete":
            numbers.add(body["stage2"]["variant"]["number"])
            finished.append(body["id"])
        time.sleep(0.1)
    return finished


def poll(client: httpx.Client, url: str, token: str) -> Message:
    """Return the conditional request of who has seen a reflection."""
    tag = client.get(url).headers["ETag"]
    return message("GET", url, token, headers=[("If-None-Match", tag)])


def side_by_side(bench: Bench, seconds: float, rounds: int) -> tuple[Answers, Answers]:
    """Return how a cached submission and the empty view do, in turns."""
    hit, empty = Answers(), Answers()
    for request in (bench.hit, bench.empty):
        asyncio.run(as_fast_as_possible(request, CONNECTIONS, 1.0))
    for _ in range(rounds):
        for request, answers in ((bench.empty, empty), (bench.hit, hit)):
            answers.add(asyncio.run(as_fast_as_possible(request, CONNECTIONS, seconds)))
    return hit, empty


def at_load(bench: Bench, rate: float, seconds: float) -> Answers:
    """Return how a cached submission does at a steady rate."""
    return asyncio.run(at_rate([bench.hit], rate, 4 * CONNECTIONS, seconds))


def beside_polls(
    bench: Bench, seconds: float, rounds: int
) -> tuple[Answers, Answers, Answers, list[int]]:
    """Return submissions alone, beside clients that poll, these polls, and bytes of memory."""
    alone, beside, polled = Answers(), Answers(), Answers()
    memory = [bench.memory()]

    async def both() -> tuple[Answers, Answers]:
        return await asyncio.gather(
            as_fast_as_possible(bench.hit, CONNECTIONS, seconds),
            at_rate(bench.polls, POLLERS, POLLERS, seconds),
        )

    for _ in range(rounds):
        alone.add(asyncio.run(as_fast_as_possible(bench.hit, CONNECTIONS, seconds)))
        submissions, polls = asyncio.run(both())
        beside.add(submissions)
        polled.add(polls)
        memory.append(bench.memory())
    return alone, beside, polled, memory


def table(
    hit: Answers,
    empty: Answers,
    paced: Answers,
    alone: Answers,
    beside: Answers,
    polled: Answers,
) -> str:
    """Return the results as text."""
    rows = [
        ("empty view, as fast as it can", empty),
        ("cached submission, likewise", hit),
        ("cached submission, 80 % of that", paced),
        ("cached submission, alone", alone),
        (f"cached submission, {POLLERS} clients polling", beside),
        ("their polls, each once a second", polled),
    ]
    lines = [f"{'':<42}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}  statuses"]
    for name, answers in rows:
        counts = ", ".join(f"{n} x {status}" for status, n in sorted(answers.statuses.items()))
        numbers = f"{answers.rate:>11.0f}{answers.percentile(0.5):>9.1f}"
        lines.append(f"{name:<42}{numbers}{answers.percentile(0.99):>9.1f}  {counts}")
    return "\n".join(lines)


def judged(
    hit: Answers,
    empty: Answers,
    paced: Answers,
    alone: Answers,
    beside: Answers,
    polled: Answers,
    memory: list[int],
) -> list[str]:
    """Return the goals, and whether each was met; answers of another kind meet none."""
    share, tail = hit.rate / empty.rate, paced.percentile(0.99) / paced.percentile(0.5)
    kept, grown = beside.rate / alone.rate, memory[-1] / memory[1]
    answered = all(set(each.statuses) == {200} for each in (hit, empty, paced, alone, beside))
    unchanged = set(polled.statuses) == {304}
    return [
        _goal("all answered as they should be", "200 and 304", "", answered and unchanged),
        _goal("cached submission over empty view", "at least 0.50", f"{share:.2f}", share >= 0.5),
        _goal("p99 over p50 at 80 % load", "at most 3.0", f"{tail:.1f}", tail <= 3),
        _goal("rate kept beside the polls", "at least 0.80", f"{kept:.2f}", kept >= 0.8),
        _goal(
            "memory after the last round over the first",
            "at most 1.10",
            f"{grown:.2f}",
            grown <= 1.1,
        ),
    ]


def _goal(name: str, goal: str, found: str, met: bool) -> str:
    return f"{name:<42}{goal:>16}{found:>8}  {'met' if met else 'MISSED'}"


if __name__ == "__main__":
    main()
