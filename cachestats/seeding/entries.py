"""Made-up entries: values as the stages cache them, and how they were used."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from random import Random
from typing import NamedTuple
from zlib import crc32

import orjson
from django.db import connections, models, router, transaction

from cachestats.models import CacheEntry, EntryUse
from cachestats.models.entries import row_id
from cachestats.seeding.shapes import MODELS, TYPES, CacheType, Model, cost_ms, value
from cachestats.services.removal import count

BATCH_ROWS = 2_000
BATCHES_AT_ONCE = 25
# All that a transaction changes, or SQLite would write pages more than once.
CACHE_KIB = 200_000
# So many different values of each type and model; whoever reads a list sees no two alike in a row.
VALUES = 200
LIFE = timedelta(days=30)
# Some texts come back often, most never: Zipf's law, as of queries to search engines.
NEVER_HIT, STEEPNESS, MOST_HITS = 0.45, 1.3, 5_000


class Made(NamedTuple):
    """An entry and its use, as columns of both tables."""

    id: int
    digest: bytes
    cache_type: str
    model: str
    value: bytes
    checksum: int
    size_bytes: int
    cost_ms: float
    created_ms: int
    expires_ms: int
    content_id: int
    marks: str
    hits: int
    used_ms: int
    gone: str


ENTRY = Made._fields[: Made._fields.index("content_id")]
USE = tuple(name for name in Made._fields if name not in {"digest", "value", "checksum"})


def add_entries(entries: int, days: int, seed: int, now: datetime) -> None:
    """Add so many entries that were stored in the last days, with their use and totals."""
    made = _made(entries, days, seed, now)
    using = router.db_for_write(CacheEntry)
    if connections[using].vendor == "sqlite":
        with connections[using].cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    more = True
    while more:
        # Each row goes into a random page of each index: what many rows change is written once.
        with transaction.atomic(using=using):
            more = sum(_add(batch) for batch in _batches(made)) > 0


def _batches(made: Iterator[Made]) -> Iterator[list[Made]]:
    """Yield the batches of one transaction; none when there is nothing more."""
    for _ in range(BATCHES_AT_ONCE):
        if not (batch := list(islice(made, BATCH_ROWS))):
            return
        yield batch


def _add(batch: Sequence[Made]) -> int:
    """Write what of a batch is new; return how many rows the batch has."""
    ids = [row.id for row in batch]
    there = set(EntryUse.objects.filter(id__in=ids).values_list("id", flat=True))
    there |= set(CacheEntry.objects.filter(id__in=ids).values_list("id", flat=True))
    new = [row for row in batch if row.id not in there]
    _insert(CacheEntry, ENTRY, new)
    _insert(EntryUse, USE, new)
    count([row.id for row in new])
    return len(batch)


def _made(entries: int, days: int, seed: int, now: datetime) -> Iterator[Made]:
    chance = Random(seed)  # noqa: S311  # the same again is what is wanted
    now_ms = int(now.timestamp() * 1000)
    # What is older would be over.
    longest_ms = int(min(timedelta(days=days), LIFE * 0.97).total_seconds() * 1000)
    kinds = [(kind, model) for kind in TYPES for model in MODELS]
    weights = [kind.weight * model.weight for kind, model in kinds]
    values = [[_encoded(*kind, chance) for _ in range(VALUES)] for kind in kinds]
    for number in range(entries):
        place = chance.choices(range(len(kinds)), weights)[0]
        kind, model = kinds[place]
        encoded, checksum = values[place][chance.randrange(VALUES)]
        digest = _digest(seed, number, entries)
        created_ms = now_ms - 1000 - int(chance.random() * longest_ms)
        hits = 0
        if chance.random() > NEVER_HIT:
            hits = min(MOST_HITS, int(chance.paretovariate(STEEPNESS)))
        used_ms = created_ms + int(chance.random() * (now_ms - created_ms)) if hits else created_ms
        yield Made(
            id=row_id(digest),
            digest=digest,
            cache_type=kind.name,
            model=model.name,
            value=encoded,
            checksum=checksum,
            size_bytes=len(encoded),
            cost_ms=cost_ms(kind, model, chance),
            created_ms=created_ms,
            expires_ms=created_ms + int(LIFE.total_seconds() * 1000),
            content_id=row_id(digest[8:]),
            marks=f'{{"model":"{model.digest[:8]}","prompt":"{checksum:08x}"}}',
            hits=hits,
            used_ms=used_ms,
            gone="",
        )


def _digest(seed: int, number: int, entries: int) -> bytes:
    """Return a key's digest: spread evenly as real ones are, but rising, so that rows are
    written side by side.
    """
    chance = blake2b(f"{seed} {number}".encode(), digest_size=32, person=b"seed").digest()
    room = 2**64 // entries
    place = number * room + int.from_bytes(chance[:8], "big") % room
    return place.to_bytes(8, "big") + chance[8:]


def _encoded(kind: CacheType, model: Model, chance: Random) -> tuple[bytes, int]:
    encoded = orjson.dumps(value(kind, model, chance))
    return encoded, crc32(encoded)


def _insert(table: type[models.Model], columns: Sequence[str], rows: Sequence[Made]) -> None:
    """Write rows past the ORM, which would take as long as all else ten times."""
    places = ", ".join(["%s"] * len(columns))
    statement = (
        f"INSERT INTO {table._meta.db_table} ({', '.join(columns)}) "  # noqa: S608
        f"VALUES ({places})"
    )
    numbers = [Made._fields.index(name) for name in columns]
    with connections[router.db_for_write(table)].cursor() as cursor:
        cursor.executemany(statement, [[row[number] for number in numbers] for row in rows])
