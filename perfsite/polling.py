"""Answers those who poll a reflection that has not changed, in a third of the view's time.

It knows one answer, 304, and gives it where everything about the request is plain and allowed.
Anything else goes on to the view, which refuses, counts and answers as if this were not here. So
nothing is decided twice: what a token may is decided in `access`, how often in `throttles`, what
stands in the answer by `etags`, by the view, and by the other middleware, all of which it passes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.contrib.auth.models import User
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from knox.crypto import hash_token

from enrichment.api.etags import state_of, tags_in
from enrichment.api.views import ReflectionDetail
from enrichment.reports import Viewer
from perfsite import last_used, throttles
from perfsite.access import reaches_an_owner, refusal
from perfsite.middleware import Next
from perfsite.models import AccessToken

BEARER = re.compile(r"Bearer ([!-~]{1,200})")
# Media types without parameters, of which one lets JSON in.
ACCEPT = re.compile(r"(?:[a-z.+*/-]+, ?)*(?:\*/\*|application/json)(?:, ?[a-z.+*/-]+)*")
METHODS = {"GET", "HEAD"}
KNOWN = """
SELECT token.public_id, token.user_id, token.owner, token.scopes, token.expiry,
    token.last_used_at, token.issuer_id, token.service, person.is_active
FROM {tokens} AS token JOIN {users} AS person ON person.id = token.user_id
WHERE token.digest = %s
"""


class Unchanged:
    """Stands in for the view of one reflection where that would answer 304."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response
        view = ReflectionDetail()
        view.setup(HttpRequest())
        self._headers = view.default_response_headers

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, _args: Sequence[Any], parts: Mapping[str, Any]
    ) -> HttpResponse | None:
        """Return the 304; None for the view to answer."""
        if getattr(view, "cls", None) is not ReflectionDetail or request.method not in METHODS:
            return None
        try:
            headers = _unchanged(request, parts["reflection_id"])
        except Error:
            headers = None
        if headers is None:
            return None
        return HttpResponseNotModified(headers={**headers, **self._headers})


@dataclass(frozen=True, kw_only=True)
class Bearer:
    """What is known of a token that opens something now, and of its user."""

    digest: str
    who: str
    viewer: Viewer
    scopes: Sequence[str]
    last_used_at: datetime | None


def _unchanged(request: HttpRequest, reflection_id: UUID) -> dict[str, str] | None:
    """Return the headers of a 304; None where that is not certainly the answer."""
    headers = request.headers
    known = tags_in(headers.get("If-None-Match"))
    credentials = BEARER.fullmatch(headers.get("Authorization", ""))
    if not known or not credentials or request.META.get("QUERY_STRING"):
        return None
    if not ACCEPT.fullmatch(headers.get("Accept", "*/*")):
        return None
    bearer = _bearer(credentials[1])
    if bearer is None or ReflectionDetail.required_scopes["GET"] not in bearer.scopes:
        return None
    try:
        state = state_of(reflection_id, bearer.viewer)
        if not state.is_in(known):
            return None
        # Beyond the limit the view counts it once more, which is all the same then.
        throttles.count(throttles.Kind.READ, bearer.who)
    except (Http404, throttles.TooMany):
        return None
    last_used.note(bearer.digest, bearer.last_used_at)
    return state.headers


def _bearer(secret: str) -> Bearer | None:
    """Return whose token it is; None where it is none, or opens nothing now."""
    digest = hash_token(secret)
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    public_id, user_id, owner, scopes, expiry, last_used_at, issuer_id, service, is_active = row
    if refusal(_aware(expiry), is_active=is_active):
        return None
    if not service and (issuer_id is not None or reaches_an_owner(owner, issuer_id)):
        # Whether that person still may is for the view to ask.
        return None
    return Bearer(
        digest=digest,
        who=throttles.who(UUID(str(public_id)), user_id, owner, issuer_id),
        viewer=Viewer(user_id=user_id, owner=owner or "", issued=issuer_id is not None),
        scopes=orjson.loads(scopes),
        last_used_at=_aware(last_used_at),
    )


@cache
def _statement() -> str:
    return KNOWN.format(tokens=AccessToken._meta.db_table, users=User._meta.db_table)


def _aware(instant: datetime | None) -> datetime | None:
    """Return an instant with its zone, which SQLite does not know: all are UTC."""
    return instant.replace(tzinfo=UTC) if instant and instant.tzinfo is None else instant
