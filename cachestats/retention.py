"""Rules by which rows go by themselves, and the schedule that applies them bit by bit.

Each app says what goes of its tables (`settings.RETENTION_RULES`). `manage.py prune` applies the
same rules at once, so that command and schedule cannot differ.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import Q
from django.utils.module_loading import import_string

from cachestats.models import RetentionRun

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
# Who was killed, or is slow, keeps the others from it no longer.
LEASE = timedelta(minutes=10)
# Of each rule in a turn, so that none keeps another waiting.
BUDGET_SECONDS = 4.0
# A transaction deletes so many: whoever writes meanwhile waits for one of them.
BATCH_ROWS = 500
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which rows of a table go, and how.

    why: in words, of the rows that go: "older than 90 days".
    count: how many there are as of an instant; changes nothing.
    remove: deletes them, or merges them into fewer, in short transactions; yields how many went
    with each.
    """

    table: type[models.Model]
    why: str
    count: Callable[[datetime], int]
    remove: Callable[[datetime], Iterator[int]]

    @property
    def name(self) -> str:
        """The table's name, as `--table` takes it."""
        return self.table._meta.label


def deletion(
    table: type[models.Model], why: str, due: Callable[[datetime], "models.QuerySet[Any]"]
) -> Rule:
    """Return the rule by which rows are deleted, with what belongs to them.

    Args:
        due: the rows as of an instant; what they are found by has an index.
    """
    return Rule(
        table=table,
        why=why,
        count=lambda now: due(now).order_by().count(),
        remove=lambda now: deleting(due(now)),
    )


def deleting(rows: "models.QuerySet[Any]") -> Iterator[int]:
    """Delete rows, with what belongs to them, batch by batch; yield how many went."""
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH_ROWS]):
        rows.model._default_manager.filter(pk__in=batch).delete()
        yield len(batch)


def older(table: type[models.Model], field: str, before: datetime) -> "models.QuerySet[Any]":
    """Return rows that are older than an instant, where keys rise with time: the first that is
    not ends the search, so that the field needs no index.
    """
    rows = table._default_manager.order_by("pk")
    old = rows.filter(**{f"{field}__lt": before})
    young = rows.filter(**{f"{field}__gte": before}).first()
    return old.filter(pk__lt=young.pk) if young else old


def days(count: int) -> str:
    """Return a rule's words for an age."""
    return f"older than {count} day{'' if count == 1 else 's'}"


def rules() -> list[Rule]:
    """Return the rules of all apps, in the order in which they are applied."""
    return [rule for path in settings.RETENTION_RULES for rule in import_string(path)()]


def apply(rule: Rule, now: datetime, *, seconds: float = math.inf) -> int:
    """Remove what a rule is about; return how many rows went.

    Between two transactions others may write for as long as one took.

    Args:
        seconds: what is not done by then is left for the next time.
    """
    ends_at = time.monotonic() + seconds
    removed = 0
    steps = rule.remove(now)
    while (began := time.monotonic()) < ends_at:
        if (gone := next(steps, None)) is None:
            break
        removed += gone
        time.sleep(min(time.monotonic() - began, max(0.0, ends_at - time.monotonic())))
    return removed


def keep(now: datetime | None = None) -> dict[str, int] | None:
    """Take the schedule's next turn; return how many rows went of each table.

    Of all workers one does it, once a minute. What a turn does not get to, the next one does; who
    is killed in the middle loses nothing but the rest of the turn.

    Returns:
        None where it is not due, or another one is at it.
    """
    now = now or datetime.now(UTC)
    if not _claim(now):
        return None
    began = time.monotonic()
    removed: dict[str, int] = {}
    for rule in rules():
        try:
            if gone := apply(rule, now, seconds=BUDGET_SECONDS):
                removed[rule.name] = removed.get(rule.name, 0) + gone
        except (DatabaseError, UnicodeDecodeError) as exc:
            # A cache that can't be used keeps nothing else from being bounded.
            logger.warning("[PERF] %s, %s: not pruned: %s", rule.name, rule.why, exc)
    RetentionRun.objects.filter(begun_at=now).update(
        seconds=round(time.monotonic() - began, 3), removed=removed
    )
    return removed


def last_run() -> RetentionRun | None:
    """Return the schedule's last turn, which may be under way; None before the first."""
    return RetentionRun.objects.first()


def _claim(now: datetime) -> bool:
    """Return whether this process is to take the next turn."""
    RetentionRun.objects.get_or_create(id=RetentionRun.ONLY, defaults={"begun_at": NEVER})
    due = Q(begun_at__lte=now - EVERY, seconds__isnull=False) | Q(begun_at__lte=now - LEASE)
    return RetentionRun.objects.filter(due).update(begun_at=now, seconds=None) == 1
