"""Made-up entries and look-ups, for demonstrations and proofs of scale. Nobody wrote any of it."""

from datetime import datetime, timedelta

from cachestats.batches import compact
from cachestats.seeding.entries import add_entries
from cachestats.seeding.lookups import add_lookups
from cachestats.worth import weigh

__all__ = ["seed"]


def seed(entries: int, lookups: int, days: int, seed: int, now: datetime) -> None:
    """Fill the cache with entries, and its numbers with look-ups of so many days before now.

    Entries that are there already, from a seed before, are left as they are; look-ups are added.

    Args:
        seed: the same gives the same.
    """
    add_entries(entries, days, seed, now)
    add_lookups(lookups, days, seed, now)
    compact(now)
    # As of the real present: a worker may have weighed what was there half way.
    weigh(every=timedelta(0))
