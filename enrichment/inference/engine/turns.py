"""One at a time, in the order of arrival."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from enrichment.inference.engine.errors import AbandonedError

# How long a waiting request whose client has gone may stay in the queue.
POLL_SECONDS = 0.25


class Turns:
    """A fair lock whose waiters can give up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def take(self, wanted: Callable[[], bool]) -> Iterator[None]:
        """Wait for the turn and hold it.

        Args:
            wanted: asked while waiting and once more before the turn begins.

        Raises:
            AbandonedError: `wanted` said no; nothing was done.
        """
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        try:
            self._wait(ticket, wanted)
            yield
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, wanted: Callable[[], bool]) -> None:
        with self._changed:
            while wanted():
                if self._queue[0] is ticket:
                    return
                self._changed.wait(POLL_SECONDS)
        raise AbandonedError("the client has gone")
