"""Purges: nothing from before is served after one, and one of a million entries stops no reader."""

import random
import sqlite3
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings

from cachestats.keys import make_key
from cachestats.services import PurgeFilter
from cachestats.stores.rows import Row
from tests.faults.cache_actors import (
    Actor,
    Stage,
    acting,
    cache_folder,
    cache_path,
    content_of,
    processes,
    value_of,
)

ALL = PurgeFilter(all=True)
KEYS = 4
COMPUTING_SECONDS = 0.003
COMPUTING_THREADS = 3
DAY_MS = 86_400_000
BATCH_ROWS = 5_000


@dataclass(frozen=True)
class Races:
    """What was read while purge followed purge; stale: from before a purge that had returned."""

    purges: int
    reads: int
    hits: int
    stale: list[str]
    errors: list[str]


@dataclass(frozen=True)
class Purged:
    """A purge and the look-ups meanwhile; all times in milliseconds."""

    entries: int
    purge_ms: float
    reads: int
    longest_read_ms: float
    p99_read_ms: float
    longest_set_ms: float


# Races


def _raced(number: int) -> dict[str, int]:
    return {"raced": number % KEYS}


def purge_on(stage: Stage, truth: Any, purged: Any, rounds: int) -> None:
    """Change the truth, purge what was stored of it, say so, and store what is true now."""
    for number in range(1, rounds + 1):
        truth.value = number
        stage.cache.purge(ALL, "a test")
        purged.value = number
        stage.cache.set(_raced(number), number)
    stage.pipe.send("done")


def read_on(stage: Stage, _truth: Any, purged: Any) -> None:
    """Look up what is stored; older than the last purge that is over is stale."""
    choice = random.Random(1)
    for _ in stage.turns():
        with stage.call():
            since = purged.value
            found = stage.cache.get(_raced(choice.randrange(KEYS)))
            if found is not None:
                stage.told.hits += 1
                if found < since:
                    stage.told.wrong.append(f"read {found} after {since}")


def compute_on(stage: Stage, truth: Any, purged: Any) -> None:
    """Look up or compute, in some threads: an answer is what was true when computing began."""

    def compute() -> int:
        number: int = truth.value
        time.sleep(choice.uniform(0, COMPUTING_SECONDS))
        return number

    def one(_thread: int) -> None:
        with stage.call():
            since = purged.value
            found = stage.cache.get_or_compute(_raced(choice.randrange(KEYS)), compute)
            if found.state in {"hit", "collapsed"}:
                stage.told.hits += 1
            if found.value < since:
                stage.told.wrong.append(f"{found.state} {found.value} after {since}")

    choice = random.Random(2)
    with ThreadPoolExecutor(COMPUTING_THREADS) as pool:
        for _ in stage.turns():
            list(pool.map(one, range(COMPUTING_THREADS)))


def prove_coherence(purges: int) -> Races:
    """Purge so many times while two processes read and two compute."""
    truth, purged = processes.RawValue("q"), processes.RawValue("q")
    with cache_folder() as folder, acting(folder) as actors:
        for role in (read_on, read_on, compute_on, compute_on):
            actors.append(Actor(folder, role, truth, purged))
        purger = Actor(folder, purge_on, truth, purged, purges)
        purger.receive()
        purger.stop()
        reports = [actor.report() for actor in actors]
    return Races(
        purges=purges,
        reads=sum(report.calls for report in reports),
        hits=sum(report.hits for report in reports),
        stale=[stale for report in reports for stale in report.wrong],
        errors=[error for report in reports for error in report.errors],
    )


# Many entries


def stock(stage: Stage, entries: int) -> None:
    """Put so many entries into the file, listed and counted."""
    pepper = settings.PERF_CACHE_PEPPER.encode()
    ids = sorted((make_key(pepper, content_of(number)).row_id, number) for number in range(entries))
    names = ", ".join(Row._fields)
    places = ", ".join("?" * len(Row._fields))
    with closing(sqlite3.connect(cache_path(stage.folder), isolation_level=None)) as connection:
        for table in ("cacheentry", "entryuse", "entrytotal"):
            connection.execute(f"DELETE FROM cachestats_{table}")
        for start in range(0, entries, BATCH_ROWS):
            connection.execute("BEGIN")
            connection.executemany(
                f"INSERT INTO cachestats_cacheentry ({names}) VALUES ({places})",
                _rows(pepper, ids[start : start + BATCH_ROWS]),
            )
            connection.execute("COMMIT")
        connection.execute(
            "INSERT INTO cachestats_entryuse (id, content_id, marks, cache_type, model, size_bytes,"
            " cost_ms, created_ms, expires_ms, hits, used_ms, gone)"
            " SELECT id, id, '{}', cache_type, model, size_bytes, cost_ms, created_ms, expires_ms,"
            " 0, created_ms, '' FROM cachestats_cacheentry"
        )
        connection.execute(
            "INSERT INTO cachestats_entrytotal SELECT cache_type, count(*), sum(size_bytes)"
            " FROM cachestats_entryuse GROUP BY cache_type"
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(pepper: bytes, ids: list[tuple[int, int]]) -> Iterator[Row]:
    now_ms = int(time.time() * 1000)
    for row_id, number in ids:
        key = make_key(pepper, content_of(number))
        value = orjson.dumps(value_of(number))
        yield Row(
            id=row_id,
            digest=key.digest,
            cache_type=key.cache_type,
            model="",
            value=value,
            checksum=zlib.crc32(value),
            size_bytes=len(value),
            cost_ms=100.0,
            created_ms=now_ms,
            expires_ms=now_ms + DAY_MS,
        )


def time_reads(stage: Stage, entries: int) -> None:
    """Look any of them up; keep when each look-up began and how many milliseconds it took."""
    choice = random.Random(3)
    took = []
    while not stage.pipe.poll():
        content = content_of(choice.randrange(entries))
        began = time.monotonic()
        stage.cache.get(content)
        took.append((began, (time.monotonic() - began) * 1000))
        time.sleep(0.001)
    stage.pipe.send(took)


def time_sets(stage: Stage, entries: int) -> None:
    """Store something new now and then; keep the same."""
    took = []
    while not stage.pipe.poll():
        began = time.monotonic()
        stage.cache.set(content_of(entries), "new")
        took.append((began, (time.monotonic() - began) * 1000))
        time.sleep(0.01)
    stage.pipe.send(took)


def purge_all(stage: Stage) -> None:
    """Purge; tell how many went, when it began and when it was over."""
    began = time.monotonic()
    result = stage.cache.purge(ALL, "a test")
    stage.pipe.send((result.deleted, began, time.monotonic()))


def prove_purge(entries: int) -> Purged:
    """Purge so many entries while one process reads and one writes now and then."""
    with cache_folder() as folder, acting(folder) as actors:
        stocker = Actor(folder, stock, entries)
        stocker.process.join()
        assert stocker.process.exitcode == 0
        reader, writer = (Actor(folder, role, entries) for role in (time_reads, time_sets))
        actors += [reader, writer]
        # Until they have opened the file.
        time.sleep(1)
        deleted, began, ended = Actor(folder, purge_all).receive()
        for actor in actors:
            actor.pipe.send("enough")
        reads, sets = (
            sorted(ms for at, ms in actor.receive() if began <= at <= ended) for actor in actors
        )
    return Purged(
        entries=deleted,
        purge_ms=(ended - began) * 1000,
        reads=len(reads),
        longest_read_ms=reads[-1],
        p99_read_ms=reads[len(reads) * 99 // 100],
        longest_set_ms=sets[-1],
    )
