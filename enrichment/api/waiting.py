"""Waiting for a reflection inside a request: bounded in time, and in how many may.

A request that waits holds one of the server's threads and nothing else: no transaction, no lock,
and the database only for the moments in which it looks.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter

from enrichment.api.etags import State, state_of
from enrichment.api.queries import whole
from enrichment.reports import Viewer

MAX_SECONDS = 30
# A look is one small query; a stage takes seconds on a CPU.
LOOK_SECONDS = 0.2
READERS = {"wait": whole(0, MAX_SECONDS)}
PARAMETER = OpenApiParameter(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": MAX_SECONDS, "default": 0},
    description="Answer once the reflection is finished, or as it is after so many seconds. While "
    "too many others wait, the answer comes at once.",
)


class _Places:
    """Counts who waits in this process: never more than half of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Hold a place if there is one; yields whether there was."""
        with self._lock:
            free = self._taken < settings.WEB_THREADS // 2
            self._taken += free
        try:
            yield free
        finally:
            with self._lock:
                self._taken -= free


_places = _Places()
_ending = threading.Event()


def wait_for(look: Callable[[], State], enough: Callable[[State], bool], seconds: int) -> State:
    """Return the state once it is enough, or as it is after so long; at once if too many wait."""
    state = look()
    if enough(state) or not seconds:
        return state
    with _places.one() as free:
        ends_at = time.monotonic() + seconds
        while free and not enough(state) and (left := ends_at - time.monotonic()) > 0:
            if _ending.wait(min(LOOK_SECONDS, left)):
                break
            state = look()
    return state


def end_waits() -> None:
    """Let all who wait have their answer, now and from now on: this process is to end."""
    _ending.set()


def wait_until_finished(reflection_id: UUID, seconds: int) -> None:
    """Return once a reflection is finished, or after so long; at once if too many wait.

    Raises:
        Http404: it was deleted meanwhile.
    """
    wait_for(
        lambda: state_of(reflection_id, Viewer(sees_all=True)),
        lambda state: state.finished,
        seconds,
    )
