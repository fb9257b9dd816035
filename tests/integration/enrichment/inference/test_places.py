"""Places by themselves: the connection pool's own limit, which agrees, does not stand in here."""

import asyncio
from collections import Counter

from enrichment.inference.places import Places


def test_places_hold_both_limits_exactly() -> None:
    """Of 200 at once to three hosts 16 are inside in all, and six at one host, never more."""
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def visit(places: Places, host: str) -> None:
        async with places.place(host):
            inside[host] += 1
            most[host] = max(most[host], inside[host])
            most["all"] = max(most["all"], inside.total())
            await asyncio.sleep(0.001)
            inside[host] -= 1

    async def many() -> None:
        places = Places(in_all=16, per_host=6)
        await asyncio.gather(*(visit(places, f"host {n % 3}") for n in range(200)))

    asyncio.run(many())
    assert most == {"host 0": 6, "host 1": 6, "host 2": 6, "all": 16}
    assert inside.total() == 0
