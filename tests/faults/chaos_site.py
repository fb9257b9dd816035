"""The site of the chaos runs: its servers, its processes, its load, and what its log tells."""

import contextlib
import json
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

import httpx
import psutil

from tests.faults.cache_matrix import can_mount
from tests.faults.chaos_books import UNREADABLE, Books
from tests.faults.chaos_model import ChaosModel
from tests.queues import alive, family
from tests.servers import Server, postgres_server, redis_server
from tests.sites import Site, end_site, free_port, start_site

BROKERS = ("sqlite", "postgresql", "redis")
WORKERS = 2
DISK_MEGABYTES = 512
# So many jobs wait or run at all times, so that there is always work to claim.
BACKLOG = 8
# Fallbacks take no time: without a bound an outage would leave very many to be enriched again.
PAUSE_SECONDS = 0.15
PATIENCE_SECONDS = 60.0
# Of what the site wrote, where it does not do what it should.
SAID_CHARACTERS = 3_000
SYSTEMD_RESTART_SECONDS = 0.1
# Short, so that a model that hangs is given up within a fault. One variant, so that what the model
# is asked follows from the reflections alone.
TUNING = {
    "inference": {"variants": 1},
    "networking": {
        "timeout_connect": 2,
        "timeout_read": 4,
        "retry_attempts": 2,
        "retry_backoff_ms": [100],
    },
}
WHO = ("my sister", "the exam", "our garden", "my boss", "the doctor", "an old friend", "the dog")
WHERE = ("at home", "at work", "by the sea", "in the rain", "at school", "on the train", "at night")


