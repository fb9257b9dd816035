"""What is known of entries beside their answers: which were lost, and how often each was hit."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import F
from django.db.models.functions import Coalesce

from cachestats.models import Departure, EntryUse
from cachestats.models.entries import ID_DIGITS, row_id


@dataclass(frozen=True, kw_only=True)
class LostEntry:
    """An entry that expired or was evicted.

    digits: the first 16 of its key, which is all that is remembered. hits: of its last life.
    """

    digits: str
    hits: int


@dataclass(frozen=True, kw_only=True)
class EntryLife:
    """How often an entry was hit in its present life, or its last, and when that ends or ended.

    expires_ms: milliseconds since 1970; also of one that was evicted before.
    """

    hits: int
    expires_ms: int


def lost_entries(cache_types: Collection[str], limit: int) -> list[LostEntry]:
    """Return what expired or was evicted and was ever hit, worth most first: hits times cost.

    What somebody purged is not lost: it was not wanted. Expired entries that no sweep has found yet
    are still there; `PerfCache.clear_expired` finds them.
    """
    # Sorted without an index: no more rows than `removal.GONE_KEPT` are gone.
    lost = EntryUse.objects.filter(
        gone__in=[Departure.EXPIRED, Departure.EVICTED], cache_type__in=cache_types, hits__gt=0
    ).order_by(-(F("hits") * Coalesce("cost_ms", 0.0)), "-used_ms", "id")
    return [
        LostEntry(digits=f"{found % 2**64:0{ID_DIGITS}x}", hits=hits)
        for found, hits in lost.values_list("id", "hits")[:limit]
    ]


def entry_lives(keys: Iterable[str]) -> dict[str, EntryLife]:
    """Return what is known of these whole keys, in hexadecimal digits; of some it may be nothing.

    What was counted in the last second may be missing.
    """
    ids = {key: row_id(bytes.fromhex(key)) for key in keys}
    uses = EntryUse.objects.only("hits", "expires_ms").in_bulk(ids.values())
    return {
        key: EntryLife(hits=use.hits, expires_ms=use.expires_ms)
        for key, found in ids.items()
        if (use := uses.get(found))
    }
