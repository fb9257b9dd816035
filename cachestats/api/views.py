"""Endpoints of the cache: parse, call one service or report, answer."""

from dataclasses import asdict, fields
from typing import Any, ClassVar, cast

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_503_SERVICE_UNAVAILABLE
from rest_framework.views import APIView

from cachestats import reports, services
from cachestats.api.schemas import SWITCHES, Purge
from cachestats.api.schemas import WINDOW as WINDOW_PATTERN
from cachestats.batches import LOOKUP_DAYS
from cachestats.errors import FieldError, InvalidFilter, InvalidWindow

TAG = "Cache"
WINDOW = OpenApiParameter(
    "window",
    {"type": "string", "pattern": WINDOW_PATTERN},
    description=f"How far back: a number and s, m, h or d, at most {LOOKUP_DAYS}d; 24h without.",
)
LOOKUPS = {
    "lookups": 240,
    "hit_rate": 0.75,
    "hit_count": 170,
    "miss_count": 60,
    "collapsed_count": 10,
    "bypass_count": 0,
    "hits": {"count": 170, "p50_ms": 0.12, "p95_ms": 0.31, "p99_ms": 0.8},
    "misses": {"count": 60, "p50_ms": 2150.0, "p95_ms": 4310.0, "p99_ms": 6020.0},
    "time_saved_seconds": 365.4,
    "reasons": {"first_seen": 52, "expired": 8},
}
STATS = OpenApiExample(
    "A day",
    value={
        "enabled": True,
        "healthy": True,
        "trouble": "",
        "set_aside": [],
        "window_hours": 24.0,
        "entries": 60,
        "bytes": 72417,
        "overall": LOOKUPS,
        "by_type": {"stage1_enrichment": LOOKUPS},
        "entries_by_type": {"stage1_enrichment": 60},
    },
)
PURGES = [
    OpenApiExample(
        "What would go",
        value={"type": "stage2_enrichment", "older_than": "7d", "dry_run": True},
        request_only=True,
    ),
    OpenApiExample(
        "Nothing went yet",
        value={
            "matched": 41,
            "deleted": 0,
            "freed_bytes": 0,
            "dry_run": True,
            "matched_bytes": 39442,
            "cost_seconds": 176.7,
            "audit_id": None,
        },
        response_only=True,
    ),
]


class CacheUnavailable(APIException):
    """The cache's database can't be written now."""

    status_code = HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The cache's database can't be used right now; try again."
    wait = 10


class CacheStats(APIView):
    """The state of the cache and its look-ups of `window`: "7d"; of a day without one."""

    required_scopes: ClassVar = {"GET": "cache:read"}

    @extend_schema(
        operation_id="cache_stats",
        tags=[TAG],
        summary="Read the cache's numbers",
        parameters=[WINDOW],
        responses=reports.CacheReport,
        examples=[STATS],
    )
    def get(self, request: Request) -> Response:
        try:
            window = reports.read_window(request.query_params.get("window", "24h"))
        except InvalidWindow as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        return Response(asdict(reports.cache_report(window)))


class CachePurge(APIView):
    """Delete entries; the filters combine with AND, and `dry_run` only counts."""

    required_scopes: ClassVar = {"POST": "cache:purge"}

    @extend_schema(
        operation_id="cache_purge",
        tags=[TAG],
        summary="Delete entries",
        request=Purge,
        responses=services.PurgeResult,
        examples=PURGES,
    )
    def post(self, request: Request) -> Response:
        try:
            filters, dry_run = read_purge(cast(dict[str, Any], request.data))
        except InvalidFilter as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        try:
            result = services.purge(filters, actor=request.user.get_username(), dry_run=dry_run)
        except services.UNUSABLE as exc:
            raise CacheUnavailable from exc
        return Response(asdict(result))


def read_purge(data: dict[str, Any]) -> tuple[services.PurgeFilter, bool]:
    """Return the filter that a body's fields make, and whether it is a dry run.

    Raises:
        InvalidFilter: names each wrong field and what is accepted.
    """
    known = [field.name for field in fields(services.PurgeFilter)]
    errors = []
    for name, value in data.items():
        if name in {*SWITCHES, "dry_run"}:
            if not isinstance(value, bool):
                errors.append(FieldError(field=name, message="must be true or false"))
        elif name not in known:
            accepted = ", ".join([*known, "dry_run"])
            errors.append(FieldError(field=name, message=f"is not known; accepted: {accepted}"))
        elif value is not None and not isinstance(value, str):
            errors.append(FieldError(field=name, message="must be text"))
    if errors:
        raise InvalidFilter(errors)
    dry_run = data.get("dry_run", False)
    given = {name: value for name, value in data.items() if name != "dry_run"}
    return services.PurgeFilter(**given), dry_run
