"""The list of reflections: which of them, in which order, and how many at a time."""

from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from enrichment import pages
from enrichment.api import schemas
from enrichment.api.queries import Reader, instant, matching, one_of, read_query, some_of, whole
from enrichment.listing import CACHE_STATES, FEELINGS, PAGE_SIZE, chosen
from enrichment.models import Status
from enrichment.reports import Viewer, reflection_report
from enrichment.submission import OWNER

MAX_PAGE_SIZE = 100
NEWEST_FIRST = {"-created_at": True, "created_at": False}
READERS: dict[str, Reader] = {
    "status": some_of({status.value: status for status in Status}),
    "feeling": some_of({feeling: feeling for feeling in FEELINGS}),
    "cache": one_of({state: state for state in CACHE_STATES}),
    "owner": matching(OWNER, "1 to 150 characters on one line"),
    "created_after": instant,
    "created_before": instant,
    "at_risk": one_of({"true": True, "false": False}),
    "order": one_of(NEWEST_FIRST),
    "page_size": whole(1, MAX_PAGE_SIZE),
    "cursor": pages.read_cursor,
}
_INSTANT = {"type": "string", "format": "date-time", "pattern": schemas.INSTANT}
PARAMETERS = [
    OpenApiParameter(
        "status",
        {"type": "array", "minItems": 1, "items": {"type": "string", "enum": Status.values}},
        explode=False,
        description="Of the submission's job; several are separated by commas.",
    ),
    OpenApiParameter(
        "feeling",
        {"type": "array", "minItems": 1, "items": {"type": "string", "enum": [*FEELINGS]}},
        explode=False,
        description="What Stage 1 found: a primary, a side of the wheel, or no clear feeling.",
    ),
    OpenApiParameter(
        "cache",
        {"type": "string", "enum": [*CACHE_STATES]},
        description="How the cache took part in either stage.",
    ),
    OpenApiParameter("owner", {"type": "string", "pattern": f"^{OWNER.pattern}$"}),
    OpenApiParameter("created_after", _INSTANT, description="Submitted then or later."),
    OpenApiParameter("created_before", _INSTANT, description="Submitted before that."),
    OpenApiParameter("at_risk", bool, description="Whether signs of danger were found."),
    OpenApiParameter(
        "order", {"type": "string", "enum": [*NEWEST_FIRST], "default": "-created_at"}
    ),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
    ),
    OpenApiParameter(
        "cursor",
        {"type": "string", "pattern": f"^{pages.CURSOR.pattern}$"},
        description="Where to go on: part of `next` and `previous`.",
    ),
]


def reflection_page(viewer: Viewer, path: str, params: QueryDict) -> dict[str, Any]:
    """Return a page of what a viewer may see: `results`, and how to go on from there.

    Args:
        path: where the list is, for `next` and `previous`.
        params: the query string; `READERS` has what is accepted.

    Raises:
        ValidationError: names each wrong parameter and what is accepted.
    """
    asked = read_query(params, READERS)
    page = pages.page_of(
        chosen(viewer.reflections(), asked).with_parts(),
        size=asked.get("page_size", PAGE_SIZE),
        newest_first=asked.get("order", True),
        cursor=asked.get("cursor"),
    )
    return {
        "next": _link(path, params, page.next),
        "previous": _link(path, params, page.previous),
        "results": [reflection_report(row, with_context=False).as_json() for row in page.rows],
    }


def _link(path: str, params: QueryDict, cursor: str | None) -> str | None:
    """Return where another page of the same list is; relative, as Location is."""
    if cursor is None:
        return None
    there = params.copy()
    there["cursor"] = cursor
    return f"{path}?{there.urlencode()}"
