"""By which rules the cache's rows, and those of its numbers, go by themselves."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from cachestats.batches import moving, outdated
from cachestats.models import Audit, ConfigRevision, LookupBatch, LookupSpan
from cachestats.retention import Rule, days, deletion, older
from cachestats.services.upkeep import entry_rules


def rules() -> list[Rule]:
    """Return them; the settings say how long history is kept, the tuning file how large the cache
    may be.
    """
    found = [
        Rule(
            table=LookupBatch,
            why="added to spans of time",
            count=lambda _now: LookupBatch.objects.count(),
            remove=moving,
        ),
        deletion(LookupSpan, "that longer spans stand for, or older than 400 days", outdated),
        *entry_rules(),
    ]
    if kept := settings.HISTORY_KEPT_DAYS:
        found += [
            deletion(
                Audit,
                days(kept),
                lambda now: Audit.objects.filter(at__lt=now - timedelta(days=kept)),
            ),
            deletion(
                ConfigRevision,
                f"{days(kept)}, but for the one in force",
                lambda now: _superseded(now - timedelta(days=kept)),
            ),
        ]
    return found


def _superseded(before: datetime) -> QuerySet[Any]:
    newest = ConfigRevision.objects.order_by("-number").values("number")[:1]
    return older(ConfigRevision, "created_at", before).exclude(number__in=newest)
