"""Bytes that no client library sends, to a real server: the API answers, and no traceback gets out.

What can be sent by a test client is in `tests/integration/perfsite/test_hostile_requests.py`.
"""

import json
import socket
from pathlib import Path

import httpx
import pytest

from tests.sites import Site

SUBMIT = "/api/v1/reflections/"
STATS = "/api/v1/cache/stats/"
BODY = b'{"text": "a day"}'
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture(scope="session")
def authorization(web: Site) -> bytes:
    client = web.client("enrich:run", "enrich:read", "cache:read", "cache:purge")
    return f"Authorization: {client.headers['Authorization']}\r\n".encode()


def told(site: Site, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes on a connection of their own; return status, headers and body of the answer."""
    url = httpx.URL(site.url)
    answer = b""
    with socket.create_connection((url.host, url.port), timeout=30) as line:
        line.sendall(data)
        while piece := line.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        body = body.split(b"\r\n", 1)[1].rsplit(b"\r\n0\r\n", 1)[0]
    return int(first.split()[1]), headers, body


def request(line: bytes, *headers: bytes, host: bytes = b"localhost", body: bytes = b"") -> bytes:
    """Return a request's bytes."""
    said = b"".join(headers)
    if b"Content-Length" not in said and b"Transfer-Encoding" not in said:
        said += b"Content-Length: %d\r\n" % len(body)
    return (
        line + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n" + said + b"\r\n" + body
    )


def assert_problem(answer: tuple[int, dict[str, str], bytes], status: int) -> None:
    code, headers, body = answer
    assert code == status
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n0\r\n\r\n", 411),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", b"5\r\nabcde\r\n0\r\n\r\n", 411),
        (b"Content-Length: 10000000000\r\n", b"{", 413),
        (b"Content-Encoding: gzip\r\n", b"\x1f\x8b\x08\x00", 415),
        (b"Idempotency-Key: \xff\xfe\r\n", BODY, 400),
        (b"Idempotency-Key: a b\r\n", BODY, 400),
        (b"Idempotency-Key:\r\n", BODY, 400),
        (b"Idempotency-Key: " + b"a" * 256 + b"\r\n", BODY, 400),
        (b'Cookie: sessionid="abcdefgh\\000"\r\n', BODY, 400),
        (b"Accept: text/html\r\n", BODY, 406),
        (b"", b'{"text": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
        (b"", b'{"text": "a\\u0000b"}', 400),
    ],
)
def test_submission_that_means_harm_is_a_problem(
    web: Site, authorization: bytes, headers: bytes, body: bytes, status: int
) -> None:
    """Refused by name, before it comes to a database."""
    sent = request(b"POST " + SUBMIT.encode(), authorization, JSON, headers, body=body)

    assert_problem(told(web, sent), status)


@pytest.mark.parametrize(
    "headers",
    [
        *(b"Idempotency-Key: a\r\n Set-Cookie: b=c\r\n", b"Idempotency-Key: a\rSet-Cookie: b\r\n"),
        *(b"Idempotency-Key: a\x00b\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9e9\r\n"),
        *(b"Content-Length: 17\r\nContent-Length: 18\r\n", b"Transfer-Encoding: gzip\r\n"),
        *(b"X: " + b"a" * 1_000_000 + b"\r\n", b"X: a\r\n" * 1_000, b"no colon\r\n"),
    ],
)
def test_what_is_no_http_is_refused_by_the_server(
    web: Site, authorization: bytes, headers: bytes
) -> None:
    """It does not come as far as the site, which so need not know what it means."""
    sent = request(b"POST " + SUBMIT.encode(), authorization, JSON, headers, body=BODY)
    try:
        code, said, body = told(web, sent)
    except ConnectionError:
        return  # it was given up in the middle
    assert code in {400, 431}
    assert "set-cookie" not in said
    assert body == b""


@pytest.mark.parametrize("host", [b"evil.example", b'a"<b>', b"localhost:port", b"", b"\xff"])
@pytest.mark.parametrize("path", [STATS.encode(), b"/metrics", b"/readyz", b"/api/nothing"])
def test_host_that_is_not_ours_is_a_problem(
    web: Site, authorization: bytes, path: bytes, host: bytes
) -> None:
    """No page that shows settings, in development neither."""
    assert_problem(told(web, request(b"GET " + path, authorization, host=host)), 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((f"{STATS}?window={value}", 400) for value in ("%00", "%ff", "%", "%zz", "9" * 5_000)),
        *((f"/api/v1/{value}/", 404) for value in ("%00", "%ff", "%", "%0d%0aSet-Cookie:a", "..")),
        ("/api/" + "a" * 60_000, 404),
    ],
)
def test_address_with_broken_escapes_is_a_problem(
    web: Site, authorization: bytes, path: str, status: int
) -> None:
    """Whatever the database makes of a NUL, it is not asked."""
    assert_problem(told(web, request(f"GET {path}".encode(), authorization)), status)


@pytest.mark.parametrize("method", [b"TRACE", b"FOO", b"PATCH", b"PUT"])
def test_method_that_is_not_there_is_a_problem(
    web: Site, authorization: bytes, method: bytes
) -> None:
    """405 says which are."""
    answer = told(web, request(method + b" " + SUBMIT.encode(), authorization))

    assert_problem(answer, 405)
    assert "post" in answer[1]["allow"]


def test_nothing_that_was_sent_was_a_fault(web: Site) -> None:
    """After all of the above the site lives, and its log tells of no fault."""
    assert httpx.get(f"{web.url}/healthz", trust_env=False).json() == {"status": "ok"}
    log = (Path(web.env["VAR_DIR"]).parent / "output.txt").read_text()
    assert "Invalid HTTP_HOST" in log
    assert "Internal Server Error" not in log
