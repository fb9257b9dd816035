"""People who sign in with a browser, each with just the permissions that a test is about."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def sign_in(*permissions: str, name: str = "olga", staff: bool = False) -> Client:
    """Return the browser of somebody who has these permissions, by their short names.

    Args:
        staff: whether they may enter the admin.
    """
    user = User.objects.create_user(name, is_staff=staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client
