"""What can happen to the site in a chaos run, and what shows that it has recovered."""

import contextlib
import math
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import partial

import psutil
import psycopg

from enrichment.jobs import LEASE
from tests.engines import ROOT
from tests.faults.chaos_books import UNREADABLE
from tests.faults.chaos_model import Mood
from tests.faults.chaos_site import BROKERS, PATIENCE_SECONDS, World, send
from tests.queues import family
from tests.servers import find

CLAIMED = "[JOB] Claimed"
LOCK_SECONDS = 10.0
DISK_SECONDS = 5.0
CONNECTIONS_SECONDS = 5.0
MOOD_SECONDS = 4.0
# Longer than five calls wait for an answer.
HANG_SECONDS = 15.0
# Longer than a stopped worker is waited for.
STOP_SECONDS = 12.0
# Longer than a lease.
FREEZE_SECONDS = 34.0


class Kill(Enum):
    """Whether jobs are claimed again by what the supervisor starts, or only once it is started."""

    NONE = "none"
    PART = "below the supervisor"
    SUPERVISOR = "the supervisor"


@dataclass(frozen=True)
class Fault:
    """Something that happens.

    provoke: returns when it is over. recovered: what is looked for after that; returns when it was,
    in seconds since the epoch, or None. every: once in so many rounds.
    """

    name: str
    provoke: Callable[[World], None]
    recovered: Callable[[World, float], float | None]
    brokers: tuple[str, ...] = BROKERS
    every: int = 1
    kill: Kill = Kill.NONE


def claimed(world: World, after: float) -> float | None:
    """A job was claimed."""
    return world.log.first(CLAIMED, after)


def accepted(world: World, after: float) -> float | None:
    """A reflection was accepted."""
    return world.load.accepted_at if world.load.accepted_at > after else None


def answered(world: World, after: float) -> float | None:
    """The model answered a question well."""
    return world.model.last_answer_at if world.model.last_answer_at > after else None


def kill_role(role: str, world: World) -> None:
    """Kill one process of the queue."""
    members = family(world.site)
    world.kill([members[role]], with_them=list(members.values()))


def kill_workers(world: World, *, busy: bool, most: int) -> None:
    """Kill workers in the middle of a job, or while they wait for one."""
    with contextlib.nullcontext() if busy else world.load.paused():
        found = _workers(world, busy=busy, most=most)
        world.kill(found, with_them=list(family(world.site).values()))


def _workers(world: World, *, busy: bool, most: int) -> list[psutil.Process]:
    """Return so many workers that are at work, or idle, as soon as they are."""
    found: list[psutil.Process] = []

    def there() -> bool:
        with contextlib.suppress(*UNREADABLE, ValueError, psutil.NoSuchProcess):
            found[:] = world.workers(busy=busy)[:most]
        return len(found) == most

    world.until(there, "any worker busy" if busy else "any worker idle")
    return found


def kill_web(world: World, *, main: bool) -> None:
    """Kill the web server, or the process of it that answers."""
    serve = psutil.Process(world.site.process.pid)
    [web] = [child for child in serve.children() if "granian" in " ".join(child.cmdline())]
    members = [web] if main else web.children()
    world.kill(members, with_them=members)


def kill_supervisor(world: World, *, all_of_it: bool) -> None:
    """Kill what watches the site, alone or with everything; it is started again."""
    members = world.site.family()
    world.kill_supervisor(members if all_of_it else members[:1])


def stop_worker(world: World) -> None:
    """Stop a busy worker for longer than it is waited for."""
    stopped = _workers(world, busy=True, most=1)
    with world.model.counting_lost():
        send(stopped, signal.SIGSTOP)
        time.sleep(STOP_SECONDS)
    send(stopped, signal.SIGCONT)


