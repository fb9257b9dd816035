"""Who may call what: a token by its scopes, a signed-in person by their role."""

from typing import Any

import knox.auth
from django.contrib.auth.models import User
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from perfsite.models import AccessToken, Scope

# What anybody who can sign in may do; the rest is for staff.
PERSONAL_SCOPES = {Scope.ENRICH_RUN, Scope.ENRICH_READ}


class TokenAuthentication(knox.auth.TokenAuthentication):  # type: ignore[misc]  # knox is untyped
    """Takes `Authorization: Bearer TOKEN`; whatever is no token of ours is 401."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AccessToken]:
        try:
            found: tuple[User, AccessToken] = super().authenticate_credentials(token)
        except UnicodeDecodeError as exc:
            raise AuthenticationFailed("Invalid token.") from exc
        return found


class HasScope(BasePermission):
    """Lets a request through if it holds the scope that the view names for its method.

    A view says `required_scopes = {"GET": "cache:read"}`; a method without a scope is closed.
    """

    message = "This needs another scope or role."

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
            return scope in request.auth.scopes
        return scope in PERSONAL_SCOPES or bool(request.user.is_staff)
