"""Addresses and bodies that reach no view."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.usefixtures("databases")


@pytest.mark.parametrize(
    "path",
    [
        *("/api/", "/api/v1/nope", "/api/v1/reflections", "/api/v1/reflections/nouuid/"),
        *("/api/v1/é/", "/api/v1/two%0Alines/"),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_unknown_address_of_the_api_is_a_problem(client: Client, settings, path: str, debug: bool):
    """Also without its slash, with any method and in development: 404 as a problem."""
    settings.DEBUG = debug
    for answer in (client.get(path), client.post(path, "{}", content_type="application/json")):
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"


def test_body_of_unknown_length_is_411(client: Client):
    """A chunked body is refused plainly instead of being taken for an empty one."""
    answer = client.post(
        "/api/v1/reflections/",
        "{}",
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        CONTENT_LENGTH="",
    )

    assert answer.status_code == 411


def test_expired_form_is_told_so(person: User):
    """A form without its token is 403 with a page of ours."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)

    answer = client.post("/reflections/", {"text": "hello"})

    assert answer.status_code == 403
    assert "load the page again" in answer.content.decode()


def test_admin_without_its_slash_is_found(client: Client):
    """People type it that way."""
    assert client.get("/admin")["Location"] == "/admin/"


@pytest.mark.parametrize(
    "path",
    [
        *("/reflections/?cursor=x", "/cache/?cursor=x", "/jobs/?cursor=x"),
        *("/cache/audit/?before=x", "/configuration/history/?before=x"),
        *("/api/v1/reflections/?cursor=x", "/api/v1/cache/entries/?cursor=x"),
        "/api/v1/config/history/?cursor=x",
    ],
)
def test_place_in_a_list_that_is_none_is_refused(client: Client, path: str):
    """By every list alike: nobody takes the first page for the one that they asked for."""
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(path).status_code == 400
