"""Who may see a page, and who else may keep it."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

View = Callable[..., HttpResponse]


def page_for(*permissions: str) -> Callable[[View], View]:
    """Make a view a page for whoever is signed in and has all these permissions; nobody keeps it.

    Strangers are sent to sign in, all others are refused.
    """

    def made(view: View) -> View:
        permitted = permission_required(permissions, raise_exception=True)(view)
        return never_cache(login_required(permitted))

    return made


def person_of(request: HttpRequest) -> User:
    """Return who asks for a page that `page_for` made."""
    assert isinstance(request.user, User)  # noqa: S101  # it let nobody else in
    return request.user
