"""How people sign in and what they may: as Django has it, with the refusals remembered."""

from typing import Any

from django.contrib.auth.backends import ModelBackend


class RememberingBackend(ModelBackend):
    """Remembers the first permission that a request lacked, for the page that refuses it.

    Whoever refuses (a view, a decorator, the admin) raises no more than that it does.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether somebody has a permission, `app.codename`."""
        allowed = super().has_perm(user_obj, perm, obj)
        if not allowed and not hasattr(user_obj, "first_refused"):
            user_obj.first_refused = perm
        return allowed
