"""What a request's `Cache-Control` says of the answer that is wanted (RFC 9111, section 5.2.1)."""

from dataclasses import dataclass

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import APIException

from cachestats.cache import Freshness
from enrichment.errors import FieldError, InvalidSubmission
from enrichment.inference.http_fields import cache_control, seconds

HEADER = "Cache-Control"
# Whatever stands there is read, but for a max-age without seconds, which no pattern can tell from
# one inside of quotation marks.
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="How fresh the answer must be, for the workers too: `max-age=SECONDS`, `no-cache` "
    "(computed anew), `no-store` (nothing of it in the cache), `only-if-cached` (nothing is "
    "computed), or several; others are ignored. `Cache-Status` says what came of it.",
    examples=[OpenApiExample("At most a day old", value="max-age=86400")],
)
ANSWERS = {
    504: OpenApiResponse(description="`only-if-cached`, and not all was cached; nothing is kept."),
}


class NothingCached(APIException):
    """Only a cached answer was wanted (RFC 9111, 5.2.1.7)."""

    status_code = status.HTTP_504_GATEWAY_TIMEOUT


@dataclass(frozen=True, kw_only=True)
class Directives:
    """How fresh an answer must be. only_if_cached: nothing may be computed for it."""

    freshness: Freshness
    only_if_cached: bool


def read(header: str) -> Directives:
    """Return what a header asks for; directives that are not known say nothing.

    Raises:
        InvalidSubmission: names the header, where `max-age` has no whole seconds.
    """
    told = cache_control(header)
    max_age = None
    if "max-age" in told and (max_age := seconds(told["max-age"])) is None:
        message = "max-age must be whole seconds from 0, such as max-age=60"
        raise InvalidSubmission([FieldError(field=HEADER, message=message)])
    return Directives(
        freshness=Freshness(
            no_store="no-store" in told, no_cache="no-cache" in told, max_age=max_age
        ),
        only_if_cached="only-if-cached" in told,
    )
