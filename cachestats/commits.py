"""Durable commits that threads share, and transactions that go one after another.

A commit waits for the disk, and SQLite lets one writer in at a time and wakes nobody: who finds it
locked looks again after up to 100 ms, so that of many threads some wait for seconds. Here those of
one process take turns; and who has the turn writes for all who wait by then, so that they share one
commit. PostgreSQL does so by itself.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

T = TypeVar("T")


class _Entry(Generic[T]):
    """What a thread wants written, and what became of it."""

    def __init__(self, write: Callable[[], T]) -> None:
        self._write = write
        self._written: list[T] = []
        self.done = False
        self.error: BaseException | None = None

    def write(self) -> None:
        self._written = [self._write()]

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self._written[0]


class _Group:
    """Threads of this process that write to SQLite."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: list[_Entry[Any]] = []
        self._listing = threading.Lock()

    def commit(self, entry: _Entry[T]) -> T:
        with self._listing:
            self._waiting.append(entry)
        with self._turn:
            # Whoever had the turn before may have written this one too.
            if not entry.done:
                with self._listing:
                    together, self._waiting = self._waiting, []
                _commit_all(together)
        return entry.result()


_group = _Group()


def _in_child() -> None:
    # The turn may have been another thread's, which a child does not have.
    global _group  # noqa: PLW0603
    _group = _Group()


os.register_at_fork(after_in_child=_in_child)


def commit(write: Callable[[], T]) -> T:
    """Do what is to be written in one transaction; return what it returns, once that is durable.

    Args:
        write: may be called in another thread, on that thread's connection, and once more where
            another's failed beside it.

    Raises:
        Exception: whatever `write` raised, or the commit; nothing of it was written.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        return _group.commit(_Entry(write))
    with transaction.atomic():
        return write()


def take_turns(what: str) -> None:
    """Let no other transaction that does this go on until the caller's has ended.

    For limits: who counts rows, then adds one, must see what another is adding. SQLite needs
    nothing for it, because a transaction holds the only right to write from its beginning.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])


def _commit_all(together: list[_Entry[Any]]) -> None:
    try:
        with transaction.atomic():
            for entry in together:
                entry.write()
    except Exception as exc:
        if len(together) == 1:
            together[0].error = exc
        else:
            # What one can't write must not undo what the others wrote; and some of it, as a foreign
            # key, shows only when it is committed. So each has a transaction of its own.
            for entry in together:
                _commit_all([entry])
    except BaseException as exc:
        for entry in together:
            entry.error = exc
    for entry in together:
        entry.done = True
