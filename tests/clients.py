"""Clients of the API beside the fixture `api`: somebody who is signed in, somebody with a token."""

from django.apps import apps
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from perfsite.roles import make_groups


def signed_in(user: User) -> APIClient:
    """Return a browser's session, which sends its CSRF token as our pages do."""
    client = session_without_csrf(user)
    client.get("/login/")
    client.credentials(HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value)
    return client


def session_without_csrf(user: User) -> APIClient:
    """Return a browser's session that another site's page uses: CSRF checks are in force."""
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(user)
    return client


def bearer(secret: str) -> APIClient:
    """Return a client that holds a token."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def member(role: str, name: str = "", *, is_staff: bool = False) -> User:
    """Return a person of a group: who may sign in, and what the group may."""
    # Tests that commit empty all tables afterwards.
    make_groups(apps)
    user = User.objects.create_user(name or role, password="pass", is_staff=is_staff)
    user.groups.set([Group.objects.get(name=role)])
    return user
