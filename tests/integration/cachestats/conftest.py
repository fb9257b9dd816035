"""A cache over the real file, with a clock and tuning that tests set."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import pytest
from django.db import connections
from django.db.models import F

from cachestats.cache import PerfCache
from cachestats.config.schema import Caching
from cachestats.models import CacheEntry, EntryTotal, EntryUse, Failure, Generation
from cachestats.stores import PostgresStore, SqliteStore, Store
from tests.databases import leading_to

NOON_MS = 1_700_000_000_000


@dataclass
class Bench:
    """A cache and what it is given: time and tuning stand still until a test changes them."""

    store: Callable[[], Store]
    path: Path
    now_ms: int = NOON_MS
    tuning: Caching = field(default_factory=Caching)
    cache: PerfCache = field(init=False)

    def __post_init__(self) -> None:
        self.cache = self.another()

    def another(self, flush_seconds: float | None = None) -> PerfCache:
        """The cache as another process sees it: a store and connections of its own."""
        return PerfCache(
            self.store(),
            b"pepper",
            lambda: self.tuning,
            lambda: self.now_ms / 1000,
            flush_seconds=flush_seconds,
        )


def empty_tables() -> None:
    """Empty the cache's tables, as Django does between tests with the databases it made."""
    for model in (CacheEntry, EntryUse, EntryTotal, Failure, Generation):
        model.objects.all().delete()


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(databases: None, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A cache over the alias `cache`, in a SQLite file or in PostgreSQL."""
    path = Path(connections["cache"].settings_dict["NAME"])
    if request.param == "sqlite":
        yield Bench(lambda: SqliteStore(path), path)
        return
    url = request.getfixturevalue("postgres_url")
    with leading_to(url, "cache"):
        empty_tables()
        yield Bench(lambda: PostgresStore(conninfo=url), path)


@pytest.fixture
def entry() -> Callable[..., CacheEntry]:
    """Makes rows: `entry("00ff", type="api", age=60)` has a key that starts with these digits."""
    return make_entry


def make_entry(
    digits: str,
    *,
    type: str = "default",  # noqa: A002  # the filter's name
    model: str = "",
    age: int = 0,
    expired: bool = False,
    size: int = 10,
    used: int | None = None,
    hits: int | None = None,
    cost_ms: float | None = None,
) -> CacheEntry:
    """Make an entry `age` seconds old, and if `used` is given hit so many seconds ago; list it.

    hits: once where it was used, unless more is said.
    """
    now_ms = int(time.time() * 1000)
    digest = bytes.fromhex(digits.ljust(64, "0"))
    row_id = int.from_bytes(digest[:8], "big", signed=True)
    value = b'"' + b"v" * (size - 2) + b'"'
    created = CacheEntry.objects.create(
        id=row_id,
        digest=digest,
        cache_type=type,
        model=model,
        value=value,
        checksum=crc32(value),
        size_bytes=size,
        cost_ms=cost_ms,
        created_ms=now_ms - age * 1000,
        expires_ms=now_ms + (-1 if expired else 3_600_000),
    )
    EntryUse.objects.create(
        id=row_id,
        content_id=row_id,
        marks="{}",
        cache_type=type,
        model=model,
        size_bytes=size,
        cost_ms=cost_ms,
        created_ms=created.created_ms,
        expires_ms=created.expires_ms,
        hits=int(used is not None) if hits is None else hits,
        used_ms=max(created.created_ms, now_ms - used * 1000 if used is not None else 0),
    )
    total, _ = EntryTotal.objects.get_or_create(cache_type=type)
    EntryTotal.objects.filter(pk=total.pk).update(
        entries=F("entries") + 1, size_bytes=F("size_bytes") + size
    )
    return created
