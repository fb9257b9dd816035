"""Starts the whole site as a user does: `manage.py serve`, in a folder of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.engines import ROOT

READY_SECONDS = 90
DONE_SECONDS = 120


@dataclass(frozen=True)
class Site:
    """A running site: its address, its process and the environment of its commands."""

    url: str
    process: subprocess.Popen[str]
    env: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run a management command beside it and return what it prints."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=True
        )
        return done.stdout

    def token(self, *scopes: str) -> str:
        """Return a new token that is bound to no owner."""
        arguments = [word for scope in scopes for word in ("--scope", scope)]
        return str(json.loads(self.manage("create_token", "web", *arguments, "--json"))["token"])

    def client(self, *scopes: str) -> httpx.Client:
        """Return an HTTP client that holds a token."""
        headers = {"Authorization": f"Bearer {self.token(*scopes)}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def family(self) -> list[psutil.Process]:
        """Return the site's process and all its descendants."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


@contextmanager
def running_site(directory: Path, *arguments: str, **env: str) -> Iterator[Site]:
    """Start a site, wait until it can take work, and end it afterwards; as `start_site`."""
    site = start_site(directory, free_port(), *arguments, **env)
    try:
        wait_until_ready(site, directory)
        yield site
    finally:
        end_site(site)


def start_site(directory: Path, port: int, *arguments: str, **env: str) -> Site:
    """Start a site; what it says is added to output.txt in the folder.

    Args:
        arguments: of `serve`, beside its port.
        env: what is set; the rest is as in development on a fresh machine.
    """
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "DEBUG": "1",
        "VAR_DIR": str(directory / "var"),
        "OLLAMA_HOST": "",
        # One token stands for a crowd here; it is counted, and never too much.
        "THROTTLE_READ": "1000000",
        "THROTTLE_SUBMISSION": "1000000",
        **env,
    }
    with (directory / "output.txt").open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    return Site(f"http://127.0.0.1:{port}", process, environment)


def end_site(site: Site) -> None:
    """End a site as Ctrl-C does, and whatever of it does not end."""
    family = site.family() if site.process.poll() is None else []
    with contextlib.suppress(ProcessLookupError):
        site.process.send_signal(signal.SIGINT)
    try:
        site.process.wait(20)
    except subprocess.TimeoutExpired:
        site.process.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def wait_until_ready(site: Site, directory: Path) -> None:
    """Wait for /readyz, which is 503 while the model loads."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if site.process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{site.url}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"the site did not start: {(directory / 'output.txt').read_text()}")


def wait_until_finished(client: httpx.Client, location: str) -> dict:
    """Poll a reflection as a web app does, and return it once both stages are there."""
    deadline = time.monotonic() + DONE_SECONDS
    while time.monotonic() < deadline:
        body = client.get(location).json()
        if body["status"] in {"complete", "failed"}:
            return body
        time.sleep(0.1)
    pytest.fail(f"not finished in time: {body}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
