"""The caches that are measured, behind one small interface.

All get the same key (`make_key`, as hexadecimal digits where a rival wants text) of the same
content, and keep the same bytes: the value as JSON by orjson, decoded on each hit.
"""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from cachestats.keys import Key, make_key
from tests.sites import free_port

PEPPER = b"of the benchmark"
PARAMS = {
    "scope": "site",
    "language": "en",
    "method": "hybrid",
    "model": "smollm2:135m",
    "model_digest": "9f43" * 16,
    "prompt": 7,
    "wheel": 3,
    "lexicon": "ab12cd34ef56ab78",
    "weights": "0a1b2c3d4e5f6071",
    "num_ctx": 4096,
    "variant": 0,
}


class Item(NamedTuple):
    """A content, as long as a short diary text, and its value of about 1 KB."""

    content: dict[str, Any]
    value: dict[str, Any]


def item(number: int) -> Item:
    """Return the item of a number."""
    text = f"Entry {number}: I'm feeling grateful for my sister today. "
    made = {
        "poem": f"{number:08} " + "rain on the roof, a light left on for me, " * 17,
        "tips": ["Write down one thing that went well today."] * 3,
        "closing": "Be kind to yourself.",
        "valence": 0.5,
    }
    return Item({"text": text * 3}, made)


def key_of(wanted: Item) -> Key:
    """Return the key that every rival uses."""
    return make_key(PEPPER, wanted.content, PARAMS)


class Rival(Protocol):
    """A cache under measurement; each process opens its own."""

    name: str

    def fill(self, items: Iterable[Item]) -> None:
        """Store values in bulk."""

    def get(self, one: Item) -> Any:
        """Look a value up; None for a miss."""

    def set(self, one: Item) -> bool | None:
        """Store one value; False: it could not be stored."""

    def size_bytes(self) -> int:
        """Return what is used on disk or in memory."""


def on_disk(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


class Raw:
    """The limit: one prepared statement by integer key, and nothing checked or counted."""

    name = "raw sqlite3"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "raw"
        self._folder.mkdir(exist_ok=True)
        self._file = sqlite3.connect(self._folder / "raw.sqlite3", isolation_level=None, timeout=60)
        self._file.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, value BLOB);"
        )

    def fill(self, items: Iterable[Item]) -> None:
        self._file.execute("BEGIN")
        rows = ((key_of(one).row_id, orjson.dumps(one.value)) for one in items)
        self._file.executemany("INSERT INTO entries VALUES (?, ?)", rows)
        self._file.execute("COMMIT")
        self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def get(self, one: Item) -> Any:
        found = self._file.execute(
            "SELECT value FROM entries WHERE id = ?", (key_of(one).row_id,)
        ).fetchone()
        return None if found is None else orjson.loads(found[0])

    def set(self, one: Item) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO entries VALUES (?, ?)",
            (key_of(one).row_id, orjson.dumps(one.value)),
        )

    def size_bytes(self) -> int:
        return on_disk(self._folder)


class Ours:
    """PerfCache with all its checks and counters, flushed each second."""

    name = "Perfsite"

    def __init__(self, folder: Path) -> None:
        from django.db import connections  # Django is set up by now

        from cachestats.cache import PerfCache
        from cachestats.config import current
        from cachestats.stores import SqliteStore

        self._path = Path(connections["cache"].settings_dict["NAME"])
        self._cache = PerfCache(
            SqliteStore(self._path),
            PEPPER,
            tuning=lambda: current().config.caching,
            flush_seconds=1.0,
        )

    def fill(self, items: Iterable[Item]) -> None:
        from cachestats import services
        from cachestats.stores.sqlite import PUT

        now_ms = int(time.time() * 1000)
        file = sqlite3.connect(self._path, isolation_level=None)
        file.execute("PRAGMA synchronous=OFF")
        file.execute("BEGIN")
        file.executemany(PUT, (self._row(one, now_ms) for one in items))
        file.execute("COMMIT")
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.close()
        services.relist()

    def get(self, one: Item) -> Any:
        return self._cache.get(one.content, PARAMS)

    def get_or_compute(self, one: Item) -> Any:
        return self._cache.get_or_compute(one.content, dict, PARAMS).value

    def set(self, one: Item) -> bool:
        return bool(self._cache.set(one.content, one.value, PARAMS))

    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self._path.parent.glob(f"{self._path.name}*"))

    def close(self) -> None:
        self._cache.close()

    def _row(self, one: Item, now_ms: int) -> tuple[Any, ...]:
        from zlib import crc32

        key, encoded = key_of(one), orjson.dumps(one.value)
        return (
            *(key.row_id, key.digest, key.cache_type, PARAMS["model"], encoded),
            *(crc32(encoded), len(encoded), 1000.0, now_ms, now_ms + 86_400_000),
        )


