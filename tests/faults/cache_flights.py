"""Look-ups of one missing key in many threads of many processes: one computes."""

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cachestats.cache import CacheState
from tests.faults.cache_actors import (
    COLD_KEYS,
    HOT_KEYS,
    Actor,
    Stage,
    cache_folder,
    content_of,
    value_of,
)

# A key that nothing is stored for.
NEW = HOT_KEYS + COLD_KEYS
COMPUTING_SECONDS = 0.5
# Time enough for all to come and wait; what they do then does not depend on it.
GATHERING_SECONDS = 1.0


class Refused(Exception):
    """What a computation raises here."""


@dataclass(frozen=True)
class Outcome:
    """computed: by whom, a letter each. states, errors: of all look-ups, counted."""

    computed: str
    states: Counter[str]
    errors: Counter[str]
    stored: bool


def look_up(stage: Stage, threads: int, times: int, start_at: float) -> None:
    """Look the key up in each thread, so many times, from one moment on; tell how that ended."""

    def compute() -> Any:
        note(stage.folder, "W")
        time.sleep(COMPUTING_SECONDS)
        return value_of(NEW)

    def one(_thread: int) -> list[str]:
        time.sleep(max(0.0, start_at - time.monotonic()))
        return [_ended(stage, compute) for _ in range(times)]

    with ThreadPoolExecutor(threads) as pool:
        stage.pipe.send([ended for thread in pool.map(one, range(threads)) for ended in thread])


def never_end(stage: Stage) -> None:
    """Compute for ever."""

    def compute() -> None:
        note(stage.folder, "L")
        stage.pipe.send("computing")
        time.sleep(3600)

    stage.cache.get_or_compute(content_of(NEW), compute)


def refuse(stage: Stage) -> None:
    """Compute until others wait, then fail."""

    def compute() -> None:
        note(stage.folder, "L")
        stage.pipe.send("computing")
        stage.pipe.recv()
        raise Refused("no model", 7)

    stage.pipe.send([_ended(stage, compute)])


def peek(stage: Stage) -> None:
    """Tell whether there is an answer."""
    stage.pipe.send(stage.cache.peek(content_of(NEW)) is not None)


def note(folder: Path, letter: str) -> None:
    """Leave a letter in a file that all append to."""
    file = os.open(folder / "computed", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, letter.encode())
    os.close(file)


def prove_one_computes(processes: int, threads: int, look_ups: int) -> Outcome:
    """Let so many threads of each process share so many look-ups."""
    with cache_folder() as folder:
        times = -(-look_ups // (processes * threads))
        start_at = time.monotonic() + GATHERING_SECONDS
        actors = [Actor(folder, look_up, threads, times, start_at) for _ in range(processes)]
        return _outcome(folder, actors)


def prove_takeover(processes: int, threads: int) -> Outcome:
    """Kill the process that computes while all others wait for it."""
    with cache_folder() as folder:
        leader = Actor(folder, never_end)
        leader.receive()
        actors = [Actor(folder, look_up, threads, 1, 0.0) for _ in range(processes)]
        time.sleep(GATHERING_SECONDS)
        leader.stop()
        return _outcome(folder, actors)


def prove_failure(processes: int, threads: int) -> Outcome:
    """Have the computation raise while all others wait for it."""
    with cache_folder() as folder:
        leader = Actor(folder, refuse)
        leader.receive()
        actors = [Actor(folder, look_up, threads, 1, 0.0) for _ in range(processes)]
        time.sleep(GATHERING_SECONDS)
        leader.pipe.send("fail")
        return _outcome(folder, [leader, *actors])


def _ended(stage: Stage, compute: Callable[[], Any]) -> str:
    try:
        found = stage.cache.get_or_compute(content_of(NEW), compute)
    except Exception as exc:
        return repr(exc)
    return str(found.state) if found.value == value_of(NEW) else "wrong"


def _outcome(folder: Path, actors: list[Actor]) -> Outcome:
    ended = Counter(one for actor in actors for one in actor.receive())
    for actor in actors:
        actor.stop()
    looker = Actor(folder, peek)
    stored: bool = looker.receive()
    looker.process.join()
    states = {str(state) for state in CacheState}
    return Outcome(
        computed=(folder / "computed").read_text(),
        states=Counter({name: times for name, times in ended.items() if name in states}),
        errors=Counter({name: times for name, times in ended.items() if name not in states}),
        stored=stored,
    )
