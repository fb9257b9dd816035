"""How far a reflection is, in one small query, and the entity tag that says so.

The tag is weak: Stage 1's context tells of history and clock as they were when it was read.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import Http404
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter

from enrichment.api.headers import POLL, PRIVATE
from enrichment.models import Job, Reflection, ReflectionImage
from enrichment.models.jobs import FINISHED
from enrichment.models.reflections import PERSON_SCOPE
from enrichment.reports import Viewer

# Whatever is committed of a reflection changes one of these in the same transaction: a stage is
# written with its job's status, a picture's description with its key, better answers with the mark
# that they were wanted, and `available_at` tells one try of a job from the next.
TELLING = """
SELECT job.status, job.available_at, job.finished_at, job.last_error,
    reflection.enrich_again, image.key
FROM {reflections} AS reflection
JOIN {jobs} AS job ON job.reflection_id = reflection.id AND job.purpose = %s
LEFT JOIN {images} AS image ON image.reflection_id = reflection.id
WHERE reflection.id = %s
"""

CONDITION = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what you have: 304 without a body while that is still true.",
)


def tag_on(*statuses: int) -> OpenApiParameter:
    """Return the description of the header that answers of these statuses have."""
    return OpenApiParameter(
        "ETag",
        str,
        OpenApiParameter.HEADER,
        response=statuses,
        description="Changes with the reflection's own content; weak, because the context beside "
        "Stage 1 is as of when it was read.",
    )


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a reflection is: a tag that changes with its content, and whether it is finished."""

    tag: str
    finished: bool

    def is_in(self, tags: list[str]) -> bool:
        """Return whether an If-None-Match holds it: compared weakly, and `*` holds all."""
        return tags == ["*"] or self.tag in {f"W/{tag.removeprefix('W/')}" for tag in tags}

    @property
    def headers(self) -> dict[str, str]:
        """What every answer about the reflection says of it; all that a 304 says."""
        return {"ETag": self.tag, **PRIVATE, **({} if self.finished else POLL)}


def state_of(reflection_id: UUID, viewer: Viewer) -> State:
    """Return a reflection's state; reads no result.

    Raises:
        Http404: it is not among those that the viewer may see.
    """
    condition = viewer.condition
    key = Reflection._meta.pk.get_db_prep_value(reflection_id, connection)
    with connection.cursor() as cursor:
        # The ORM would put it together anew each time, which takes longer than to run it.
        cursor.execute(
            _statement(tuple(condition)), (Job.Purpose.SUBMITTED.value, key, *condition.values())
        )
        row = cursor.fetchone()
    if row is None:
        raise Http404
    return _state(reflection_id, *row)


def state_in(reflection: Reflection) -> State:
    """Return the state of a reflection just written, or fetched `with_parts`; asks nothing."""
    job, image = reflection.submitted_job, reflection.image_or_none
    return _state(
        reflection.pk,
        *(job.status, job.available_at, job.finished_at, job.last_error),
        *(reflection.enrich_again, image.key if image else None),
    )


def tags_in(if_none_match: str | None) -> list[str]:
    """Return the tags that an If-None-Match holds; `["*"]` for any, none of what is no tag."""
    return parse_etags(if_none_match) if if_none_match else []


@cache
def _statement(columns: tuple[str, ...]) -> str:
    """Return the statement for reflections whose columns must hold what is given."""
    tables = {
        "reflections": Reflection._meta.db_table,
        "jobs": Job._meta.db_table,
        "images": ReflectionImage._meta.db_table,
    }
    only = "".join(f" AND reflection.{column} = %s" for column in columns)
    if "owner" in columns:
        only += f" AND reflection.key_scope NOT LIKE '{PERSON_SCOPE}%%'"
    return TELLING.format(**tables) + only


def _state(reflection_id: UUID, status: str, *others: Any) -> State:
    telling = "\n".join(map(_plain, (reflection_id, status, *others)))
    digest = blake2b(telling.encode(), digest_size=12).hexdigest()
    return State(tag=f'W/"{digest}"', finished=status in FINISHED)


def _plain(value: Any) -> str:
    """Return a value as text, the same whether a model or a database has it."""
    if isinstance(value, datetime):
        # SQLite knows no zones; what it keeps is UTC.
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    return str(int(value)) if isinstance(value, bool) else str(value)