class Computing(Ours):
    """The same through `get_or_compute`, which callers of a model use."""

    name = "Perfsite, get_or_compute"

    def get(self, one: Item) -> Any:
        return self.get_or_compute(one)


class DiskCache:
    """diskcache as it comes."""

    name = "diskcache, default"
    options: dict[str, Any] = {}

    def __init__(self, folder: Path) -> None:
        import diskcache  # only this benchmark needs it

        self._folder = folder / self.name
        self._cache = diskcache.Cache(
            str(self._folder), size_limit=64 * 1024**3, cull_limit=0, timeout=60, **self.options
        )

    def fill(self, items: Iterable[Item]) -> None:
        with self._cache.transact():
            for one in items:
                self.set(one)

    def get(self, one: Item) -> Any:
        found = self._cache.get(key_of(one).hex)
        return None if found is None else orjson.loads(found)

    def set(self, one: Item) -> None:
        self._cache.set(key_of(one).hex, orjson.dumps(one.value))

    def size_bytes(self) -> int:
        return on_disk(self._folder)


class DiskCacheLru(DiskCache):
    """diskcache with what ours has always: least recent use and statistics."""

    name = "diskcache, LRU + statistics"
    options = {"eviction_policy": "least-recently-used", "statistics": True}


class DatabaseCache:
    """Django's own, in a SQLite file of its own, in WAL."""

    name = "Django DatabaseCache"

    def __init__(self, folder: Path) -> None:
        from django.core.cache import caches

        self._folder = folder / "django"
        self._cache = caches["rival"]

    def fill(self, items: Iterable[Item]) -> None:
        from django.db import connections

        expires = "2099-01-01 00:00:00"
        rows = ((self._key(one), self._packed(one), expires) for one in items)
        with connections["rival"].cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.connection.executemany("INSERT INTO rival VALUES (?, ?, ?)", rows)
            cursor.execute("COMMIT")

    def get(self, one: Item) -> Any:
        found = self._cache.get(key_of(one).hex)
        return None if found is None else orjson.loads(found)

    def set(self, one: Item) -> None:
        self._cache.set(key_of(one).hex, orjson.dumps(one.value), None)

    def size_bytes(self) -> int:
        return on_disk(self._folder)

    def _key(self, one: Item) -> str:
        return str(self._cache.make_key(key_of(one).hex))

    def _packed(self, one: Item) -> str:
        import base64
        import pickle

        pickled = pickle.dumps(orjson.dumps(one.value), pickle.HIGHEST_PROTOCOL)
        return base64.b64encode(pickled).decode("latin1")


class Redis:
    """redis-py over TCP to a server of its own on this machine."""

    name = "Redis over TCP"
    port = 0

    def __init__(self, folder: Path) -> None:
        import redis

        self._client = redis.Redis(host="127.0.0.1", port=Redis.port)

    def fill(self, items: Iterable[Item]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for one in items:
            pipeline.set(key_of(one).hex, orjson.dumps(one.value))
        pipeline.execute()

    def get(self, one: Item) -> Any:
        found = self._client.get(key_of(one).hex)
        return None if found is None else orjson.loads(found)

    def set(self, one: Item) -> None:
        self._client.set(key_of(one).hex, orjson.dumps(one.value))

    def size_bytes(self) -> int:
        return int(self._client.info("memory")["used_memory"])


def start_redis(folder: Path) -> "subprocess.Popen[bytes] | None":
    """Start a private Redis; None where it is not installed."""
    if not (server := shutil.which("redis-server")):
        return None
    Redis.port = free_port()
    command = [server, "--port", str(Redis.port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(1)
    return process
