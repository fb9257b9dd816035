"""HTTPS in production, behind proxies that are believed and others, and what browsers are told."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"
STATS = "/api/v1/cache/stats/"


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    """As with DEBUG=0, behind one proxy."""
    settings.HTTPS = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 3600
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["site.example", "localhost"]


def asking(peer: str, host: str = "site.example", **headers: str) -> Client:
    return Client(REMOTE_ADDR=peer, headers={"host": host, **headers})


def test_page_without_https_is_sent_there_with_its_query() -> None:
    """Also what a proxy says came without."""
    for client in (asking(CLIENT), asking(PROXY, x_forwarded_proto="http")):
        answer = client.get("/login/?next=/jobs/")
        assert answer.status_code == 301
        assert answer.headers["Location"] == "https://site.example/login/?next=/jobs/"


def test_api_without_https_is_refused_and_not_redirected(api: Any) -> None:
    """Whoever sends a token in the open must notice; the token is not even looked at."""
    answer = api("cache:read").get(STATS, headers={"host": "site.example"}, REMOTE_ADDR=CLIENT)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This is answered over HTTPS alone."


def test_proxy_that_is_trusted_brings_pages_with_secure_cookies_and_hsts() -> None:
    """What came over HTTPS to the proxy is answered as that."""
    answer = asking(PROXY, x_forwarded_proto="https", x_forwarded_for=CLIENT).get("/login/")

    assert answer.status_code == 200
    assert answer.cookies["csrftoken"]["secure"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600; includeSubDomains"
    assert answer.wsgi_request.META["REMOTE_ADDR"] == CLIENT


def test_what_strangers_claim_to_forward_is_dropped(caplog: Any) -> None:
    """Neither HTTPS nor another address can be claimed; a forgotten proxy is named once."""
    stranger = asking(CLIENT, x_forwarded_proto="https", x_forwarded_for="192.0.2.1")

    answers = [stranger.get("/login/"), stranger.get("/login/")]

    assert [answer.status_code for answer in answers] == [301, 301]
    assert answers[0].wsgi_request.META["REMOTE_ADDR"] == CLIENT
    assert caplog.text.count("name it in TRUSTED_PROXIES") == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_monitors_ask_each_machine_without_https(path: str) -> None:
    """A load balancer looks at machines behind the proxy."""
    assert asking(CLIENT).get(path).headers["Content-Type"] == "application/json"


def test_who_asks_from_the_machine_itself_needs_no_https(api: Any) -> None:
    """Nothing travels; but a host's name of ours in a request from elsewhere is no such thing."""
    local = {"headers": {"host": "localhost"}, "REMOTE_ADDR": "127.0.0.1"}
    assert api("cache:read").get(STATS, **local).status_code == 200
    assert asking(CLIENT, host="localhost").get("/login/").status_code == 301
    assert asking("127.0.0.1", host="site.example").get("/login/").status_code == 301


def test_pages_say_what_browsers_may_do_with_them() -> None:
    """No script from elsewhere, no frame, no camera, no address told to others."""
    headers = asking(PROXY, x_forwarded_proto="https").get("/login/").headers

    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
