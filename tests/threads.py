"""The same done by many threads at once."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

TOGETHER_SECONDS = 60

T = TypeVar("T")


def at_once(action: Callable[[], T], times: int) -> list[Future[T]]:
    """Do it so many times at once, each on connections of its own; return how each ended."""
    ready = threading.Barrier(times)

    def act() -> T:
        try:
            ready.wait(TOGETHER_SECONDS)
            return action()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as executor:
        return [executor.submit(act) for _ in range(times)]
