"""Notes when web and workers start, so that pictures can show it."""

import logging
from datetime import datetime, timedelta
from socket import gethostname

from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.models import SiteStart
from enrichment.steps import MINUTE, floor

logger = logging.getLogger(__name__)

KEPT = timedelta(days=400)
Role = SiteStart.Role


def outdated(now: datetime) -> QuerySet[SiteStart]:
    """Return starts that are older than KEPT."""
    return SiteStart.objects.filter(at__lt=now - KEPT)


def record_start(role: Role, now: datetime | None = None) -> None:
    """Note that a part of the site starts on this machine; of several in a minute, one.

    Where the database can't be written to it is only logged: nothing is kept from starting.
    """
    now = now or timezone.now()
    start = SiteStart(at=floor(now, MINUTE), role=role, host=gethostname()[:100])
    try:
        SiteStart.objects.bulk_create([start], ignore_conflicts=True)
    except DatabaseError as exc:
        logger.warning("A start was not noted: %s", exc)
