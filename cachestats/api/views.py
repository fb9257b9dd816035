"""Endpoints of the cache: parse, call one service or report, answer."""

from dataclasses import asdict, fields
from typing import Any, ClassVar, cast

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_503_SERVICE_UNAVAILABLE
from rest_framework.views import APIView

from cachestats import reports, services
from cachestats.errors import FieldError, InvalidFilter, InvalidWindow

SWITCHES = ("expired", "all")


class CacheUnavailable(APIException):
    """The cache's database can't be written now."""

    status_code = HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The cache's database can't be used right now; try again."
    wait = 10


class CacheStats(APIView):
    """The state of the cache and its look-ups of `window`: "7d"; of a day without one."""

    required_scopes: ClassVar = {"GET": "cache:read"}

    def get(self, request: Request) -> Response:
        try:
            window = reports.read_window(request.query_params.get("window", "24h"))
        except InvalidWindow as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        return Response(asdict(reports.cache_report(window)))


class CachePurge(APIView):
    """Delete entries; the filters combine with AND, and `dry_run` only counts."""

    required_scopes: ClassVar = {"POST": "cache:purge"}

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
