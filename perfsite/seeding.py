"""Fills a whole site with invented data: reflections, the cache, and what people did to both."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cachestats import seeding as cache_seeding
from cachestats import services as cache_services
from cachestats.models import Audit, CacheEntry, ConfigRevision, LookupBatch
from enrichment import seeding as enrichment_seeding

ACTOR = "demo"
DAY = timedelta(days=1)
# The last one has the tuning file decide again, so that nothing of it stays in force.
REVISIONS: tuple[tuple[Mapping[str, Any], str], ...] = (
    ({"inference": {"temperature": 0.4}}, "Livelier texts"),
    ({"inference": {"temperature": 0.4}, "caching": {"ttl_api": 43_200}}, "Fresher answers"),
    ({}, "Back to the tuning file"),
)
PURGE = {"type": "api", "older_than": "7d"}


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """How many rows of each were made."""

    reflections: int
    calls: int
    queue_samples: int
    entries: int
    lookups: int
    markers: int


def is_empty() -> bool:
    """Return whether a site holds nothing that seeding would mix with."""
    used = (CacheEntry, LookupBatch, ConfigRevision, Audit)
    return enrichment_seeding.is_empty() and not any(model.objects.exists() for model in used)


def seed(
    *, reflections: int, entries: int, lookups: int, days: int, seed: int, now: datetime
) -> Seeded:
    """Make so much of everything over the days up to now; the same for the same seed."""
    cache_seeding.seed(entries, lookups, days, seed, now)
    found = enrichment_seeding.seed(reflections, days, seed, now)
    rng = random.Random(seed)  # noqa: S311  # invented data
    moments = sorted(now - rng.uniform(0.1, 0.9) * days * DAY for _ in (*REVISIONS, PURGE))
    # What somebody put in force stays so.
    revisions = () if ConfigRevision.objects.exists() else REVISIONS
    for at, (overlay, reason) in zip(moments, revisions, strict=False):
        revision = cache_services.save_revision(overlay, None, reason, token_name=ACTOR)
        ConfigRevision.objects.filter(pk=revision.pk).update(created_at=at)
    deleted = rng.randint(200, 2_000)
    purge = Audit.objects.create(
        actor=ACTOR, filters=PURGE, deleted=deleted, freed_bytes=deleted * 900
    )
    Audit.objects.filter(pk=purge.pk).update(at=moments[-1])
    return Seeded(
        reflections=found.reflections,
        calls=found.calls,
        queue_samples=found.samples,
        entries=entries,
        lookups=lookups,
        markers=found.starts + len((*revisions, PURGE)),
    )
