"""Pages of reflections by cursor: where one ends is a row's place, so that none shifts another.

A cursor is the base64url of 24 bytes: twice the microseconds since 1970 of a row's `created_at`,
and one more where the way is back (64 bits, big-endian), and the row's id. It holds nothing that
its reader was not shown, and opens nothing: what is seen is the query's affair.
"""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q

from enrichment.models import Reflection
from enrichment.models.reflections import ReflectionQuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FORM = struct.Struct(">Q16s")
# Whatever looks like this is one; the first letters bound the instant to the year 2255.
CURSOR = re.compile(r"A[A-D][A-Za-z0-9_-]{30}")


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The row beside which a page begins, and whether it goes back from there."""

    at: datetime
    id: UUID
    back: bool

    def encode(self) -> str:
        microseconds = (self.at - EPOCH) // timedelta(microseconds=1)
        return urlsafe_b64encode(FORM.pack(2 * microseconds + self.back, self.id.bytes)).decode()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some reflections in order; next and previous: cursors, None where nothing is known to be."""

    rows: list[Reflection]
    next: str | None
    previous: str | None


def read_cursor(text: str) -> Cursor:
    """Return what a cursor says.

    Raises:
        ValueError: it is none of ours; says what is accepted.
    """
    if not CURSOR.fullmatch(text):
        raise ValueError("must be one that next or previous of an answer holds")
    number, row = FORM.unpack(urlsafe_b64decode(text))
    microseconds, back = divmod(number, 2)
    at = EPOCH + timedelta(microseconds=microseconds)
    return Cursor(at=at, id=UUID(bytes=row), back=back == 1)


def page_of(
    reflections: ReflectionQuerySet, *, size: int, newest_first: bool, cursor: Cursor | None
) -> Page:
    """Return a page of at most so many rows, in one query and those of its parts."""
    back = cursor is not None and cursor.back
    descending = newest_first != back
    if cursor:
        reflections = reflections.filter(_beyond(cursor, descending=descending))
    order = ("-created_at", "-id") if descending else ("created_at", "id")
    # One more tells whether there are others behind.
    found = list(reflections.order_by(*order)[: size + 1])
    more, rows = len(found) > size, found[:size]
    if back:
        rows.reverse()
    if not rows:
        return Page(rows=[], next=None, previous=None)
    return Page(
        rows=rows,
        next=_beside(rows[-1], back=False) if more or back else None,
        previous=_beside(rows[0], back=True) if (more if back else cursor) else None,
    )


def _beyond(cursor: Cursor, *, descending: bool) -> Q:
    """Match the rows that come after a cursor's in an order; rows of one instant go by their id."""
    way = "lt" if descending else "gt"
    same_instant = Q(created_at=cursor.at, **{f"id__{way}": cursor.id})
    further = Q(**{f"created_at__{way}": cursor.at}) | same_instant
    # Says the same once more in a way in which an index is walked from there.
    return Q(**{f"created_at__{way}e": cursor.at}) & further


def _beside(row: Reflection, *, back: bool) -> str:
    return Cursor(at=row.created_at, id=row.id, back=back).encode()
