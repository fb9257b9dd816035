"""Which pages of other origins may call: those that the operator named, with tokens alone."""

from typing import Any

import pytest
from django.test import Client

from perfsite.models import Scope

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

APP = "https://app.example.org"
REFLECTIONS = "/api/v1/reflections/"
STATS = "/api/v1/cache/stats/"
EXPOSED = {
    *("Location", "Retry-After", "X-Cache", "X-Request-ID", "Cache-Status", "Age", "ETag"),
    "Idempotency-Replayed",
}


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]


def ask(path: str, origin: str = APP, **headers: str) -> Any:
    """Ask as a browser does before it sends a request of a page of another origin."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", **headers}
    return Client().options(path, headers=asked)


def test_browser_is_told_what_it_may_send() -> None:
    """Without a token: a browser asks before it shows one."""
    answer = ask(REFLECTIONS, **{"Access-Control-Request-Headers": "authorization"})

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    sent = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    wanted = {"authorization", "content-type", "idempotency-key", "if-none-match", "cache-control"}
    assert wanted <= sent
    methods = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert {"GET", "POST", "PATCH", "DELETE"} <= methods


@pytest.mark.parametrize(
    "origin",
    [
        "https://other.example.org",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://app.example.org.evil.example",
        "null",
    ],
)
def test_other_origin_is_told_nothing(origin: str) -> None:
    """A browser then keeps the answer from the page."""
    for answer in (ask(STATS, origin), Client().get(STATS, headers={"Origin": origin})):
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_answers_are_for_this_origin_without_cookies(api: Any) -> None:
    """And a cache between keeps them apart."""
    answer = api(Scope.CACHE_READ).get(STATS, headers={"Origin": APP})

    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "origin" in answer.headers["Vary"].lower()
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED


def test_refusals_can_be_read_by_the_page_too(api: Any, settings: Any) -> None:
    """401, 403, 404, 405, 411, 413, 415 and 429: or a page would see no more than a failure."""
    settings.THROTTLES = {**settings.THROTTLES, "purge": 2}
    client = api(Scope.CACHE_PURGE)
    purge, headers = "/api/v1/cache/purge/", {"Origin": APP}
    chunked = {**headers, "Transfer-Encoding": "chunked"}
    answers = {
        401: Client().get(STATS, headers=headers),
        403: client.get(STATS, headers=headers),
        404: client.get("/api/v1/nothing/", headers=headers),
        405: client.put(STATS, headers=headers),
        411: client.post(
            purge, "{}", content_type="application/json", headers=chunked, CONTENT_LENGTH=""
        ),
        413: client.post(purge, {"model": "a" * 200_000}, format="json", headers=headers),
        415: client.post(purge, "x", content_type="text/plain", headers=headers),
        429: client.post(purge, {}, format="json", headers=headers),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == APP, status


def test_pages_are_for_nobody_else() -> None:
    """Only the API is called from elsewhere."""
    for path in ("/login/", "/healthz", "/metrics"):
        answer = Client().get(path, headers={"Origin": APP})
        assert "Access-Control-Allow-Origin" not in answer.headers
