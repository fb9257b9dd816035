"""What the cache has lost, and how often entries were hit in which life."""

from typing import Any

import pytest

from cachestats.models import CacheEntry, EntryUse
from cachestats.services import (
    PurgeFilter,
    count_bytes,
    entry_lives,
    evict,
    expire,
    lost_entries,
    purge,
)
from tests.integration.cachestats.conftest import Bench

pytestmark = pytest.mark.usefixtures("databases")

TYPES = ("default", "api")


def put(bench: Bench, text: str, *, hits: int, cost_ms: float | None, cache_type="default") -> str:
    """Store an entry that was hit so often; return the first digits of its key."""
    content = {"text": text}
    bench.cache.set(content, text, ttl=60, cache_type=cache_type)
    key = bench.cache.key(content, cache_type=cache_type)
    CacheEntry.objects.filter(id=key.row_id).update(cost_ms=cost_ms)
    bench.cache.flush()
    look_up(bench, text, hits, cache_type)
    return key.hex[:16]


def look_up(bench: Bench, text: str, times: int, cache_type="default") -> None:
    for _ in range(times):
        assert bench.cache.get({"text": text}, cache_type=cache_type) == text
    bench.cache.flush()


def lives(bench: Bench, text: str) -> list[int]:
    key = bench.cache.key({"text": text}).hex
    return [life.hits for life in entry_lives([key, "f" * 64]).values()]


def test_lost_entries_are_sorted_by_what_they_saved(bench: Bench):
    """Hits times cost, expired or evicted. What nobody ever hit, what is there, what was purged and
    what is of another type is not among them.
    """
    cheap = put(bench, "cheap", hits=3, cost_ms=10)
    dear = put(bench, "dear", hits=1, cost_ms=500)
    popular = put(bench, "popular", hits=9, cost_ms=100, cache_type="api")
    unknown = put(bench, "of unknown cost", hits=7, cost_ms=None)
    put(bench, "never hit", hits=0, cost_ms=1000)
    put(bench, "of another type", hits=5, cost_ms=1000, cache_type="vision")
    put(bench, "purged", hits=5, cost_ms=1000)
    purge(PurgeFilter(key=bench.cache.key({"text": "purged"}).hex), "test")
    EntryUse.objects.filter(id=bench.cache.key({"text": "cheap"}).row_id).update(used_ms=0)
    evict(count_bytes() - 1)
    assert expire() > 0
    put(bench, "there", hits=5, cost_ms=1000)

    found = lost_entries(TYPES, 10)

    assert [lost.digits for lost in found] == [popular, dear, cheap, unknown]
    assert [lost.hits for lost in found] == [9, 1, 3, 7]
    assert lost_entries(TYPES, 2) == found[:2]


@pytest.mark.parametrize("swept", [True, False])
def test_hits_are_those_of_one_life(bench: Bench, swept: bool):
    """What was over and is computed again is counted anew, whether a sweep found it or not; what is
    stored over a live answer goes on.
    """
    put(bench, "again", hits=3, cost_ms=10)
    bench.cache.set({"text": "again"}, "again", ttl=60)
    look_up(bench, "again", 1)
    assert lives(bench, "again") == [4]

    bench.now_ms += 61_000
    if swept:
        EntryUse.objects.update(gone="expired")
        CacheEntry.objects.all().delete()
    assert lives(bench, "again") == [4]
    bench.cache.set({"text": "again"}, "again", ttl=60)
    look_up(bench, "again", 2)

    assert lives(bench, "again") == [2]


def test_life_ends_with_the_entrys_time(bench: Bench):
    """It is the entry's own, in milliseconds, by which one life is told from the next."""
    put(bench, "once", hits=1, cost_ms=10)
    key: Any = bench.cache.key({"text": "once"}).hex

    assert entry_lives([key])[key].expires_ms == bench.now_ms + 60_000
    assert entry_lives([]) == {}
