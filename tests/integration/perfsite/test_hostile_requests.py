"""Requests that mean harm, at every endpoint that there is: never a fault, never a page.

What only a real server can be sent is in `tests/acceptance/test_hostile_bytes.py`.
"""

import gzip
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, InterfaceError, OperationalError
from django.test import Client
from django.urls import URLPattern, reverse
from pytest_django import Settings

from cachestats import reports
from enrichment.models import Reflection
from perfsite import prometheus
from perfsite.models import Scope
from perfsite.urls import api as api_urls
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

SUBMIT = "/api/v1/reflections/"
STATS = "/api/v1/cache/stats/"
SOME_ARGUMENTS = {"uuid": UUID(int=7), "int": 7, "string": "ab12cd34", "slug": "a", "path": "a/b"}


def endpoints() -> Iterator[tuple[str, str]]:
    """Yield each method and address under the API."""
    for pattern in api_urls[0]:
        assert isinstance(pattern, URLPattern)
        arguments = {
            name: SOME_ARGUMENTS[type(converter).__name__.removesuffix("Converter").lower()]
            for name, converter in pattern.pattern.converters.items()
        }
        path = reverse(f"api:{pattern.name}", kwargs=arguments)
        for method in pattern.callback.view_class.required_scopes:
            yield method, path


EVERY = list(endpoints())
WITH_BODY = [one for one in EVERY if one[0] in {"POST", "PUT", "PATCH"}]


@pytest.fixture
def client(api: TokenMaker, model: Script) -> Any:
    """A client that may do everything."""
    return api(*Scope)


def assert_told(answer: Any) -> None:
    """It went well, or a problem says what did not: no page, no traceback, no fault."""
    asked = answer.request
    place = f"{asked['REQUEST_METHOD']} {asked['PATH_INFO'][:80]}"
    assert answer.status_code < 500, (place, answer.content[:300])
    assert b"Traceback" not in answer.content
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.content)["status"] == answer.status_code


# Bodies

NESTED = b"[" * 10_000 + b"]" * 10_000
NO_JSON = {
    "ten thousand levels": NESTED,
    "beyond floats": b"1e400",
    "five thousand digits": b"9" * 5_000,
    "half a character": b'"\\ud800"',
    "bytes that are no UTF-8": b'"\xff\xfe"',
    "too long for UTF-8": b'"\xc0\xaf"',
    "a byte that is no JSON": b"\x00",
}
JSON = {
    "as deep as is read": b"[" * 1_000 + b"]" * 1_000,
    "objects in objects": b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
    "next to nothing": b"-1e-400",
    "beyond 64 bits": b"18446744073709551616",
    "just 64 bits": b"9223372036854775808",
    "nul": b'"a\\u0000b"',
    "line ends": b'"a\\r\\nSet-Cookie: b=c"',
    "list": b"[null, true, {}]",
    "many": b"[" + b"0," * 20_000 + b"0]",
}
FIELDS = (
    *("text", "owner", "timestamp", "timezone", "language", "priority", "image", "ids", "status"),
    *("type", "model", "key", "older_than", "expired", "all", "dry_run", "a name of nobody"),
)


@pytest.mark.parametrize("value", JSON.values(), ids=JSON)
def test_field_of_whatever_is_read_or_told_to_be_wrong(client: Any, value: bytes) -> None:
    """Each field of any endpoint, with values that break programs behind readers of JSON."""
    for method, path in WITH_BODY:
        for field in FIELDS:
            body = b'{"text": "a day", "%b": %b}' % (field.encode(), value)
            assert_told(client.generic(method, path, body, "application/json"))


@pytest.mark.parametrize("value", NO_JSON.values(), ids=NO_JSON)
def test_value_that_is_no_json_is_told_to_be_wrong(client: Any, value: bytes) -> None:
    """What a reader may choke on, and what no reader should take."""
    for method, path in WITH_BODY:
        body = b'{"text": "a day", "type": %b}' % value
        assert_told(client.generic(method, path, body, "application/json"))
    assert not Reflection.objects.exists()


