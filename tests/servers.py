"""Private PostgreSQL and Redis servers for tests, on free ports, as an unprivileged user."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.sites import free_port

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
LOOPBACK = "127.0.0.1"
START_SECONDS = 60


def find(program: str) -> str:
    """Return a server's program; without it the test is skipped, or under CI failed."""
    path = os.pathsep.join([*map(str, DEBIAN), os.environ.get("PATH", "")])
    if found := shutil.which(program, path=path):
        return found
    reason = f"{program} is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Server:
    """A server that can be killed and started again on its data; `url` names it to clients."""

    url: str
    command: list[str]
    log: Path
    answers: Callable[[], None]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command, user=_unprivileged(), cwd="/", stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(psycopg.Error, subprocess.CalledProcessError):
                self.answers()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self.command[0]} did not start: {self.log.read_text()}")
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, how: signal.Signals) -> None:
        """Send it a signal that ends it, and wait for its end."""
        assert self.process is not None
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def postgres_server(
    disk: Path | None = None, *, host: str = LOOPBACK, trusted: str = f"{LOOPBACK}/32"
) -> Iterator[Server]:
    """Start PostgreSQL with an empty database.

    Args:
        disk: an empty folder for its data; None for one of its own.
        host: the address of this machine at which it listens.
        trusted: from which addresses anybody may do anything.
    """
    initdb, postgres = find("initdb"), find("postgres")
    with _folder(disk) as folder:
        data, port = folder / "data", free_port()
        _run([initdb, "-D", str(data), "-U", "tests", "-A", "trust", "--no-sync"])
        # Nothing here has to survive a power cut.
        command = [postgres, "-D", str(data), "-p", str(port), "-k", str(folder), "-F"]
        # Threads of tests come and go, and each has its own connection until it is collected.
        command += ["-c", f"listen_addresses={host}", "-c", "max_connections=400"]
        with (data / "pg_hba.conf").open("a") as who_may:
            who_may.write(f"host all all {trusted} trust\n")
        url = f"postgresql://tests@{host}:{port}/postgres"
        with _serving(Server(url, command, _log(), lambda: psycopg.connect(url).close())) as server:
            yield server


@contextmanager
def redis_server(host: str = LOOPBACK) -> Iterator[Server]:
    """Start Redis at an address of this machine; it forgets all when it ends."""
    program = find("redis-server")
    with _folder() as folder:
        port = free_port()
        command = [program, "--port", str(port), "--dir", str(folder), "--save", ""]
        command += ["--bind", host, "--protected-mode", "no"]
        client = shutil.which("redis-cli") or "redis-cli"
        ping = [client, "-h", host, "-p", str(port), "ping"]
        server = Server(f"redis://{host}:{port}/0", command, _log(), lambda: _run(ping))
        with _serving(server):
            yield server


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start PostgreSQL with an empty database; yield its URL."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def running_redis() -> Iterator[str]:
    """Start Redis; yield its URL."""
    with redis_server() as server:
        yield server.url


@contextmanager
def _folder(given: Path | None = None) -> Iterator[Path]:
    folder = given or Path(tempfile.mkdtemp(prefix="perfsite-server-"))
    if (who := _unprivileged()) is not None:
        shutil.chown(folder, who)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> str | None:
    """Return whom to run servers as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: list[str]) -> None:
    subprocess.run(
        command, user=_unprivileged(), cwd="/", check=True, capture_output=True, text=True
    )


def _log() -> Path:
    """Return where a server writes its log: not on its disk, which may be full."""
    descriptor, name = tempfile.mkstemp(prefix="perfsite-server-", suffix=".log")
    os.close(descriptor)
    return Path(name)


@contextmanager
def _serving(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        # PostgreSQL takes SIGTERM for "once the last client has gone".
        if server.alive:
            server.stop(signal.SIGINT)
        server.log.unlink()
