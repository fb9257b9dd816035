"""How people sign in and what they may: as Django has it, with tries and refusals remembered."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from perfsite.login_throttle import begin_try


class RememberingBackend(ModelBackend):
    """Counts tries at passwords, whichever view asks, and remembers why somebody was refused.

    That is the first permission that a request lacked, for the page that refuses it: whoever
    refuses (a view, a decorator, the admin) raises no more than that it does.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **others: Any,
    ) -> User | None:
        """Return whose name and password these are; None if nobody's.

        Raises:
            LockedOut: no password is looked at now.
        """
        if request is None or username is None:
            # Code of ours asks, for nobody who could be kept waiting.
            return super().authenticate(request, username, password, **others)
        made = begin_try(username, request.META.get("REMOTE_ADDR", ""))
        user = super().authenticate(request, username, password, **others)
        if user is not None:
            made.succeeded()
        return user

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether somebody has a permission, `app.codename`."""
        allowed = super().has_perm(user_obj, perm, obj)
        if not allowed and not hasattr(user_obj, "first_refused"):
            user_obj.first_refused = perm
        return allowed
