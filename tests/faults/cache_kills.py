"""Writers that are killed, one after the other, while two processes read."""

import random
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

from django.db.models import Count, Sum

from cachestats import services
from cachestats.models import CacheEntry, EntryTotal
from tests.faults.cache_actors import (
    HOT_KEYS,
    Actor,
    Report,
    Stage,
    acting,
    cache_folder,
    cache_path,
    content_of,
    read,
    value_of,
)

# Long enough for some hundred answers and a flush.
LONGEST_LIFE_SECONDS = 0.1
FLUSH_EVERY = 10


@dataclass(frozen=True)
class Books:
    """What is there by type and what the totals say: [type, entries, bytes]; what SQLite finds."""

    there: list[tuple[str, int, int]]
    counted: list[tuple[str, int, int]]
    pages: str


@dataclass(frozen=True)
class Outcome:
    """What the readers met, and the books afterwards."""

    kills: int
    reports: list[Report]
    books: Books


def scribble(stage: Stage, seed: int) -> None:
    """Store answers as fast as it goes, and write what was counted, until death."""
    choice = random.Random(seed)
    stage.pipe.send("begun")
    for turn in range(10**9):
        # Some anew, some over what is there; each writer makes other types too.
        number = choice.randrange(3 * HOT_KEYS)
        cache_type = "default" if number < 2 * HOT_KEYS else "api"
        stage.cache.set(content_of(number), value_of(number), cache_type=cache_type)
        if turn % FLUSH_EVERY == 0:
            stage.cache.flush()


def audit(stage: Stage) -> None:
    """Have the lists made anew, as a starting worker does, and tell what is in the books."""
    services.relist()
    names = ("cache_type", "entries", "bytes")
    there = CacheEntry.objects.order_by("cache_type").values("cache_type")
    there = there.annotate(entries=Count("id"), bytes=Sum("size_bytes")).values_list(*names)
    counted = EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")
    with closing(sqlite3.connect(cache_path(stage.folder))) as connection:
        pages = connection.execute("PRAGMA integrity_check").fetchone()[0]
    totals = list(counted.values_list("cache_type", "entries", "size_bytes"))
    stage.pipe.send(Books(list(there), totals, pages))


def prove(kills: int, seed: int = 1) -> Outcome:
    """Kill so many writers at random moments."""
    choice = random.Random(seed)
    with cache_folder() as folder, acting(folder, read, read) as readers:
        for kill in range(kills):
            writer = Actor(folder, scribble, seed + kill)
            writer.receive()
            time.sleep(choice.uniform(0, LONGEST_LIFE_SECONDS))
            writer.stop()
        reports = [reader.report() for reader in readers]
        for reader in readers:
            reader.stop()
        auditor = Actor(folder, audit)
        books: Books = auditor.receive()
        auditor.process.join()
    return Outcome(kills, reports, books)
