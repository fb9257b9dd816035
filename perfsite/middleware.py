"""What stands before every view: requests that can't be read are refused, and where no person reads
the answer no page is given.
"""

import re
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from perfsite.api import problem_response

FOR_MACHINES = re.compile(r"/(api|metrics|healthz|readyz)(/|$)")
DETAILS = {
    400: "The request can't be read.",
    404: "Nothing is here.",
    500: "This is our fault; it was logged.",
}
CHARSETS = {"", "utf-8", "utf8", "us-ascii"}

Next = Callable[[HttpRequest], HttpResponse]


class Problems:
    """Makes problems of the pages with which Django itself tells machines of an error.

    A foreign Host is one, and a fault of ours, which in development is a page with a traceback.
    """

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code < 400 or not is_page or not FOR_MACHINES.match(request.path):
            return response
        code = HTTPStatus(response.status_code)
        problem = problem_response(request, code, DETAILS.get(code, f"{code.phrase}."))
        if allowed := response.headers.get("Allow"):
            problem.headers["Allow"] = allowed
        return problem


class RequireReadable:
    """Refuses what the parsers would misread, and what no database takes."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if wrong := _unreadable(request):
            return problem_response(request, *wrong)
        return self._get_response(request)


def _unreadable(request: HttpRequest) -> tuple[int, str] | None:
    """Return the status and the reason of a refusal."""
    headers = request.headers
    if not headers.get("Content-Length") and "Transfer-Encoding" in headers:
        # The parsers would take it for empty.
        return 411, "The request needs a Content-Length."
    if headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        return 415, "The body must not be compressed."
    if (request.content_params or {}).get("charset", "").lower() not in CHARSETS:
        # Python knows encodings that raise on bytes, or make halves of characters of them.
        return 415, "The body must be UTF-8."
    # As Python's cookies escape it; PostgreSQL takes no NUL for a session's key.
    if "\\000" in headers.get("Cookie", ""):
        return 400, "A cookie holds a NUL, which is no text."
    return None
