"""Errors of the API are problems (RFC 9457), whatever went wrong and wherever."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from cachestats import reports

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

STATS = "/api/v1/cache/stats/"
PURGE = "/api/v1/cache/purge/"
LIMIT = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


@pytest.fixture
def client(api: Any) -> Any:
    """A client that may purge and read: its bodies get as far as being read."""
    return api("cache:purge", "cache:read")


def _problem(response: Any, status: int, title: str) -> dict[str, Any]:
    """Check a problem's shape and return it."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors"}
    assert (body["type"], body["title"], body["status"]) == ("about:blank", title, status)
    assert body["instance"] == response.request["PATH_INFO"]
    assert body["detail"]
    return body


def _post(client: Any, body: bytes | str, content_type: str = "application/json") -> Any:
    return client.post(PURGE, body, content_type=content_type)


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'all': true}",
        b'{"all": true} and more',
        b'{"model": "\xff"}',
        '{"model": "a"}'.encode("utf-16"),
        b'{"model": NaN}',
        b'{"model": Infinity}',
        b'{"model": -Infinity}',
        b'{"model": ' + b"[" * 60_000 + b"]" * 60_000 + b"}",
        b'{"model": ' + b"9" * 5_000 + b"}",
        b'{"\\ud800": "half a character"}',
    ],
    ids=[
        *("cut", "quotes", "more", "not-utf-8", "utf-16"),
        *("nan", "infinity", "minus-infinity", "deep", "huge-number", "surrogate"),
    ],
)
def test_body_not_json_is_a_400_problem(client: Any, body: bytes) -> None:
    """Not JSON, not UTF-8, not a number, too deep: one answer, never a fault."""
    problem = _problem(_post(client, body), 400, "Bad Request")
    assert problem["detail"] == "The body must be JSON in UTF-8."
    assert problem["errors"] == []


@pytest.mark.parametrize("body", ["[]", '[{"all": true}]', '"all"', "1", "true", "null"])
def test_body_not_an_object_is_a_400_problem(client: Any, body: str) -> None:
    """The body of every request is an object."""
    problem = _problem(_post(client, body), 400, "Bad Request")
    assert problem["detail"] == "The body must be a JSON object."


def test_body_too_large_is_a_413_problem(client: Any) -> None:
    """A body beyond the limit is not read on, and the answer says the limit."""
    body = b'{"model": "' + b"a" * LIMIT + b'"}'
    title = "Content Too Large"
    assert str(LIMIT) in _problem(_post(client, body), 413, title)["detail"]


def test_body_of_the_largest_size_is_read(client: Any) -> None:
    """The limit itself is legal."""
    body = b'{"dry_run": true, "model": "' + b"a" * LIMIT
    assert _post(client, body[: LIMIT - 2] + b'"}').status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "application/xml"),
        "multipart/form-data; boundary=x",
    ],
)
def test_body_of_another_type_is_a_415_problem(client: Any, content_type: str) -> None:
    """The API reads JSON alone; a form is not taken for one."""
    response = _post(client, b'{"all": true}', content_type)
    assert content_type in _problem(response, 415, "Unsupported Media Type")["detail"]


def test_body_with_wrong_fields_names_each(client: Any) -> None:
    """errors holds a pair of field and message for each field that is wrong."""
    response = _post(client, '{"type": 1, "all": "yes", "typ": "api"}')
    errors = _problem(response, 400, "Bad Request")["errors"]
    assert [set(error) for error in errors] == [{"field", "message"}] * 3
    assert [error["field"] for error in errors] == ["type", "all", "typ"]
    assert all(error["message"] for error in errors)


# Addresses and methods


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v2/cache/stats/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_path_unknown_under_api_is_a_404_problem(client: Any, path: str, method: str) -> None:
    """An address of the API where nothing is answers in the API's way."""
    _problem(getattr(client, method)(path), 404, "Not Found")


def test_path_unknown_elsewhere_is_a_page(client: Any) -> None:
    """People get a page."""
    response = Client().get("/nothing/")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_entity_unknown_is_a_404_problem(api: Any) -> None:
    """So does an address whose thing is not there."""
    path = "/api/v1/reflections/00000000-0000-0000-0000-000000000000/"
    _problem(api("enrich:read").get(path), 404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", PURGE, "POST"),
        ("delete", PURGE, "POST"),
        ("post", STATS, "GET"),
        ("put", STATS, "GET"),
    ],
)
def test_method_wrong_is_a_405_problem_that_names_the_right(
    client: Any, method: str, path: str, allowed: str
) -> None:
    """The Allow header says what goes."""
    response = getattr(client, method)(path, {}, format="json")
    assert method.upper() in _problem(response, 405, "Method Not Allowed")["detail"]
    assert allowed in response.headers["Allow"]


def test_accept_of_another_type_is_a_406_problem(client: Any) -> None:
    """Who wants no JSON is told in JSON."""
    _problem(client.get(STATS, HTTP_ACCEPT="text/html"), 406, "Not Acceptable")


# Who asks


def test_no_credentials_is_a_401_problem() -> None:
    """The answer to a stranger has the shape too."""
    response = Client().get(STATS)
    _problem(response, 401, "Unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_wrong_scope_is_a_403_problem(api: Any) -> None:
    """So has the answer to a token that may not."""
    _problem(api("enrich:read").get(STATS), 403, "Forbidden")


# Faults of ours


def test_fault_in_a_view_is_a_500_problem_without_its_traceback(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault tells nothing about us; the log has its traceback."""

    def broken() -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(reports, "cache_report", broken)
    response = client.get(STATS)
    problem = _problem(response, 500, "Internal Server Error")
    assert problem["detail"] == "This is our fault; it was logged."
    assert b"secret" not in response.content
    assert b"Traceback" not in response.content
    assert any(record.exc_info for record in caplog.records)
