"""Bodies that name many reflections: `{"ids": [...]}`, or `{"status": [...]}`."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from enrichment.models import Job, Status
from enrichment.models.reflections import ReflectionQuerySet

FIELDS = ("ids", "status")
MAX_IDS = 1_000


def selected_jobs(
    reflections: ReflectionQuerySet, body: Mapping[str, Any], accepted: Sequence[Status]
) -> QuerySet[Job]:
    """Return the jobs of those of the reflections that a body names; by status, their submission's.

    None that makes something ahead: that is nobody's affair.

    Args:
        accepted: the statuses that it may name.

    Raises:
        ValidationError: names each wrong field and what is accepted.
    """
    known = ", ".join(FIELDS)
    errors = {name: f"is not known here; accepted: {known}" for name in body if name not in FIELDS}
    needs = {
        "ids": f"must be a list of 1 to {MAX_IDS:,} UUIDs",
        "status": f"must be a list of one or more of: {', '.join(accepted)}",
    }
    # null is the same as absent, as in a submission.
    given = {name: body[name] for name in FIELDS if body.get(name) is not None}
    ids, statuses = _ids(given.get("ids")), _statuses(given.get("status"), accepted)
    if len(given) != 1:
        errors |= {name: f"{need}; give either ids or status" for name, need in needs.items()}
    elif not (ids or statuses):
        errors |= {name: needs[name] for name in given}
    if errors:
        raise ValidationError({name: [message] for name, message in errors.items()})
    if ids:
        return Job.objects.for_people().filter(reflection__in=reflections.filter(pk__in=ids))
    # On the job itself: PostgreSQL takes minutes for a subquery on the table that it updates.
    return Job.objects.filter(
        reflection__in=reflections, purpose=Job.Purpose.SUBMITTED, status__in=statuses
    )


def _ids(value: Any) -> set[UUID]:
    """Return the ids of a list; none where it is none, too long, or holds anything else."""
    if not isinstance(value, list) or len(value) > MAX_IDS:
        return set()
    # A list in a list in a list can be too deep to be written as text.
    if not all(isinstance(item, str) for item in value):
        return set()
    try:
        return {UUID(item) for item in value}
    except ValueError:
        return set()


def _statuses(value: Any, accepted: Sequence[Status]) -> list[Status]:
    """Return the statuses of a list; none where it is none, or holds one that is not accepted."""
    if not isinstance(value, list) or any(item not in accepted for item in value):
        return []
    return [Status(item) for item in value]
