"""Endpoints of access tokens: for people who are signed in, and for a web app's server.

A person's browser sends its CSRF token. A server holds a token of the scope token:issue, which
makes short-lived ones for the browsers of its users, and sees only those.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT
from rest_framework.views import APIView

from cachestats.errors import FieldError
from perfsite import tokens
from perfsite.models import AccessToken, Scope
from perfsite.token_schemas import (
    ISSUES,
    MAX_DAYS,
    MAX_SECONDS,
    PAGE,
    NewToken,
    TokenPage,
    TokenRequest,
    as_token,
)

TAG = "Tokens"
PAGE_SIZE = 100
FIELDS = tuple(TokenRequest.model_fields)
# When the last token of the page before was made, in microseconds, and its id.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = re.compile(r"([0-9]{1,16})\.([0-9a-f]{32})")
# No cache between here and the reader keeps a secret.
PRIVATE = {"Cache-Control": "private, no-store"}


class TokenList(APIView):
    """List tokens and make one."""

    required_scopes: ClassVar = {"GET": Scope.TOKEN_ISSUE, "POST": Scope.TOKEN_ISSUE}

    @extend_schema(
        operation_id="token_list",
        tags=[TAG],
        summary="List access tokens",
        parameters=[
            OpenApiParameter(
                "cursor",
                {"type": "string", "pattern": f"^{CURSOR.pattern}$"},
                description="From `next` of the page before.",
            )
        ],
        responses=TokenPage,
        examples=[PAGE],
    )
    def get(self, request: Request) -> Response:
        """Newest first: a person's own, with permission all, for a token those that it issued."""
        found = list(_after(_reachable(request), request)[: PAGE_SIZE + 1])
        page, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
        where = f"{reverse('api:token-list')}?cursor={_cursor(page[-1])}" if more else None
        body = {"next": where, "results": [as_token(token) for token in page]}
        return Response(body, headers=PRIVATE)

    @extend_schema(
        operation_id="token_make",
        tags=[TAG],
        summary="Make an access token",
        request=TokenRequest,
        responses={201: OpenApiResponse(NewToken, "Made: `token` is shown this once.")},
        examples=ISSUES,
    )
    def post(self, request: Request) -> Response:
        """For yourself, with permission for others, with token:issue for an owner and an hour."""
        try:
            wanted = read_wanted(cast(dict[str, Any], request.data))
            token, secret = tokens.make_for(_user(request), wanted, issuer=_issuer(request))
        except tokens.InvalidToken as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        except tokens.NotAllowed as exc:
            raise PermissionDenied(str(exc)) from exc
        headers = {**PRIVATE, "Location": reverse("api:token-detail", args=[token.public_id])}
        body = {**as_token(token), "token": secret}
        return Response(body, HTTP_201_CREATED, headers=headers)


class TokenDetail(APIView):
    """Revoke one token."""

    required_scopes: ClassVar = {"DELETE": Scope.TOKEN_ISSUE}

    @extend_schema(
        operation_id="token_revoke",
        tags=[TAG],
        summary="Revoke an access token",
        responses={204: OpenApiResponse(description="It opens nothing any more.")},
    )
    def delete(self, request: Request, token_id: UUID) -> Response:
        """At once, and with it all that it issued."""
        if not tokens.revoke(_reachable(request, tokens.REVOKE_ALL), token_id):
            raise NotFound
        return Response(status=HTTP_204_NO_CONTENT)


def read_wanted(data: Mapping[str, Any]) -> tokens.Wanted:
    """Return the token that a body asks for; a field that is null is as one that is not there.

    Raises:
        InvalidToken: names each wrong field and what is accepted.
    """
    unknown = f"is not known here; accepted: {', '.join(FIELDS)}"
    errors = {name: unknown for name in data if name not in FIELDS}
    name, scopes = data.get("name"), data.get("scopes")
    owner = "" if data.get("owner") is None else data["owner"]
    if not isinstance(name, str) or not tokens.is_line(name):
        errors["name"] = f"is required: {tokens.ONE_LINE}"
    if not isinstance(scopes, list) or not scopes or any(one not in Scope.values for one in scopes):
        errors["scopes"] = f"is required: a list of one or more of: {', '.join(Scope.values)}"
    if not isinstance(owner, str) or (owner and not tokens.is_line(owner)):
        errors["owner"] = f"must be {tokens.ONE_LINE}"
    days, seconds = data.get("days"), data.get("expires_in_seconds")
    if days is not None and not _is_whole(days, MAX_DAYS):
        errors["days"] = f"must be a whole number, 1 to {MAX_DAYS:,}"
    if seconds is not None and not _is_whole(seconds, MAX_SECONDS):
        errors["expires_in_seconds"] = f"must be a whole number, 1 to {MAX_SECONDS:,}"
    if days is not None and seconds is not None:
        errors.setdefault("days", "give either days or expires_in_seconds")
    if errors:
        raise tokens.InvalidToken(
            [FieldError(field=field, message=message) for field, message in errors.items()]
        )
    return tokens.Wanted(
        name=str(name),
        scopes=list(dict.fromkeys(cast(list[str], scopes))),
        owner=owner,
        lifetime=timedelta(days=days or 0, seconds=seconds or 0) or None,
    )


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # the permission let nobody else in
    return request.user


def _issuer(request: Request) -> AccessToken | None:
    """Return the token that asks; None for a person who is signed in."""
    return request.auth if isinstance(request.auth, AccessToken) else None


def _reachable(request: Request, permission: str = tokens.LIST_ALL) -> QuerySet[AccessToken]:
    return tokens.tokens_of(_user(request), _issuer(request), permission)


def _after(found: QuerySet[AccessToken], request: Request) -> QuerySet[AccessToken]:
    """Return tokens, newest first, from a request's cursor on."""
    found = found.order_by("-created", "-public_id")
    if (cursor := request.query_params.get("cursor")) is None:
        return found
    if not (read := CURSOR.fullmatch(cursor)):
        raise ValidationError({"cursor": ["must be the cursor of a page's next"]})
    at, last = EPOCH + timedelta(microseconds=int(read[1])), UUID(read[2])
    return found.filter(Q(created__lt=at) | Q(created=at, public_id__lt=last))


def _cursor(token: AccessToken) -> str:
    since: timedelta = token.created - EPOCH
    return f"{since // timedelta(microseconds=1)}.{token.public_id.hex}"