@pytest.mark.parametrize("body", [b"", b"\x00", b"{}", NESTED, b'\xef\xbb\xbf{"a":1}', b"{" * 9])
def test_body_of_whatever_is_told_to_be_wrong(client: Any, body: bytes) -> None:
    """Nothing, no JSON, too deep, with a byte order mark."""
    for method, path in WITH_BODY:
        assert_told(client.generic(method, path, body, "application/json"))


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "text/html", "application/x-www-form-urlencoded", "application", "a/b/c;;;="),
        *("multipart/form-data", "multipart/form-data; boundary=" + "x" * 300, "é/ü"),
    ],
)
def test_body_of_whatever_type_is_told_to_be_wrong(client: Any, content_type: str) -> None:
    """None, another, and what is no type."""
    body = b'{"text": "a day", "ids": ["00000000-0000-0000-0000-000000000007"], "dry_run": true}'
    for method, path in WITH_BODY:
        assert_told(client.generic(method, path, body, content_type))
    assert not Reflection.objects.exists()


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize(
    "charset", ["utf-16", "idna", "unicode_escape", "base64", "latin-1", "nonsense"]
)
def test_body_that_says_it_is_not_utf_8_is_415(client: Any, kind: str, charset: str) -> None:
    """Some of Python's encodings raise, others make halves of characters: none is tried."""
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\\ud800\r\n--x--\r\n'
    for method, path in WITH_BODY:
        answer = client.generic(method, path, body, f"{kind}; charset={charset}")
        assert answer.status_code == 415
        assert_told(answer)


def test_compressed_body_is_415(client: Any) -> None:
    """A few bytes that unfold to gigabytes are not unfolded."""
    body = gzip.compress(b'{"text": "' + b"a" * 1_000_000 + b'"}')
    headers = {"Content-Encoding": "gzip"}
    for method, path in WITH_BODY:
        answer = client.generic(method, path, body, "application/json", headers=headers)
        assert answer.status_code == 415
        assert_told(answer)


def test_body_that_is_said_to_be_uncompressed_is_read(client: Any) -> None:
    """`identity` is what every body is."""
    headers = {"Content-Encoding": "identity"}
    answer = client.post(SUBMIT, {"text": "a day"}, format="json", headers=headers)

    assert answer.status_code == 202


def test_promise_of_a_huge_body_is_refused_before_it_comes(client: Any) -> None:
    """Nobody waits for ten gigabytes that may never come."""
    answer = client.generic("POST", SUBMIT, b"{", "application/json", CONTENT_LENGTH=str(10**10))

    assert answer.status_code == 413
    assert_told(answer)


def test_name_that_comes_twice_counts_once(client: Any) -> None:
    """The last one is taken, also by the check for danger and the fingerprint of a key."""
    body = b'{"text": "one", "text": "two"}'
    answer = client.generic("POST", SUBMIT, body, "application/json", HTTP_IDEMPOTENCY_KEY="a")
    again = client.post(SUBMIT, {"text": "two"}, format="json", HTTP_IDEMPOTENCY_KEY="a")

    assert answer.json()["text"] == again.json()["text"] == "two"
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "part",
    [b'name="f%d"\r\n\r\nx', b'name="f%d"; filename="a"\r\n\r\nx'],
    ids=["fields", "files"],
)
def test_form_of_thousands_of_parts_is_400(client: Any, part: bytes) -> None:
    """So many are not even looked at."""
    head = b"--x\r\nContent-Disposition: form-data; "
    body = b"\r\n".join(head + part % number for number in range(2_000)) + b"\r\n--x--\r\n"
    answer = client.generic("POST", SUBMIT, body, "multipart/form-data; boundary=x")

    assert answer.status_code == 400
    assert "too many" in answer.json()["detail"]
    assert_told(answer)


# Addresses, methods, headers


