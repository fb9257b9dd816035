"""Processes that use one cache file as the site's do, while something happens to it.

They run without rights, because the super-user may write anywhere. Each value is derived from its
key, so that a wrong one is always seen. A process tells what it has met through a pipe.
"""

import atexit
import logging
import multiprocessing
import os
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import django
from django.apps import apps

if not apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import migrate  # noqa: F401  # see `drop_rights`
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from cachestats.cache import CacheState, PerfCache, get_cache

NOBODY = 65534
FLUSH_SECONDS = 0.2
PAUSE_SECONDS = 0.003
ENDING_SECONDS = 5.0
# What is looked up all the time, and what fills the file: more than a connection keeps in memory.
HOT_KEYS = 20
COLD_KEYS = 4_000
COMPLAINT = "Working without the cache"

# A server that has Django loaded forks them: quick, and without the threads of the caller.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload([__name__])
if multiprocessing.parent_process() is None:
    # Loads all migrations while they can be read: the folder of Python may be the super-user's.
    MigrationLoader(None)


def content_of(number: int) -> dict[str, Any]:
    """Return what is looked up."""
    return {"text": f"text {number}"}


def value_of(number: int) -> dict[str, Any]:
    """Return the one right answer, about 1 KB."""
    return {"number": number, "answer": f"{number:08} is the number. " * 40}


@dataclass
class Report:
    """What a process has met so far.

    trouble_at: when a look-up last had to be computed or could not be stored, by the monotonic
    clock, which is one for all processes. warnings: log messages of that level and above.
    """

    calls: int = 0
    hits: int = 0
    trouble_at: float = 0.0
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> int:
        """How often the log tells that the cache can't be used."""
        return sum(COMPLAINT in message for message in self.warnings)

    def check(self, number: int, value: Any) -> None:
        """Note a value that is not the right one."""
        if value != value_of(number):
            self.wrong.append(f"{number}: {value!r}"[:200])

    def trouble(self) -> None:
        """Note that the cache was of no use."""
        self.trouble_at = time.monotonic()


class Died(Exception):
    """A process ended that nobody had told to; says how."""


class Actor:
    """One process: what it does, and the way to ask it for its report."""

    def __init__(self, folder: Path, role: Callable[..., None], *arguments: Any) -> None:
        self.pipe, theirs = processes.Pipe()
        self.process = processes.Process(
            target=_act,
            args=(folder, theirs, role, arguments),
            name=role.__name__,
            daemon=True,
        )
        self.process.start()
        theirs.close()

    def report(self) -> Report:
        """Return what it has met so far.

        Raises:
            Died: it is no more.
        """
        with self._alive():
            self.pipe.send("report")
        report: Report = self.receive()
        return report

    def receive(self) -> Any:
        """Return what it tells next.

        Raises:
            Died: it has ended without a word, or by an error.
        """
        with self._alive():
            told = self.pipe.recv()
        if isinstance(told, Died):
            raise told
        return told

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as exc:
            self.process.join(ENDING_SECONDS)
            raise Died(f"{self.process.name} ended with {self.process.exitcode}") from exc

    def stop(self) -> None:
        """End the process, as it stands."""
        self.process.kill()
        self.process.join()


@contextmanager
def acting(folder: Path, *roles: Callable[..., None]) -> Iterator[list[Actor]]:
    """Start a process for each role; end them, and what was added to the list, afterwards."""
    actors = [Actor(folder, role) for role in roles]
    try:
        yield actors
    finally:
        for actor in actors:
            actor.stop()


@contextmanager
def cache_folder() -> Iterator[Path]:
    """A folder of nobody's with both databases, as `fill` makes them."""
    folder = Path(tempfile.mkdtemp(prefix="perfsite-faults-"))
    try:
        shutil.copytree(_template(), folder, dirs_exist_ok=True)
        for place in (folder, *folder.rglob("*")):
            own(place)
        yield folder
    finally:
        for place in folder.rglob("*"):
            if place.is_dir():
                place.chmod(0o700)
        shutil.rmtree(folder)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="perfsite-faults-template-"))
    atexit.register(shutil.rmtree, folder)
    own(folder)
    maker = Actor(folder, fill)
    maker.process.join()
    assert maker.process.exitcode == 0
    return folder


def own(place: Path) -> None:
    """Give a file or folder to the one that the processes run as."""
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)


def cache_path(folder: Path) -> Path:
    """Return the cache's file."""
    return folder / "cache" / "cache.sqlite3"


def _act(
    folder: Path, pipe: Connection, role: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    drop_rights()
    settings.CACHE_FLUSH_SECONDS = FLUSH_SECONDS
    connections.settings["cache"]["NAME"] = str(cache_path(folder))
    connections.settings["default"]["NAME"] = str(folder / "default.sqlite3")
    try:
        role(Stage(folder, pipe), *arguments)
    except Exception:
        pipe.send(Died(traceback.format_exc()))
        raise


def drop_rights() -> None:
    """Go on as nobody. What isn't imported yet may be out of reach from here on."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


class Stage(logging.Handler):
    """What a process has: the cache, its folder, its report, and whoever asks for that."""

    def __init__(self, folder: Path, pipe: Connection) -> None:
        super().__init__(logging.WARNING)
        self.folder = folder
        self.pipe = pipe
        self.told = Report()
        logger = logging.getLogger("cachestats")
        logger.addHandler(self)
        logger.propagate = False

    @property
    def cache(self) -> PerfCache:
        """The site's cache, in this process."""
        return get_cache()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.warnings.append(f"{record.levelname}: {record.getMessage()}"[:300])

    def turns(self) -> Iterator[int]:
        """Count turns for as long as the process lives; answer who asks in between."""
        turn = 0
        while True:
            if self.pipe.poll():
                self.pipe.recv()
                self.pipe.send(self.told)
            yield turn
            turn += 1
            time.sleep(PAUSE_SECONDS)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Note what a call raises: nothing may."""
        self.told.calls += 1
        try:
            yield
        except Exception as exc:
            self.told.errors.append(repr(exc)[:300])
            self.told.trouble()


def fill(stage: Stage) -> None:
    """Make both databases and store what all others look up."""
    cache_path(stage.folder).parent.mkdir()
    call_command("migrate", verbosity=0)
    call_command("migrate", database="cache", verbosity=0)
    for number in range(HOT_KEYS + COLD_KEYS):
        assert stage.cache.set(content_of(number), value_of(number))
    stage.cache.close()


def read(stage: Stage) -> None:
    """Look keys up: hot ones, which are there or get computed, and cold ones, wherever they lie."""
    choice = random.Random(os.getpid())
    told = stage.told
    for _ in stage.turns():
        hot, cold = choice.randrange(HOT_KEYS), HOT_KEYS + choice.randrange(COLD_KEYS)
        with stage.call():
            found = stage.cache.get_or_compute(content_of(hot), partial(value_of, hot))
            told.check(hot, found.value)
            if found.state in {CacheState.HIT, CacheState.COLLAPSED}:
                told.hits += 1
            else:
                told.trouble()
            told.check(cold, stage.cache.get(content_of(cold), default=value_of(cold)))


def write(stage: Stage) -> None:
    """Store hot keys, one after the other."""
    for turn in stage.turns():
        number = turn % HOT_KEYS
        with stage.call():
            if not stage.cache.set(content_of(number), value_of(number)):
                stage.told.trouble()
