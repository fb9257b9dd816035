"""Who may call what: a token by its scopes, a signed-in person by their permissions."""

from datetime import datetime
from typing import Any

import knox.auth
from django.contrib.auth.models import User
from django.utils import timezone
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from perfsite import last_used, token_lookup
from perfsite.models import AccessToken, Scope

# What anybody who can sign in may do, about what is theirs.
PERSONAL_SCOPES = {Scope.ENRICH_RUN, Scope.ENRICH_READ, Scope.TOKEN_ISSUE}
# Which permission the rest takes.
PERMISSIONS = {
    Scope.CACHE_READ: "cachestats.view_cacheentry",
    Scope.CACHE_PURGE: "cachestats.delete_cacheentry",
    Scope.CONFIG_READ: "cachestats.view_configrevision",
    Scope.CONFIG_WRITE: "cachestats.add_configrevision",
}
# A token that makes others, and one that reaches an owner's reflections, take more than the session
# of who makes them: they reach beyond what is that person's.
MAKE_FOR_OTHERS = "perfsite.add_accesstoken"
OTHERS = {
    Scope.ENRICH_READ: "enrichment.view_text",
    Scope.ENRICH_RUN: "enrichment.delete_reflection",
}
# Addresses stand in the logs of proxies and in browsers' histories: no place for a token.
QUERY_NAMES = {"token", "access_token", "auth_token", "api_key", "apikey", "authorization"}


class TokenAuthentication(knox.auth.TokenAuthentication):  # type: ignore[misc]  # knox is untyped
    """Takes `Authorization: Bearer TOKEN`; whatever is no token of ours is 401."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        if not QUERY_NAMES.isdisjoint(name.lower() for name in request.query_params):
            raise AuthenticationFailed(
                "A token in the address is not accepted, and is no secret any more; send the "
                "header Authorization: Bearer TOKEN."
            )
        found: tuple[User, AccessToken] | None = super().authenticate(request)
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[User, AccessToken]:
        """Return whose token it is. One query: knox's own makes one more for a user's others."""
        try:
            found = token_lookup.find(hash_token(token.decode()))
        except UnicodeDecodeError as exc:
            raise AuthenticationFailed("Invalid token.") from exc
        if found is None:
            raise AuthenticationFailed("Invalid token.")
        if why := refusal(found.expiry, is_active=found.user.is_active):
            raise AuthenticationFailed(why)
        last_used.note(found.digest, found.last_used_at)
        return found.user, found


def refusal(expiry: datetime | None, *, is_active: bool) -> str | None:
    """Return why a token opens nothing now; None where it does.

    Args:
        is_active: whether its user is.
    """
    if expiry and expiry <= timezone.now():
        return "This token has expired."
    return None if is_active else "User inactive or deleted."


class HasScope(BasePermission):
    """Lets a request through if it holds the scope that the view names for its method.

    A view says `required_scopes = {"GET": "cache:read"}`; a method without a scope is closed.
    """

    message = "This needs another scope or permission."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else request.method
        scope = getattr(view, "required_scopes", {}).get(method)
        if scope is None:
            # A method that the view does not have is answered with 405, not 403.
            return method not in {"GET", "POST", "PUT", "PATCH", "DELETE"} or not hasattr(
                view, str(method).lower()
            )
        if isinstance(request.auth, AccessToken):
            return scope in request.auth.scopes and still_allows(request.auth, scope)
        return may_use(request.user, scope)


def may_use(user: User, scope: str) -> bool:
    """Return whether somebody who is signed in may do what a scope stands for."""
    return scope in PERSONAL_SCOPES or user.has_perm(PERMISSIONS[Scope(scope)])


def may_give(user: User, scope: str, *, to_owner: bool) -> bool:
    """Return whether somebody may make a token of a scope.

    Args:
        to_owner: it is to be bound to another owner than that person.
    """
    if scope == Scope.TOKEN_ISSUE:
        return user.has_perm(MAKE_FOR_OTHERS)
    if to_owner and scope in OTHERS:
        return user.has_perm(MAKE_FOR_OTHERS) and user.has_perm(OTHERS[Scope(scope)])
    return may_use(user, scope)


def still_allows(token: AccessToken, scope: str) -> bool:
    """Return whether a token's user could still give it a scope that it has.

    Those of services, which `create_token` makes, keep whatever they were given. What a person's
    token issued ends with that person's permission to make such. Costs no query for services, nor
    for what is personal.
    """
    if token.service:
        return True
    if token.issuer_id is not None and not may_give(token.user, Scope.TOKEN_ISSUE, to_owner=False):
        return False
    return may_give(token.user, scope, to_owner=reaches_an_owner(token.owner, token.issuer_id))


def reaches_an_owner(owner: str | None, issuer_id: str | None) -> bool:
    """Return whether a token reaches all of an owner's reflections, whoever submitted them."""
    return bool(owner) and issuer_id is None
