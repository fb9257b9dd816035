"""What every answer of the API has in common: how bodies are read and how errors look.

Errors are `application/problem+json` (RFC 9457) with `errors: [{field, message}]`.
"""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.exceptions import PermissionDenied as ApiPermissionDenied
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment.images import MAX_BYTES

PROBLEM = "application/problem+json"
# As RFC 9110 names them; Python before 3.13 has older names.
TITLES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}

logger = logging.getLogger(__name__)


class BodyTooLarge(APIException):
    """A body beyond what the longest legal request needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."
    default_code = "body_too_large"


class DatabaseUnavailable(APIException):
    """The database is away, locked or full; nothing was changed, or nobody knows."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database can't be used right now; try again."
    wait = 5


class BoundedJSONParser(BaseParser):
    """Reads a JSON object of bounded size."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002  # the interface's
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        request: Request = (parser_context or {})["request"]
        # Before anything is read: who promises much may be slow to send it.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge
        body = stream.read()
        try:
            # Unlike the standard library's, this reader refuses NaN and halves of characters.
            content = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise ParseError("The body must be JSON in UTF-8.") from exc
        if not isinstance(content, dict):
            raise ParseError("The body must be a JSON object.")
        return _with_whole_numbers(content)


def _with_whole_numbers(content: dict[str, Any]) -> dict[str, Any]:
    """Return a body with 1 for 1.0: to JSON, and so to its schemas, that is the same number."""
    waiting: list[dict[str, Any] | list[Any]] = [content]
    while waiting:
        holder = waiting.pop()
        places: Any = holder if isinstance(holder, dict) else range(len(holder))
        for place in places:
            value = holder[place]
            if isinstance(value, float) and value.is_integer():
                holder[place] = int(value)
            elif isinstance(value, dict | list):
                waiting.append(value)
    return content


class JsonRenderer(BaseRenderer):
    """Writes JSON, in a tenth of the time that the standard library takes."""

    media_type = "application/json"
    format = "json"
    # JSON is UTF-8; a charset has no meaning (RFC 8259).
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002  # the interface's
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)


def problem(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer for an error of a view; None for what is no answer but a fault."""
    if isinstance(exc, Http404):
        exc = NotFound()
    if isinstance(exc, PermissionDenied):
        exc = ApiPermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        exc = BodyTooLarge(
            f"A form may have an image of at most {MAX_BYTES} bytes, and other fields of at most "
            f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE}."
        )
    if isinstance(exc, (TooManyFieldsSent, TooManyFilesSent)):
        exc = ParseError("The form has too many fields or files.")
    if isinstance(exc, DataError) and "%00" in context["request"].META.get("QUERY_STRING", ""):
        # PostgreSQL takes no NUL; a view that looks at its parameters names the one.
        exc = ParseError("The query holds a NUL, which is no text.")
    if isinstance(exc, (OperationalError, InterfaceError)):
        logger.warning("[API] The database can't be used", exc_info=exc)
        exc = DatabaseUnavailable()
    if not isinstance(exc, APIException):
        return None
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if location := getattr(exc, "location", None):
        headers["Location"] = location
    request: Request = context["request"]
    if isinstance(exc, ValidationError):
        errors = list(_field_errors(exc.detail))
        body = problem_body(request, exc.status_code, "The request has errors.", errors)
    else:
        body = problem_body(request, exc.status_code, str(exc.detail))
    return Response(body, exc.status_code, headers=headers, content_type=PROBLEM)


def problem_body(
    request: HttpRequest | Request,
    status_code: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the members of a problem."""
    return {
        "type": "about:blank",
        "title": TITLES.get(status_code, HTTPStatus(status_code).phrase),
        "status": status_code,
        "detail": detail,
        "instance": request.path,
        "errors": errors or [],
    }


def problem_response(request: HttpRequest, status_code: int, detail: str) -> JsonResponse:
    """Return a problem for what never reached a view of the API."""
    body = problem_body(request, status_code, detail)
    return JsonResponse(body, status=status_code, content_type=PROBLEM)


def _field_errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details to pairs of field and message."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _field_errors(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _field_errors(inner, field)
    else:
        yield {"field": field or "body", "message": str(detail)}
