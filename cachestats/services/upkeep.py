"""Keeping the cache within its bounds: expiry, eviction, and lists that agree with the entries."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import router, transaction
from django.db.models import Count, QuerySet, Sum

from cachestats import config
from cachestats.batches import compact
from cachestats.models import CacheEntry, Departure, EntryTotal, EntryUse, Failure
from cachestats.retention import Rule, deletion
from cachestats.services.removal import BATCH_ROWS, GONE_KEPT, remove
from cachestats.stores.rows import FAILURE_MS
from cachestats.worth import weigh

LISTED_BATCH_ROWS = 5_000
FIRST_ID, LAST_ID = -(2**63) - 1, 2**63 - 1


def expire(now: datetime | None = None) -> int:
    """Delete entries whose time is over and return how many."""
    return sum(expiring(now or datetime.now(UTC)))


def expired(now: datetime) -> QuerySet[EntryUse]:
    """Return what is listed as there, but over."""
    return EntryUse.objects.filter(gone="", expires_ms__lte=_ms(now))


def expiring(now: datetime) -> Iterator[int]:
    """Delete entries whose time is over, batch by batch; yield how many went."""
    for batch in _batches(list(expired(now).values_list("id", flat=True))):
        # The list may lag behind an entry that was just stored again.
        still = CacheEntry.objects.filter(id__in=batch, expires_ms__gt=_ms(now))
        stored_again = set(still.values_list("id", flat=True))
        yield remove([row_id for row_id in batch if row_id not in stored_again], Departure.EXPIRED)


def evict(max_bytes: int) -> int:
    """Delete the least recently used entries until the values fit; return how many."""
    return sum(evicting(max_bytes))


def evicting(max_bytes: int) -> Iterator[int]:
    """Delete the least recently used entries until the values fit; yield how many went."""
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
        yield remove(batch, Departure.EVICTED)


def sweep() -> None:
    """Keep the cache and its counts within their bounds; run at start and on a schedule."""
    now = datetime.now(UTC)
    compact(now)
    for rule in entry_rules():
        for _ in rule.remove(now):
            pass


def entry_rules() -> list[Rule]:
    """Return the rules by which entries go, and what is remembered of them."""
    max_bytes = config.current().config.caching.max_bytes
    return [
        Rule(
            table=CacheEntry,
            why="expired",
            count=lambda now: expired(now).count(),
            remove=expiring,
        ),
        Rule(
            table=CacheEntry,
            why=f"least recently used, beyond {max_bytes:,} bytes",
            count=lambda _now: _count_to_evict(max_bytes),
            remove=lambda _now: evicting(max_bytes),
        ),
        Rule(
            table=EntryUse,
            why=f"of entries that are gone, beyond the last {GONE_KEPT:,}",
            count=lambda _now: max(0, EntryUse.objects.exclude(gone="").count() - GONE_KEPT),
            remove=lambda _now: _forgetting_gone(),
        ),
        # Those who waited have heard of them; a message may quote somebody's words.
        deletion(
            Failure,
            "older than a minute",
            lambda now: Failure.objects.filter(at_ms__lt=_ms(now) - FAILURE_MS),
        ),
    ]


def _forgetting_gone() -> Iterator[int]:
    gone = EntryUse.objects.exclude(gone="").order_by("-used_ms").values_list("id", flat=True)
    for batch in _batches(list(gone[GONE_KEPT:])):
        yield EntryUse.objects.filter(id__in=batch).exclude(gone="").delete()[0]


def _count_to_evict(max_bytes: int) -> int:
    """Return how many entries `evicting` would delete now."""
    excess, found = count_bytes() - max_bytes, 0
    oldest = EntryUse.objects.filter(gone="").order_by("used_ms")
    for size_bytes in oldest.values_list("size_bytes", flat=True).iterator():
        if excess <= 0:
            break
        excess -= size_bytes
        found += 1
    return found


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


def _ms(at: datetime) -> int:
    # Rounded: a datetime may lie a microsecond before the instant that it was made of.
    return round(at.timestamp() * 1000)
