"""What of an API's answers is kept, for how long, and under which key. Pure.

https://www.rfc-editor.org/rfc/rfc9111, as a shared cache: its entries are seen by operators and
may be exported, so what is `private` is not kept. Nothing is revalidated, so what must be before
each use (`no-cache`) isn't kept either.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from enrichment.inference.http_fields import LONGEST_SECONDS, cache_control, date, seconds
from enrichment.inference.http_messages import ApiResponse

CACHE_TYPE = "api"
# Of the stored form: another one is another key.
LAYOUT = 1
KEPT_HEADERS = frozenset(
    {
        "cache-control",
        "content-language",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "link",
    }
)
# What a caller asks for, not who it is: these alone stand in the key under their own names.
NEGOTIATION = frozenset({"accept", "accept-language"})
NOT_KEPT = frozenset({"no-store", "no-cache", "private"})


def key_of(
    url: str, host: str, headers: Iterable[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return content and parameters of a GET's key.

    All headers that the caller set are in it, and the others are the same in each request: so
    whatever an answer's `Vary` names is told apart. Two credentials never share an answer; they
    are there as a digest, as is each header that isn't known to be harmless.

    Args:
        host: with its port; numbers and purges go by it, as by a model's name.
        headers: that the caller set, names in lower case.
    """
    sent = sorted(headers)
    params: dict[str, Any] = {"model": host, "layout": LAYOUT}
    for name in NEGOTIATION:
        if values := [value for sent_name, value in sent if sent_name == name]:
            params[name] = values
    if others := [header for header in sent if header[0] not in NEGOTIATION]:
        params["scope"] = hashlib.sha256(orjson.dumps(others)).hexdigest()
    return {"method": "GET", "url": url}, params


def seconds_to_keep(response: ApiResponse, ttl: int | None, now: float) -> int | None:
    """Return how long an answer may be kept; 0: not at all, None: it is the cache's to say.

    Args:
        ttl: the caller's: how long at most, and how long where the answer does not say.
        now: seconds since 1970.
    """
    told = _told(response, now)
    if told is None:
        return ttl
    return told if ttl is None else min(told, ttl)


def _told(response: ApiResponse, now: float) -> int | None:
    """Return what the answer says of it; None when it says nothing."""
    headers = response.headers
    directives = cache_control(headers.get("cache-control", ""))
    if (
        response.status != 200
        or not NOT_KEPT.isdisjoint(directives)
        or "set-cookie" in headers
        or "*" in headers.get("vary", "")
    ):
        return 0
    fresh: float | None = None
    if "s-maxage" in directives or "max-age" in directives:
        # What can't be read makes an answer stale (RFC 9111, 4.2.1).
        fresh = seconds(directives.get("s-maxage", directives.get("max-age"))) or 0
    elif "expires" in headers:
        made = date(headers.get("date"))
        fresh = (date(headers["expires"]) or 0) - (now if made is None else made)
    if fresh is None:
        return None
    return min(max(0, int(fresh) - response.age_seconds), LONGEST_SECONDS)


def stored(response: ApiResponse) -> dict[str, Any]:
    """Return the JSON form of an answer."""
    try:
        body = {"text": response.content.decode()}
    except UnicodeDecodeError:
        body = {"base64": b64encode(response.content).decode()}
    headers = {name: text for name, text in response.headers.items() if name in KEPT_HEADERS}
    return {"status": response.status, "headers": headers, "age": response.age_seconds, **body}


def restored(value: Mapping[str, Any], cache: str, kept_seconds: int) -> ApiResponse:
    """Return the answer that `stored` made JSON of, after so many seconds in the cache."""
    text = value.get("text")
    return ApiResponse(
        status=value["status"],
        headers=value["headers"],
        content=b64decode(value["base64"]) if text is None else text.encode(),
        cache=cache,
        age_seconds=value["age"] + kept_seconds,
    )
