"""@cached over the site's own cache and configuration, in an event loop."""

import asyncio

import pytest

from cachestats.config.current import forget
from cachestats.decorators import cached

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])


def test_cached_in_an_event_loop_reads_the_configuration() -> None:
    """Nobody has read the configuration yet, and an event loop may not wait for the ORM."""
    calls: list[int] = []

    @cached()
    async def slow(number: int) -> int:
        calls.append(number)
        await asyncio.sleep(0.02)
        return number

    async def many() -> list[int]:
        return await asyncio.gather(*(slow(1) for _ in range(10)))

    forget()
    assert asyncio.run(many()) == [1] * 10
    assert calls == [1]