def freeze_queue(world: World) -> None:
    """Freeze the whole queue until its leases ran out and another machine does its work."""
    _workers(world, busy=True, most=1)
    frozen = list(family(world.site).values())
    with world.model.counting_lost():
        send(frozen, signal.SIGSTOP)
    frozen_at = time.time()
    with (world.folder / "output.txt").open("a") as output:
        other = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster", "--skip-checks"],
            cwd=ROOT,
            env={**world.site.env, **world.environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    time.sleep(FREEZE_SECONDS)
    assert world.log.first(CLAIMED, frozen_at + LEASE.total_seconds()), "nobody took over"
    with world.model.counting_lost():
        send(frozen, signal.SIGCONT)
        other.terminate()
        other.wait(PATIENCE_SECONDS)


def lock_database(world: World) -> None:
    """Lock the jobs against every writer."""
    with world.model.counting_lost():
        if world.postgres:
            with psycopg.connect(world.postgres.url) as database:
                database.execute("LOCK TABLE enrichment_job IN ACCESS EXCLUSIVE MODE")
                time.sleep(LOCK_SECONDS)
            return
        path = world.disk / "var" / "perfsite.sqlite3"
        with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            time.sleep(LOCK_SECONDS)
            database.execute("ROLLBACK")


def fill_disk(world: World) -> None:
    """Leave not a byte on the disk that holds the data."""
    filler = world.disk / "filler"
    with world.model.counting_lost():
        for size in (2**20, 512):
            with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
        time.sleep(DISK_SECONDS)
        filler.unlink()
        if world.postgres and not world.postgres.alive:
            world.postgres.start()


def restart_postgres(world: World) -> None:
    """Have PostgreSQL crash, and start it again."""
    assert world.postgres
    with world.model.counting_lost():
        world.postgres.stop(signal.SIGQUIT)
        world.postgres.start()


def take_connections(world: World) -> None:
    """Take all of PostgreSQL's connections, and end again and again those that others got."""
    assert world.postgres
    url = f"{world.postgres.url}?application_name=taker"
    end_others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND application_name != 'taker'"
    )
    with world.model.counting_lost(), contextlib.ExitStack() as taken:
        first = taken.enter_context(psycopg.connect(url, autocommit=True))
        ends_at = math.inf
        while time.monotonic() < ends_at:
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    taken.enter_context(psycopg.connect(url))
            ends_at = min(ends_at, time.monotonic() + CONNECTIONS_SECONDS)
            first.execute(end_others)


def restart_redis(world: World) -> None:
    """Kill Redis, which keeps nothing, and start it again."""
    assert world.redis
    world.redis.stop(signal.SIGKILL)
    world.redis.start()


def flush_redis(world: World) -> None:
    """Lose all tickets."""
    assert world.redis
    command = [find("redis-cli"), "-u", world.redis.url, "flushall"]
    subprocess.run(command, check=True, capture_output=True)


def model_in(mood: Mood, seconds: float, world: World) -> None:
    """Have the model behave badly for a while."""
    with world.model.counting_lost(), world.model.feeling(mood):
        time.sleep(seconds)


def _kill(name: str, provoke: Callable[[World], None], kill: Kill = Kill.PART) -> Fault:
    return Fault(f"kill -9: {name}", provoke, claimed, kill=kill)


def _mood(mood: Mood, seconds: float = MOOD_SECONDS) -> Fault:
    return Fault(f"model {mood.value}", partial(model_in, mood, seconds), answered)


FAULTS = (
    Fault("kill -9: web server", partial(kill_web, main=True), accepted),
    Fault("kill -9: web server's worker", partial(kill_web, main=False), accepted),
    _kill("supervisor", partial(kill_supervisor, all_of_it=False), Kill.SUPERVISOR),
    _kill("the whole tree", partial(kill_supervisor, all_of_it=True), Kill.SUPERVISOR),
    _kill("qcluster's main process", partial(kill_role, "main")),
    _kill("sentinel", partial(kill_role, "sentinel")),
    _kill("pusher", partial(kill_role, "pusher")),
    _kill("monitor", partial(kill_role, "monitor")),
    _kill("busy worker", partial(kill_workers, busy=True, most=1)),
    _kill("all workers, busy", partial(kill_workers, busy=True, most=2)),
    _kill("idle worker", partial(kill_workers, busy=False, most=1)),
    _kill("all workers, idle", partial(kill_workers, busy=False, most=2)),
    Fault("SIGSTOP of a busy worker, 12 s", stop_worker, claimed, every=3),
    Fault("SIGSTOP of the queue past its leases", freeze_queue, claimed, every=3),
    Fault("database locked, 10 s", lock_database, claimed, every=3),
    Fault("disk full, 5 s", fill_disk, claimed, every=2),
    Fault("PostgreSQL crashes", restart_postgres, claimed, ("postgresql", "redis")),
    Fault("no connection left, 5 s", take_connections, claimed, ("postgresql", "redis")),
    Fault("Redis flushed", flush_redis, claimed, ("redis",)),
    Fault("Redis killed", restart_redis, claimed, ("redis",)),
    _mood(Mood.DOWN),
    _mood(Mood.SLOW),
    _mood(Mood.FAILING),
    _mood(Mood.GARBLED),
    _mood(Mood.LYING),
    _mood(Mood.HANGING, HANG_SECONDS),
    _mood(Mood.CUTTING),
)
