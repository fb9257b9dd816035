"""Applies the site's rules of retention at once, as `manage.py prune` does."""

from datetime import datetime

from django.db import models
from django.utils import timezone

from cachestats import retention


def prune(*tables: type[models.Model], now: datetime | None = None) -> int:
    """Remove what goes by itself of some tables; return how many rows went."""
    now = now or timezone.now()
    return sum(retention.apply(rule, now) for rule in retention.rules() if rule.table in tables)
