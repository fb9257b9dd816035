"""Has an alias of the site's databases lead elsewhere for a while, and reads their files."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dj_database_url
from django.db import connections

from cachestats.cache import make_cache
from perfsite import databases
from tests.settings import DATABASES

SQLITE_OPTIONS = {"default": databases.main, "cache": databases.cache}


@contextmanager
def leading_to(url: str, alias: str) -> Iterator[None]:
    """Have an alias lead to another database."""
    original = connections.settings[alias]
    connections[alias].close()
    parsed = {**dj_database_url.parse(url), "TEST": original["TEST"]}
    if parsed["ENGINE"] == databases.SQLITE:
        parsed = SQLITE_OPTIONS[alias](parsed)
    changed = connections.configure_settings({**DATABASES, alias: parsed})
    connections.settings[alias] = changed[alias]
    del connections[alias]
    try:
        yield
    finally:
        connections[alias].close()
        connections.settings[alias] = original
        del connections[alias]


@contextmanager
def cache_copied_to(path: Path) -> Iterator[None]:
    """Have the alias `cache` lead to a copy of its file, which may be damaged: nobody shares it."""
    connections["cache"].ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connections["cache"].connection.backup(copy)
    make_cache.cache_clear()
    try:
        with leading_to(f"sqlite:///{path}", "cache"):
            yield
    finally:
        make_cache.cache_clear()


def content(path: Path) -> bytes:
    """Return what is in a database's file, read by another process.

    Where this one reads it, closing it drops all locks that the process has on the file: SQLite's
    too, of connections that go on as if they had them.
    """
    return subprocess.run(["cat", str(path)], capture_output=True, check=True).stdout
