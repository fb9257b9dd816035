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
from pathlib import Path

import psycopg
import pytest

from tests.sites import free_port

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
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


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start PostgreSQL with an empty database; yield its URL."""
    initdb, postgres = find("initdb"), find("postgres")
    with _folder() as folder:
        data, port = folder / "data", free_port()
        _run([initdb, "-D", str(data), "-U", "tests", "-A", "trust", "--no-sync"])
        # Nothing here has to survive a power cut.
        command = [postgres, "-D", str(data), "-p", str(port), "-k", str(folder), "-F"]
        command += ["-c", "listen_addresses=127.0.0.1"]
        url = f"postgresql://tests@127.0.0.1:{port}/postgres"
        with _serving(command, folder, lambda: psycopg.connect(url).close()):
            yield url


@contextmanager
def running_redis() -> Iterator[str]:
    """Start Redis; yield its URL."""
    server = find("redis-server")
    with _folder() as folder:
        port = free_port()
        command = [server, "--port", str(port), "--dir", str(folder), "--save", ""]
        client = shutil.which("redis-cli") or "redis-cli"
        ping = [client, "-p", str(port), "ping"]
        with _serving(command, folder, lambda: _run(ping)):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="perfsite-server-"))
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


@contextmanager
def _serving(command: list[str], folder: Path, answers: Callable[[], None]) -> Iterator[None]:
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, user=_unprivileged(), cwd="/", stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(psycopg.Error, subprocess.CalledProcessError):
                answers()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} did not start: {log.read_text()}")
            time.sleep(0.05)
        yield
    finally:
        # PostgreSQL takes SIGTERM for "once the last client has gone".
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
