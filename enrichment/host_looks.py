"""What hosts say of themselves, looked at beside the pages that show it.

A page never waits for a host that is away: it shows what was seen last, and a thread looks anew.
Only what was never seen is waited for, for a moment. Looks count for no breaker and in no report.
"""

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cachestats.config import current
from enrichment import hosts
from enrichment.errors import InferenceError
from enrichment.inference.messages import HeldModel
from enrichment.inference.ollama import OllamaClient

FRESH_SECONDS = 4.0
FIRST_WAIT_SECONDS = 0.5
THREADS = 4


@dataclass(frozen=True, kw_only=True)
class HostLook:
    """One host as it was seen. at: when it last answered; None if it never did, or not yet.

    trouble: why it does not answer; empty while it does, or was not looked at yet. looked: whether
    it was.
    """

    url: str
    looked: bool = False
    at: datetime | None = None
    version: str = ""
    trouble: str = ""
    installed: tuple[HeldModel, ...] = ()
    loaded: tuple[HeldModel, ...] = ()


class _Looks:
    """What this process saw last of each host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="host-look")
        self._seen: dict[str, HostLook] = {}
        self._ended_at: dict[str, float] = {}
        self._going_on: dict[str, Future[None]] = {}

    def get(self, urls: Sequence[str]) -> list[HostLook]:
        with self._lock:
            for url in urls:
                self._begin(url)
            first = [going for url, going in self._going_on.items() if url not in self._seen]
        wait(first, timeout=FIRST_WAIT_SECONDS)
        return [self._seen.get(url) or HostLook(url=url) for url in urls]

    def _begin(self, url: str) -> None:
        going_on = self._going_on.get(url)
        if going_on and not going_on.done():
            return
        if time.monotonic() - self._ended_at.get(url, -FRESH_SECONDS) < FRESH_SECONDS:
            return
        how = hosts.client_settings(current().config)
        client = OllamaClient(url, how)
        self._going_on[url] = self._threads.submit(self._look, client)

    def _look(self, client: OllamaClient) -> None:
        url = client.base_url
        try:
            with client:
                found = HostLook(
                    url=url,
                    looked=True,
                    version=client.version(),
                    installed=client.held_models(loaded=False),
                    loaded=client.held_models(loaded=True),
                    at=timezone.now(),
                )
        except InferenceError as exc:
            before = self._seen.get(url)
            at = before.at if before else None
            found = HostLook(url=url, looked=True, at=at, trouble=str(exc))
        self._seen[url] = found
        self._ended_at[url] = time.monotonic()


_looks = _Looks()


def forget() -> None:
    """Know nothing of any host again; a forked child leaves its parent's threads to it."""
    global _looks  # noqa: PLW0603
    _looks = _Looks()


os.register_at_fork(after_in_child=forget)


def look_at(urls: Sequence[str]) -> list[HostLook]:
    """Return what was seen last of these hosts, in a moment; and have them looked at again."""
    return _looks.get(urls)