class World:
    """Everything that runs, and that can be broken."""

    def __init__(self, broker: str, folder: Path, seed: int) -> None:
        self.broker = broker
        self.folder = folder
        self.chance = random.Random(seed)
        self.model = ChaosModel()
        self.disk = folder / "disk"
        self.postgres: Server | None = None
        self.redis: Server | None = None
        self.books: Books
        self.site: Site
        self.load: Load
        self.log = Log(folder / "output.txt")
        # When a part was killed that the site itself replaces; recovery counts from then.
        self.killed_at: float | None = None
        # Processes that outlived their supervisor and did not end by themselves.
        self.left_behind = 0
        self._port = free_port()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start all of it, and end it afterwards."""
        with self.standing():
            self.load = Load(self)
            with self.load.going_on():
                yield

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Start all but the load, and end it afterwards."""
        with ExitStack() as stack:
            self._start_servers(stack)
            self.model.start()
            stack.callback(self.model.stop)
            self.start()
            stack.callback(lambda: end_site(self.site))
            self.wait_until_settled()
            self.books.watch()
            yield

    def _start_servers(self, stack: ExitStack) -> None:
        self.disk.mkdir()
        if can_mount():
            size = f"size={DISK_MEGABYTES}m"
            mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.disk)]
            subprocess.run(mount, check=True)
            stack.callback(subprocess.run, ["umount", "-l", str(self.disk)], check=True)
        if self.broker == "sqlite":
            self.books = Books(self.disk / "var" / "perfsite.sqlite3")
            return
        data = self.disk / "postgresql"
        data.mkdir()
        self.disk.chmod(0o755)
        self.folder.chmod(0o755)
        self.postgres = stack.enter_context(postgres_server(data))
        self.books = Books(self.postgres.url)
        if self.broker == "redis":
            self.redis = stack.enter_context(redis_server())

    @property
    def environment(self) -> dict[str, str]:
        """What is set for the site's processes."""
        tuning = self.folder / "perf_config.json"
        tuning.write_text(json.dumps(TUNING))
        var = self.disk if self.broker == "sqlite" else self.folder
        return {
            "VAR_DIR": str(var / "var"),
            "PERF_CONFIG": str(tuning),
            "OLLAMA_HOST": self.model.script.url,
            "LOG_FORMAT": "json",
            **({"DATABASE_URL": self.postgres.url} if self.postgres else {}),
            **({"REDIS_URL": self.redis.url} if self.redis else {}),
        }

    def start(self) -> None:
        """Start the site, as systemd does at boot and after its end."""
        arguments = ("--workers", str(WORKERS))
        self.site = start_site(self.folder, self._port, *arguments, **self.environment)

    def kill(self, members: list[psutil.Process], *, with_them: list[psutil.Process]) -> None:
        """Kill processes, and wait until those that are ended with them are gone too."""
        self.killed_at = time.time()
        with self.model.counting_lost():
            send(members, signal.SIGKILL)
            _, left = psutil.wait_procs(with_them, timeout=PATIENCE_SECONDS)
        assert not left, "processes of the old family live on"

    def kill_supervisor(self, members: list[psutil.Process]) -> None:
        """Kill what watches the site, and do what systemd does: end the rest, start it again."""
        everything = self.site.family()
        with self.model.counting_lost():
            send(members, signal.SIGKILL)
            self._end(everything)
        self.site.process.wait()
        time.sleep(SYSTEMD_RESTART_SECONDS)
        self.start()

    def _end(self, members: list[psutil.Process]) -> None:
        _, left = psutil.wait_procs(members, timeout=10)
        self.left_behind += len(left)
        for member in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(left, timeout=10)

    def wait_until_settled(self) -> None:
        """Wait until the site takes requests and all processes of its queue are there."""
        self.until(lambda: self._ready() and self._whole(), "settled")

    def until(self, reached: Callable[[], bool], what: str) -> float:
        """Wait for something; return when it was so, in seconds since the epoch."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            if time.monotonic() > deadline:
                said = (self.folder / "output.txt").read_text(errors="replace")[-SAID_CHARACTERS:]
                raise TimeoutError(f"not {what} within {PATIENCE_SECONDS:.0f} s; last told: {said}")
            time.sleep(0.02)
        return time.time()

    def _ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"{self.site.url}/readyz", trust_env=False, timeout=5)
            return answer.status_code == httpx.codes.OK
        return False

    def _whole(self) -> bool:
        try:
            return all(map(alive, family(self.site).values()))
        except (ValueError, psutil.NoSuchProcess):
            return False

    def workers(self, *, busy: bool) -> list[psutil.Process]:
        """Return the worker processes that hold a claim, or those that hold none."""
        claims = self.books.rows("SELECT claimed_by FROM enrichment_job WHERE claimed_by != ''")
        pids = {int(name.rpartition(":")[2]) for (name,) in claims}
        members = family(self.site)
        found = [member for role, member in members.items() if role.startswith("worker")]
        return [member for member in found if (member.pid in pids) is busy]

    def unfinished(self) -> int:
        """Return how many submitted jobs wait or run."""
        return self.books.number(
            "SELECT count(*) FROM enrichment_job"
            " WHERE finished_at IS NULL AND purpose = 'submitted'"
        )


class Load:
    """Submits texts, so that there is always some work; knows what the site has accepted."""

    pause_seconds = PAUSE_SECONDS
    scopes: tuple[str, ...] = ("enrich:run",)

    def __init__(self, world: World) -> None:
        self.accepted: dict[str, str] = {}
        self.accepted_at = 0.0
        self.refused = 0
        self.headers: dict[str, str] = {}
        self._world = world
        self._chance = random.Random(world.chance.random())
        self._numbers = count()
        self._flowing = threading.Event()
        self._ended = threading.Event()
        self._recent: list[str] = []
        self._submitting = threading.Lock()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Submit until this is left."""
        site = self._world.site
        self.headers = {"Authorization": f"Bearer {site.token(*self.scopes)}"}
        self._flowing.set()
        thread = threading.Thread(
            target=self._submit_all, args=(f"{site.url}/api/v1/reflections/",)
        )
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._flowing.set()
            thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Submit nothing for a while; what was being submitted is through."""
        self._flowing.clear()
        with self._submitting:
            pass
        try:
            yield
        finally:
            self._flowing.set()

    def _submit_all(self, url: str) -> None:
        with httpx.Client(headers=self.headers, trust_env=False, timeout=30) as client:
            while not self._ended.is_set():
                self._flowing.wait()
                with self._submitting:
                    if self._flowing.is_set() and not self._enough():
                        self._submit(client, url)
                time.sleep(self.pause_seconds)

    def _submit(self, client: httpx.Client, url: str) -> None:
        text = self._text()
        try:
            answer = client.post(url, json={"text": text})
        except httpx.TransportError:
            # Whether it was taken is unknown; the audit looks at all there is.
            return
        if answer.is_success:
            self.accepted[answer.json()["id"]] = text
            self.accepted_at = time.time()
        else:
            self.refused += 1

    def _enough(self) -> bool:
        with contextlib.suppress(*UNREADABLE):
            return self._world.unfinished() >= BACKLOG
        return False

    def _text(self) -> str:
        """Return a text; now and then one that was sent just before, and may be at work."""
        if self._recent and self._chance.random() < 0.2:
            return self._chance.choice(self._recent)
        who, where = self._chance.choice(WHO), self._chance.choice(WHERE)
        text = f"Thinking about {who} {where} today, note {next(self._numbers)}."
        self._recent = [*self._recent[-4:], text]
        return text


class Log:
    """What the site's processes wrote: JSON lines, and whatever else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._rest = b""
        self._times: dict[str, list[float]] = {}

    def first(self, event: str, after: float) -> float | None:
        """Return when something was first told after a moment; None if it was not yet."""
        self._follow()
        times = self._times.get(event, ())
        return next((at for at in times if at > after), None)

    def number(self, event: str) -> int:
        """Return how often something was told."""
        self._follow()
        return len(self._times.get(event, ()))

    def _follow(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            # A process that is killed while it writes leaves half a line.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                told = json.loads(line)
                at = datetime.fromisoformat(told["timestamp"]).timestamp()
                self._times.setdefault(told["event"], []).append(at)


@contextmanager
def chaos_folder() -> Iterator[Path]:
    """Yield a folder that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="perfsite-chaos-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def send(members: list[psutil.Process], how: signal.Signals) -> None:
    """Send a signal to processes; those that are gone by now are left out."""
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(how)
