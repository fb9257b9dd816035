"""Places for requests: so many at once to one host, so many in all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Places:
    """The places of one event loop; whoever comes first is served first."""

    def __init__(self, *, in_all: int, per_host: int) -> None:
        self._in_all = asyncio.Semaphore(in_all)
        self._per_host = per_host
        # A host that nobody asks or waits for is forgotten.
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        """Hold a place, once one is free, until the block ends."""
        at_host = self._hosts.setdefault(host, asyncio.Semaphore(self._per_host))
        # The host's own comes first: who waits for a slow host takes nobody's place elsewhere.
        async with at_host, self._in_all:
            yield
