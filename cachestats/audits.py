"""The audit as people read it: who deleted what from the cache, when, and how much."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cachestats.models import Audit

ON_A_PAGE = 50
# In the order in which they are told.
WORDS = {"type": "type {}", "model": "model {}", "key": "key {}…", "older_than": "older than {}"}
SHOWN_KEYS = 3


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """One deletion. asked: what was to be deleted, in words."""

    id: int
    at: datetime
    actor: str
    asked: str
    deleted: int
    freed_bytes: int


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """Some deletions, newest first. next: before which the following page is; None at the end."""

    rows: list[AuditReport]
    next: int | None


def list_audits(before: int | None = None) -> AuditPage:
    """Return a page of deletions whose number is below `before`; the newest without one."""
    rows = Audit.objects.order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: ON_A_PAGE + 1])
    page = found[:ON_A_PAGE]
    return AuditPage(
        rows=[_report(row) for row in page], next=page[-1].pk if len(found) > len(page) else None
    )


def is_done_since(at: datetime, actor: str, filters: dict[str, Any]) -> bool:
    """Return whether somebody has purged by these filters since."""
    done = Audit.objects.filter(at__gte=at, actor=actor).order_by("-at")
    return filters in done.values_list("filters", flat=True)


def find_audit(number: int) -> AuditReport | None:
    """Return a deletion by its number; None when there is none."""
    row = Audit.objects.filter(pk=number).first()
    return _report(row) if row else None


def in_words(filters: dict[str, Any]) -> str:
    """Return what a purge was asked for, in words."""
    told = [_told(name, filters[name]) for name in WORDS if name in filters]
    if filters.get("expired"):
        told.append("expired")
    if filters.get("all") and not told:
        told.append("everything")
    if keys := filters.get("keys"):
        named = ", ".join(f"{key}…" for key in keys[:SHOWN_KEYS])
        more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
        verb = "replaced by a newer answer: " if filters.get("replaced") else "picked: "
        told.append(f"{verb}{named}{more}")
    return ", ".join(told)


def _told(name: str, value: str) -> str:
    if not value:
        return f"without a {name}"
    # As lists write it.
    return WORDS[name].format(value.replace("_", " ") if name == "type" else value)


def _report(row: Audit) -> AuditReport:
    return AuditReport(
        id=row.pk,
        at=row.at,
        actor=row.actor,
        asked=in_words(row.filters),
        deleted=row.deleted,
        freed_bytes=row.freed_bytes,
    )
