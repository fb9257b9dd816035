"""Submissions that come again and at the same time, to a real server on real databases."""

import json
import socket
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.sites import Site

URL = "/api/v1/reflections/"
AT_ONCE = 20


@pytest.fixture(scope="session")
def client(web: Site) -> httpx.Client:
    return web.client("enrich:run", "enrich:read")


def at_once(client: httpx.Client, key: str, bodies: list[dict[str, str]]) -> list[httpx.Response]:
    """Send each body in a thread and on a connection of its own, all under one key."""
    barrier = Barrier(len(bodies))
    headers = {"Authorization": client.headers["Authorization"], "Idempotency-Key": key}

    def send(body: dict[str, str]) -> httpx.Response:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=60) as own:
            barrier.wait()
            return own.post(URL, json=body, headers=headers)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(send, bodies))


def test_twenty_at_once_make_one_reflection(client: httpx.Client) -> None:
    """One is taken; the others are told to wait, or get the replay; nothing else."""
    for _ in range(3):
        key = str(uuid.uuid4())
        answers = at_once(client, key, [{"text": "a good day"}] * AT_ONCE)

        told = Counter(answer.status_code for answer in answers)
        taken = [answer for answer in answers if answer.status_code == 202]
        first = [answer for answer in taken if "Idempotency-Replayed" not in answer.headers]
        assert set(told) <= {202, 409}
        assert len(first) == 1
        assert {answer.json()["id"] for answer in taken} == {first[0].json()["id"]}
        assert all("Retry-After" in answer.headers for answer in answers)
        (again,) = at_once(client, key, [{"text": "a good day"}])
        assert again.json()["id"] == first[0].json()["id"]


def test_twenty_different_bodies_at_once_make_one_reflection(client: httpx.Client) -> None:
    """A key is its first body's, whichever came first."""
    bodies = [{"text": f"day {number}"} for number in range(AT_ONCE)]
    answers = at_once(client, "different", bodies)

    told = Counter(answer.status_code for answer in answers)
    assert told[202] == 1
    assert set(told) <= {202, 409, 422}


def test_twenty_that_are_refused_leave_the_key_free(web: Site) -> None:
    """Each of them that had claimed the key gave it back."""
    arguments = ("--scope", "enrich:run", "--owner", "ada", "--json")
    token = json.loads(web.manage("create_token", "web", *arguments))["token"]
    client = httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {token}"})
    refused = [{"text": "a good day", "owner": "bob"}] * AT_ONCE

    told = {answer.status_code for answer in at_once(client, "refused", refused)}
    (answer,) = at_once(client, "refused", [{"text": "a good day"}])

    assert 403 in told <= {403, 409}
    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer.headers


def test_request_whose_connection_broke_is_replayed(web: Site, client: httpx.Client) -> None:
    """Who saw no more than the beginning of the answer sends the same again, and gets it."""
    body = b'{"text": "a day with a bad line"}'
    head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: broken\r\n"
    head += f"Authorization: {client.headers['Authorization']}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    url = httpx.URL(web.url)
    with socket.create_connection((url.host, url.port), timeout=60) as line:
        line.sendall(head.encode() + body)
        assert line.recv(1) == b"H"

    (again,) = at_once(client, "broken", [json.loads(body)])

    assert again.status_code == 202
    assert again.headers["Idempotency-Replayed"] == "true"