@pytest.mark.parametrize(
    "query",
    [
        *("window=%00", "window=%ff", "window=%", "window=%zz", "window=%ED%A0%80", "%00", "=&=&;"),
        *("window=" + "9" * 5_000 + "d", "limit=1e400", "cursor=%00", "cursor=%ff", "ordering=a'b"),
        *(
            "cursor=" + "A" * 5_000,
            "limit=" + "9" * 5_000,
            "model=%0d%0aSet-Cookie:a",
            "format=xml",
        ),
        *("owner=%00", "status=%f0%9f", "wait=nan", "wait=-1", "wait=1e400", "wait=%00"),
    ],
)
def test_query_of_whatever_is_read_or_told_to_be_wrong(client: Any, query: str) -> None:
    """Broken escapes, NUL, huge numbers: in what is known and what is not."""
    for method, path in EVERY:
        answer = client.generic(method, f"{path}?{query}", b"{}", "application/json")
        assert_told(answer)
        assert "Set-Cookie" not in answer.headers


def test_format_in_the_query_is_no_parameter_of_ours(client: Any) -> None:
    """What an answer looks like is said by Accept alone."""
    assert client.get(f"{STATS}?format=xml").status_code == 200


def test_purge_of_a_model_with_a_nul_names_the_model(client: Any) -> None:
    """PostgreSQL refuses such a text, and SQLite has none."""
    body = {"model": "a\x00b", "dry_run": True}
    answer = client.post("/api/v1/cache/purge/", body, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["model"]


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/v1/%00", "/api/v1/%ff/", "/api/%", "/api/%zz", "/api/v1/\n/", "/api/\r\n"),
        *(
            "/api/v1/reflections/%00/",
            "/api/v1/reflections/%0d%0aSet-Cookie:%20a=b/",
            "/api/\u2028",
        ),
        *(
            "/api/v1/reflections",
            "/api/../admin/",
            "/api/" + "a" * 60_000,
            "/metrics/",
            "/healthz/",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "FOO"])
def test_address_of_whatever_is_a_404_problem(method: str, path: str) -> None:
    """Also where a line end keeps the address from matching any pattern."""
    answer = Client(raise_request_exception=False).generic(method, path)

    assert answer.status_code == 404
    assert_told(answer)


@pytest.mark.parametrize("other", ["TRACE", "CONNECT", "FOO", "PROPFIND", "GÉT"])
def test_method_that_is_not_there_is_a_405_problem(client: Any, other: str) -> None:
    """Also words that nobody ever heard."""
    for method, path in EVERY:
        answer = client.generic(other, path, b"{}", "application/json")
        assert answer.status_code == 405
        assert method in answer["Allow"]
        assert_told(answer)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_method_that_monitors_do_not_know_is_told(client: Any, path: str) -> None:
    """Nor do they get pages. HEAD is one they know."""
    assert client.head(path).status_code in {200, 503}
    for method in ("TRACE", "PUT", "POST", "FOO"):
        answer = client.generic(method, path)
        assert answer.status_code in {403, 405}
        assert answer.status_code == 403 or "GET" in answer["Allow"]
        assert_told(answer)


@pytest.mark.parametrize(
    "accept",
    [
        *("text/html", "application/xml", "text/html,application/xhtml+xml;q=0.9", "garbage", ""),
        *("a/b/c", "text/html;q=é", "application/problem+json", "text/*"),
    ],
)
def test_answer_in_another_type_is_a_406_problem(client: Any, accept: str) -> None:
    """The API speaks JSON: who accepts none of it is told so, in JSON."""
    for method, path in EVERY:
        answer = client.generic(method, path, b"{}", "application/json", HTTP_ACCEPT=accept)
        assert answer.status_code == 406
        assert_told(answer)


