"""Endpoints of single entries. None shows a value: it was inferred from somebody's words."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from cachestats import entry_queries, listing, services
from cachestats.api.views import TAG, CacheUnavailable
from cachestats.durations import DURATION
from cachestats.errors import InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.listing import EntryReport

ENTRY = {
    "key": "9f86d081884c7d65",
    "type": "stage2_enrichment",
    "model": "llama3.2:3b",
    "size_bytes": 962,
    "cost_ms": 4310.5,
    "hits": 17,
    "age_seconds": 86400,
    "created_at": "2026-11-20T08:00:00Z",
    "expires_at": "2026-12-20T08:00:00Z",
    "ttl_seconds": 2505600,
    "expired": False,
    "used_at": "2026-11-21T07:59:12Z",
}


def _parameter(name: str, description: str, **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", **schema}, description=description)


KEY = OpenApiParameter(
    "key",
    {"type": "string", "pattern": f"^{services.ENTRY_KEY.pattern}$"},
    OpenApiParameter.PATH,
    description="The first 16 digits of an entry's key, as the list has them.",
)
PARAMETERS = [
    _parameter(
        "key",
        "Only keys that begin with these digits.",
        pattern=f"^{entry_queries.KEY_BEGINNING.pattern}$",
    ),
    _parameter("type", "Only this type.", pattern=f"^{CACHE_TYPE.pattern}$"),
    _parameter("model", "Only this model's label.", pattern=r"^[^\u0000]*$"),
    _parameter(
        "search", "Only where the type or the label has this in it.", pattern=r"^[^\u0000]*$"
    ),
    _parameter("older_than", "Only of this age: 7d, 12h.", pattern=f"^{DURATION.pattern}$"),
    _parameter("unused", "Only what was never hit, or was.", enum=["true", "false"]),
    _parameter("expired", "Only those whose time is over, or is not.", enum=["true", "false"]),
    _parameter("order", "What comes first; with `-` the highest.", enum=list(entry_queries.ORDERS)),
    OpenApiParameter(
        "page_size",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": entry_queries.MOST_ON_A_PAGE,
            "default": entry_queries.ON_A_PAGE,
        },
        description="So many on a page.",
    ),
    _parameter(
        "cursor", "From the `next` of the page before.", pattern=f"^{entry_queries.CURSOR.pattern}$"
    ),
]


@dataclass(frozen=True, kw_only=True)
class CacheEntryPage:
    """A page of entries. next: where the following one is, of this site; null after the last."""

    next: str | None
    results: list[EntryReport]


class EntryList(APIView):
    """Entries without their values. What was stored in the last second may be missing.

    The orders of last use and most hits cost the same however many there are, and so do filters
    that many entries pass, and types, models and searches that few do. Whatever else would read
    through all entries is refused where these are more than two million.
    """

    required_scopes: ClassVar = {"GET": "cache:read"}

    @extend_schema(
        operation_id="cache_entry_list",
        tags=[TAG],
        summary="List entries",
        parameters=PARAMETERS,
        responses=CacheEntryPage,
        examples=[
            OpenApiExample(
                "The last page", value={"next": None, "results": [ENTRY]}, response_only=True
            )
        ],
    )
    def get(self, request: Request) -> Response:
        given = request.query_params
        if twice := [name for name, values in given.lists() if len(values) > 1]:
            raise ValidationError({name: ["must be given once"] for name in twice})
        try:
            page = listing.list_entries(entry_queries.read_query(given.dict()))
        except InvalidFilter as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        except services.UNUSABLE as exc:
            raise CacheUnavailable from exc
        here = request.get_full_path()
        following = page.next and replace_query_param(here, "cursor", page.next)
        return Response({"next": following, "results": [asdict(found) for found in page.entries]})


class EntryDetail(APIView):
    """One entry, without its value."""

    required_scopes: ClassVar = {"GET": "cache:read", "DELETE": "cache:purge"}

    @extend_schema(
        operation_id="cache_entry_read",
        tags=[TAG],
        summary="Read what is known of an entry",
        parameters=[KEY],
        responses=EntryReport,
        examples=[OpenApiExample("An entry", value=ENTRY)],
    )
    def get(self, _request: Request, key: str) -> Response:
        try:
            found = listing.find_entry(_known(key))
        except services.UNUSABLE as exc:
            raise CacheUnavailable from exc
        if found is None:
            raise NotFound
        return Response(asdict(found))

    @extend_schema(
        operation_id="cache_entry_delete",
        tags=[TAG],
        summary="Delete an entry",
        parameters=[KEY],
        responses={200: services.PurgeResult},
        examples=[
            OpenApiExample(
                "It is gone",
                value={
                    "matched": 1,
                    "deleted": 1,
                    "freed_bytes": 962,
                    "dry_run": False,
                    "matched_bytes": 962,
                    "cost_seconds": 4.311,
                    "audit_id": 12,
                },
            )
        ],
    )
    def delete(self, request: Request, key: str) -> Response:
        try:
            result = services.purge_entry(_known(key), actor=request.user.get_username())
        except services.UNUSABLE as exc:
            raise CacheUnavailable from exc
        if result is None:
            raise NotFound
        return Response(asdict(result))


def _known(key: str) -> str:
    if not services.ENTRY_KEY.fullmatch(key):
        raise NotFound
    return key
