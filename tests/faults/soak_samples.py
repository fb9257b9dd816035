"""What a running site takes: memory, handles and threads of each process, and its files' sizes."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.chaos_books import UNREADABLE
from tests.faults.chaos_site import World
from tests.queues import family

MEBIBYTE = 2**20
WEB = "web server"
SUPERVISOR = "supervisor"
# What is measured of each process, with its unit.
MEASURES = {"memory": "MB", "own memory": "MB", "handles": "", "threads": "", "processor": "%"}

# Times are seconds since the epoch.
Points = list[tuple[float, float]]


@dataclass
class Life:
    """One process from its first sample to its last. series: what was measured, by its name."""

    role: str
    series: dict[str, Points] = field(default_factory=lambda: defaultdict(list))
    processor_seconds: float | None = None

    @property
    def seconds(self) -> float:
        times = [at for at, _ in self.series["memory"]]
        return times[-1] - times[0]


class Samples:
    """Looks at the site every few seconds."""

    def __init__(self, world: World) -> None:
        self.lives: dict[psutil.Process, Life] = {}
        # Sizes of the database files and of their logs, in MB.
        self.files: dict[str, Points] = defaultdict(list)
        self._world = world

    @contextmanager
    def going_on(self, every_seconds: float) -> Iterator[None]:
        """Take samples until this is left, and one then."""
        ended = threading.Event()

        def take_all() -> None:
            while not ended.wait(every_seconds):
                self._take()

        thread = threading.Thread(target=take_all)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._take()

    def _take(self) -> None:
        # Who has just died is left out this time.
        with contextlib.suppress(ValueError, psutil.Error):
            for role, process in self._processes().items():
                life = self.lives.get(process, Life(role))
                with contextlib.suppress(psutil.Error):
                    _measure(process, life)
                    self.lives[process] = life
        now = time.time()
        with contextlib.suppress(*UNREADABLE, FileNotFoundError):
            for name, size in self._sizes().items():
                self.files[name].append((now, size / MEBIBYTE))

    def _sizes(self) -> dict[str, int]:
        """Return the bytes of the databases, and of SQLite's logs."""
        if self._world.postgres:
            size = "SELECT pg_database_size(current_database())"
            return {"databases": self._world.books.number(size)}
        var = Path(self._world.site.env["VAR_DIR"])
        patterns = {"databases": "*.sqlite3", "logs": "*-wal"}
        return {
            name: sum(path.stat().st_size for path in var.glob(pattern))
            for name, pattern in patterns.items()
        }

    def _processes(self) -> dict[str, psutil.Process]:
        """Return all processes by their roles.

        A worker that has done its share is replaced by one that is younger than all others; who was
        seen in a role keeps it, and who is new has the one that is free.
        """
        serve = psutil.Process(self._world.site.process.pid)
        [web] = [child for child in serve.children() if "granian" in " ".join(child.cmdline())]
        [answering] = web.children()
        queue = family(self._world.site)
        known = [member for member in queue.values() if member in self.lives]
        seen = {self.lives[member].role: member for member in known}
        free = iter([role for role in queue if role not in seen])
        new = {next(free): member for member in queue.values() if member not in known}
        return {SUPERVISOR: serve, "web server's main process": web, WEB: answering, **seen, **new}


def _measure(process: psutil.Process, life: Life) -> None:
    with process.oneshot():
        memory = process.memory_full_info()
        if not memory.rss:
            # Its end has not been noticed yet.
            raise psutil.ZombieProcess(process.pid)
        found = {
            "memory": memory.rss / MEBIBYTE,
            "own memory": memory.uss / MEBIBYTE,
            "handles": process.num_fds(),
            "threads": process.num_threads(),
        }
        used = sum(process.cpu_times()[:2])
    now = time.time()
    if life.processor_seconds is not None:
        passed = now - life.series["memory"][-1][0]
        found["processor"] = (used - life.processor_seconds) / passed * 100
    life.processor_seconds = used
    for name, value in found.items():
        life.series[name].append((now, value))
