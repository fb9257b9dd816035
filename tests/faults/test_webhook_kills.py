"""Webhooks of a running site: real workers, a real receiver, and workers that are killed."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from tests.apis import Answer, Api, Asked, running_api
from tests.queues import PATIENCE_SECONDS, WORKERS, Model, settled_family, submit, until
from tests.receivers import verify
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin

SCOPES = ("enrich:run", "enrich:read", "config:write")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    with standin() as script:
        model = Model(script)
        with running_site(
            folder,
            *("--workers", str(WORKERS)),
            OLLAMA_HOST=model.script.url,
            WEBHOOK_ALLOWED_HOSTS="127.0.0.1",
            THROTTLE_CONFIG="0",
        ) as running:
            yield running


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client(*SCOPES) as http:
        yield http


@pytest.fixture
def receiver() -> Iterator[Api]:
    with running_api() as api:
        yield api


def define(client: httpx.Client, receiver: Api) -> dict[str, str]:
    """Define a webhook, and wait until the worker processes know of it."""
    body = {"url": f"{receiver.url}/hook", "events": ["stage1_complete", "complete"]}
    made = client.post("/api/v1/webhooks/", json=body).json()
    threading.Event().wait(1.1)
    return made


def deliveries(client: httpx.Client, webhook: dict[str, str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get(
        f"/api/v1/webhooks/{webhook['id']}/deliveries/"
    ).json()["results"]
    return found


def test_message_of_a_real_worker_is_verified_by_example_and_library(
    client: httpx.Client, receiver: Api
) -> None:
    """Both stages of a submission are told, signed so that a receiver knows them for ours."""
    webhook = define(client, receiver)
    _, location = submit(client)
    wait_until_finished(client, location)
    until(lambda: len(receiver.asked) == 2)
    told = set()
    for asked in receiver.asked:
        event = verify(asked.body, asked.headers, webhook["secret"])
        library = Webhook(webhook["secret"]).verify(asked.body, dict(asked.headers))
        assert library == event
        assert event["data"]["id"] in location
        told.add((event["type"], event["data"]["status"]))
    assert told == {
        ("reflection.stage1_complete", "stage1_complete"),
        ("reflection.complete", "complete"),
    }
    until(lambda: {each["status"] for each in deliveries(client, webhook)} == {"delivered"})
    client.delete(f"/api/v1/webhooks/{webhook['id']}/")


def test_message_of_a_killed_worker_is_sent_again_under_its_id(
    site: Site, client: httpx.Client, receiver: Api, folder: Path
) -> None:
    """Killed while the receiver had not answered; the next ones' lease is waited for in the
    database alone.
    """
    members = settled_family(site)
    may_answer = threading.Event()

    def answer(_asked: Asked) -> Answer:
        may_answer.wait(PATIENCE_SECONDS)
        return Answer()

    receiver.answer = answer
    webhook = define(client, receiver)
    client.post(f"/api/v1/webhooks/{webhook['id']}/test/")
    until(lambda: len(receiver.asked) == 1)
    for role in ("worker 0", "worker 1"):
        members[role].kill()
    may_answer.set()
    until(lambda: members["sentinel"].pid != settled_family(site)["sentinel"].pid)
    [delivery] = deliveries(client, webhook)
    assert (delivery["status"], delivery["attempts"]) == ("pending", 1)
    with closing(sqlite3.connect(folder / "var" / "perfsite.sqlite3", timeout=20)) as connection:
        connection.execute("UPDATE enrichment_webhookdelivery SET due_at = '2020-01-01 00:00:00'")
        connection.commit()

    until(lambda: deliveries(client, webhook)[0]["status"] == "delivered")

    assert [asked.headers["webhook-id"] for asked in receiver.asked] == [delivery["id"]] * 2
    assert len({asked.body for asked in receiver.asked}) == 1
    for asked in receiver.asked:
        verify(asked.body, asked.headers, webhook["secret"])
    client.delete(f"/api/v1/webhooks/{webhook['id']}/")
