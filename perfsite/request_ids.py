"""One name for a request in every line that is logged for its sake, also by others."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
READS = {"GET", "HEAD", "OPTIONS"}

logger = logging.getLogger(__name__)


class RequestIds:
    """Names a request as the client or a proxy did, or anew; tells it back, and logs the outcome.

    The line of a read, of which pages send one a second, is for LOG_LEVEL=DEBUG.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        name = given if WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        # Not unbound in the end: Django logs some refusals after all middleware. The thread's next
        # request binds its own.
        bind_contextvars(request_id=name)
        started = time.perf_counter()
        response = self._get_response(request)
        response.headers[HEADER] = name
        logger.log(
            logging.DEBUG if request.method in READS else logging.INFO,
            "[HTTP] %s %s",
            request.method,
            place_of(request),
            extra={
                "status_code": response.status_code,
                "run_ms": round((time.perf_counter() - started) * 1000),
            },
        )
        return response


def place_of(request: HttpRequest) -> str:
    """Return which of our addresses a request is for: never what somebody put in its place."""
    match = request.resolver_match
    return f"/{match.route}" if match else "(no view)"
