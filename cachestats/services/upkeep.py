"""Keeping the cache within its bounds: expiry, eviction, and lists that agree with the entries."""

import time

from django.db import router, transaction
from django.db.models import Count, Sum

from cachestats import config
from cachestats.batches import compact
from cachestats.models import CacheEntry, Departure, EntryTotal, EntryUse, Failure
from cachestats.services.removal import BATCH_ROWS, GONE_KEPT, remove
from cachestats.stores.rows import FAILURE_MS
from cachestats.worth import weigh

LISTED_BATCH_ROWS = 5_000
FIRST_ID, LAST_ID = -(2**63) - 1, 2**63 - 1


def expire() -> int:
    """Delete entries whose time is over and return how many."""
    now_ms = int(time.time() * 1000)
    over = EntryUse.objects.filter(gone="", expires_ms__lte=now_ms).values_list("id", flat=True)
    expired = 0
    for batch in _batches(list(over)):
        # The list may lag behind an entry that was just stored again.
        still = CacheEntry.objects.filter(id__in=batch, expires_ms__gt=now_ms)
        stored_again = set(still.values_list("id", flat=True))
        expired += remove(
            [row_id for row_id in batch if row_id not in stored_again], Departure.EXPIRED
        )
    return expired


def evict(max_bytes: int) -> int:
    """Delete the least recently used entries until the values fit; return how many."""
    evicted = 0
    while (excess := count_bytes() - max_bytes) > 0:
        oldest = EntryUse.objects.filter(gone="").order_by("used_ms")
        batch = []
        for row_id, size_bytes in oldest.values_list("id", "size_bytes")[:BATCH_ROWS]:
            if excess <= 0:
                break
            batch.append(row_id)
            excess -= size_bytes
        if not batch:
            break
        evicted += remove(batch, Departure.EVICTED)
    return evicted


def sweep() -> None:
    """Keep the cache and its counts within their bounds; run at start and on a schedule."""
    compact()
    expire()
    evict(config.current().config.caching.max_bytes)
    # Those who waited have heard of them; a message may quote somebody's words.
    Failure.objects.filter(at_ms__lt=int(time.time() * 1000) - FAILURE_MS).delete()
    gone = EntryUse.objects.exclude(gone="").order_by("-used_ms").values_list("id", flat=True)
    for batch in _batches(list(gone[GONE_KEPT:])):
        EntryUse.objects.filter(id__in=batch).exclude(gone="").delete()


def count_up() -> None:
    """Add up what was counted, and at times what entries are worth; run on a short schedule."""
    compact()
    weigh()


def relist() -> None:
    """Make lists and totals agree with the entries: a process that was killed listed nothing."""
    entries = CacheEntry.objects.order_by("id").values_list("id", flat=True)
    after = FIRST_ID
    while batch := list(entries.filter(id__gt=after)[:LISTED_BATCH_ROWS]):
        _list(batch, after, batch[-1])
        after = batch[-1]
    _list([], after, LAST_ID)
    # In one transaction: what is stored or removed meanwhile waits, and is counted once.
    with transaction.atomic(using=router.db_for_write(EntryTotal)):
        EntryTotal.objects.all().delete()
        listed = EntryUse.objects.filter(gone="").order_by().values_list("cache_type")
        EntryTotal.objects.bulk_create(
            EntryTotal(cache_type=name, entries=entries, size_bytes=size_bytes)
            for name, entries, size_bytes in listed.annotate(Count("id"), Sum("size_bytes"))
        )


def count_entries() -> int:
    """Return how many entries there are, expired ones included."""
    return EntryTotal.objects.aggregate(total=Sum("entries"))["total"] or 0


def count_bytes() -> int:
    """Return the bytes of all values."""
    return EntryTotal.objects.aggregate(total=Sum("size_bytes"))["total"] or 0


def _list(row_ids: list[int], after: int, last: int) -> None:
    """List just these entries among those whose id is above `after` and at most `last`."""
    with transaction.atomic(using=router.db_for_write(EntryUse)):
        between = EntryUse.objects.filter(gone="", id__gt=after, id__lte=last)
        listed = set(between.values_list("id", flat=True))
        for batch in _batches(list(listed.difference(row_ids))):
            # Unless it was stored since the entries were read.
            there = CacheEntry.objects.filter(id__in=batch).values_list("id", flat=True)
            EntryUse.objects.filter(id__in=set(batch).difference(there)).delete()
        missing = set(row_ids) - listed
        EntryUse.objects.filter(id__in=missing).delete()
        EntryUse.objects.bulk_create(
            EntryUse(
                id=entry.id,
                # Nobody knows the content any more; its own id is shared with none.
                content_id=entry.id,
                marks="{}",
                cache_type=entry.cache_type,
                model=entry.model,
                size_bytes=entry.size_bytes,
                cost_ms=entry.cost_ms,
                created_ms=entry.created_ms,
                expires_ms=entry.expires_ms,
                used_ms=entry.created_ms,
            )
            for entry in CacheEntry.objects.filter(id__in=missing).defer("value", "digest")
        )


def _batches(row_ids: list[int]) -> list[list[int]]:
    return [row_ids[start : start + BATCH_ROWS] for start in range(0, len(row_ids), BATCH_ROWS)]