@pytest.mark.parametrize(
    "header",
    [
        *("Idempotency-Key", "Authorization", "Cache-Control", "If-None-Match", "Cookie", "Prefer"),
        *("If-Modified-Since", "Origin", "Referer", "X-Forwarded-For", "X-CSRFToken", "Range"),
    ],
)
def test_header_of_whatever_is_read_or_told_to_be_wrong(client: Any, header: str) -> None:
    """Long, beyond ASCII, with line ends: none comes out again, none is a fault."""
    values = ("é" * 300, "a\r\nSet-Cookie: b=c", "x" * 60_000, "")
    for method, path in EVERY:
        for value in values:
            sent = {header: value}
            answer = client.generic(method, path, b"{}", "application/json", headers=sent)
            assert_told(answer)
            assert "Set-Cookie" not in answer.headers
            assert not any("\r" in told or "\n" in told for _, told in answer.items())


@pytest.mark.parametrize("host", ["evil.example", 'a"<b>', "localhost:port", "localhost, b", "é"])
@pytest.mark.parametrize("debug", [False, True])
def test_host_that_is_not_ours_is_a_400_problem(
    client: Any, host: str, debug: bool, settings: Settings
) -> None:
    """In development too, where Django has a page for it that shows its settings."""
    settings.DEBUG = debug
    for path in (STATS, "/metrics", "/healthz", "/api/nothing"):
        answer = client.get(path, HTTP_HOST=host)
        assert answer.status_code == 400
        assert_told(answer)


@pytest.mark.parametrize("cookie", ['sessionid="abcdefgh\\000"', 'csrftoken="\\000"'])
@pytest.mark.parametrize("path", [STATS, "/metrics", "/"])
def test_nul_in_a_cookie_is_400(path: str, cookie: str) -> None:
    """Written as Python's cookies escape it; PostgreSQL would not look for such a session."""
    assert Client().get(path, HTTP_COOKIE=cookie).status_code == 400


def test_line_ends_of_an_owner_come_back_in_no_header(client: Any) -> None:
    """An owner is one line, or refused."""
    answer = client.post(SUBMIT, {"text": "a day", "owner": "a\r\nX-Evil: b"}, format="json")

    assert answer.status_code == 400
    assert "X-Evil" not in answer.headers


# Faults of ours


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("path", [STATS, "/metrics"])
def test_database_that_is_away_is_503_and_says_when_to_come_again(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, error: type, path: str
) -> None:
    """Locked, full or gone: no fault in the request and none in us; the log knows more."""

    def away() -> None:
        raise error("connection to 10.0.0.7 failed")

    monkeypatch.setattr(reports, "cache_report", lambda *_args: away())
    monkeypatch.setattr(prometheus, "exposition", away)
    answer = client.get(path)

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"] == "application/problem+json"
    assert b"10.0.0.7" not in answer.content
    assert any(record.exc_info for record in caplog.records)


def test_nul_that_a_view_let_through_to_the_database_is_400(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses it as no text: that is the fault of who sent it."""

    def refuse(*_args: object) -> None:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")

    monkeypatch.setattr(reports, "cache_report", refuse)
    answer = client.get(f"{STATS}?name=%00")

    assert answer.status_code == 400
    assert "NUL" in answer.json()["detail"]
    assert client.get(STATS).status_code == 500


def test_database_that_is_away_when_the_token_is_looked_up_is_503(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not come as far as the view."""

    def away(*_args: object) -> None:
        raise OperationalError

    monkeypatch.setattr("perfsite.access.TokenAuthentication.authenticate_credentials", away)

    assert client.get(STATS).status_code == 503


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("error", [RuntimeError, DataError])
@pytest.mark.parametrize("path", [STATS, "/metrics"])
def test_fault_is_a_500_problem_without_its_traceback_in_development_too(
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    path: str,
    error: type,
    debug: bool,
) -> None:
    """Of what nobody foresaw a machine learns that it happened, and nothing else."""

    def broken() -> None:
        raise error("the secret of the house")

    settings.DEBUG = debug
    monkeypatch.setattr(reports, "cache_report", lambda *_args: broken())
    monkeypatch.setattr(prometheus, "exposition", broken)
    answer = client.get(path)

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert b"secret" not in answer.content
    assert b"Traceback" not in answer.content
