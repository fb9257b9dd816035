"""The queue's processes of a running site, and a scripted model that can be held up."""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil

from tests.sites import Site
from tests.standin import Answer, Script, feeling

WORKERS = 2
PATIENCE_SECONDS = 60
numbers = itertools.count()


class Model:
    """A scripted model that can be held up: what is asked then waits."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.let_through = threading.Event()
        self.let_through.set()
        script.generate = self._generate

    def _generate(self, _body: dict[str, Any]) -> Answer:
        self.let_through.wait(PATIENCE_SECONDS)
        return feeling({"grateful": -0.5, "happy": -1.5, "calm": -3.0})

    def times_asked(self, text: str) -> int:
        """How often it was asked about a text."""
        asked = self.script.questions("/api/generate")
        return sum(text in body.get("prompt", "") for body in asked)


def family(site: Site) -> dict[str, psutil.Process]:
    """The queue's processes by role, in the order in which the sentinel starts them."""
    serve = psutil.Process(site.process.pid)
    [main] = [child for child in serve.children() if "qcluster" in child.cmdline()]
    [sentinel] = main.children()
    members = sorted(sentinel.children(), key=lambda member: member.pid)
    names = [*(f"worker {number}" for number in range(WORKERS)), "monitor", "pusher"]
    return {"main": main, "sentinel": sentinel, **dict(zip(names, members, strict=True))}


def settled_family(site: Site) -> dict[str, psutil.Process]:
    """The same, once all of them are there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return family(site)
        except (ValueError, psutil.NoSuchProcess):
            assert time.monotonic() < deadline, "the queue did not start again"
            time.sleep(0.1)


def alive(member: psutil.Process) -> bool:
    """Whether a process runs; one that nobody has asked for its end yet does not."""
    try:
        return bool(member.is_running() and member.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def submit(client: httpx.Client) -> tuple[str, str]:
    """Submit a new text; return it and where its reflection is."""
    text = f"I am grateful for friend number {next(numbers)}."
    accepted = client.post("/api/v1/reflections/", json={"text": text})
    assert accepted.status_code == 202, accepted.text
    return text, accepted.headers["Location"]


def until(reached: Callable[[], bool]) -> None:
    """Wait for something, and fail if it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
