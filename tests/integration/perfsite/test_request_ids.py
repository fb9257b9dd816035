"""Requests have a name, which stands in each line that is logged for their sake."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from perfsite.logs import FORMATS, logging_config

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

Lines = Callable[[], list[dict[str, Any]]]
WORDS = "zyxgrobble and a grateful evening"
STATS = "/api/v1/cache/stats/"
REFLECTIONS = "/api/v1/reflections/"


@pytest.fixture(params=FORMATS)
def log(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Reads what the site's own log would hold, in each of its forms."""
    yield from _logged(request.param)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Reads it as a collector does."""
    for told in _logged("json"):
        yield lambda told=told: [json.loads(line) for line in told().splitlines()]


def _logged(form: str) -> Iterator[Callable[[], str]]:
    written = io.StringIO()
    config = logging_config(form, "DEBUG")
    formatter = config["formatters"]["lines"]
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter.pop("()")(**formatter))
    handler.addFilter(config["filters"]["places"]["callback"])
    loggers = [logging.getLogger(name) for name in ("", "django", "perfsite")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    yield written.getvalue
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def line_of(lines: Lines, place: str) -> dict[str, Any]:
    (found,) = [line for line in lines() if line["event"].startswith("[HTTP]")]
    assert found["event"].endswith(place)
    return found


def test_request_keeps_the_name_that_it_came_with(lines: Lines) -> None:
    """A proxy's lines and ours can be laid side by side; the answer says it again."""
    answer = Client().get("/healthz", headers={"x-request-id": "edge-7f3a.21"})

    assert answer.headers["X-Request-ID"] == "edge-7f3a.21"
    line = line_of(lines, "GET /healthz")
    assert (line["request_id"], line["status_code"]) == ("edge-7f3a.21", 200)
    assert line["run_ms"] >= 0


@pytest.mark.parametrize(
    "given",
    ["", "short", "a b c d e f", "é" * 10, '"}{"level":"x"', "x" * 65, "-leading-dash", WORDS],
)
def test_request_without_a_usable_name_is_given_one(lines: Lines, given: str) -> None:
    """Nobody writes into the log by a header."""
    answer = Client().get("/healthz", headers={"x-request-id": given})

    assert len(answer.headers["X-Request-ID"]) == 32
    assert line_of(lines, "GET /healthz")["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", STATS, 401),
        ("DELETE", "/healthz", 403),
        ("POST", "/login/", 403),
    ],
)
def test_refusals_that_django_logs_name_the_request(
    lines: Lines, method: str, path: str, status: int
) -> None:
    """Also those that it logs when all middleware is done; and two requests have two names."""
    for _ in range(2):
        answer = Client(enforce_csrf_checks=True).generic(method, path)
        assert answer.status_code == status
        assert lines()[-1]["request_id"] == answer.headers["X-Request-ID"]
    assert len({line["request_id"] for line in lines()}) == 2


def test_no_words_of_an_address_are_logged(log: Callable[[], str], person: Any, api: Any) -> None:
    """Not of its path, its query or its fragments: a confused client may put a text there."""
    asked = WORDS.replace(" ", "%20")
    client, token = Client(raise_request_exception=False), api("enrich:run", "enrich:read")
    client.force_login(person)
    for path in (
        f"/{asked}",
        f"/api/v1/{asked}/",
        f"/reflections/{asked}/?text={asked}",
        f"/reflections/?feeling={asked}",
        f"{REFLECTIONS}{asked}/",
        f"{REFLECTIONS}?text={asked}",
    ):
        for who in (client, token, Client()):
            for method in ("get", "post", "delete"):
                getattr(who, method)(path, headers={"referer": f"http://x/?q={asked}"})

    assert "[HTTP] POST" in log()
    assert "zyxgrobble" not in log()


def test_no_words_of_a_fault_in_a_request_are_logged(
    log: Callable[[], str], api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view that fails over a text, with the text in the error, leaves the places alone."""

    def fail(text: str) -> None:
        raise ValueError(f"can't read {text!r}")

    monkeypatch.setattr("enrichment.services.risk.check", fail)
    answer = api("enrich:run").post(REFLECTIONS, {"text": WORDS}, format="json")

    assert answer.status_code == 500
    assert "ValueError" in log()
    assert answer.headers["X-Request-ID"] in log()
    assert "zyxgrobble" not in log()
