"""Webhooks over HTTP: defined, listed, tried, changed, deleted; the secret is shown once."""

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from enrichment.models import WebhookDelivery, WebhookEndpoint
from enrichment.webhooks import addresses, endpoints, outbox, signing
from enrichment.webhooks.sending import Failure, Outcome
from tests.apis import Api
from tests.conftest import TokenMaker
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/webhooks/"
ALL = ["stage1_complete", "complete", "failed"]
Maker = Callable[..., WebhookEndpoint]


@pytest.fixture
def operator(api: TokenMaker) -> APIClient:
    return api("config:write")


def define(client: APIClient, url: Any, **fields: Any):
    return client.post(URL, {"url": url, "events": ALL, **fields}, format="json")


def errors(response) -> dict[str, str]:
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_webhook_is_defined_and_its_secret_shown_once(
    operator: APIClient, receiver: Api, caplog: pytest.LogCaptureFixture
):
    """One that we made; no other answer, log line or row has it in clear."""
    caplog.set_level(logging.DEBUG)
    made = define(operator, receiver.url, name="Ours")

    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    body = made.json()
    secret = body.pop("secret")
    assert signing.is_secret(secret)
    assert secret.startswith("whsec_")
    assert body | {"id": "", "created_at": ""} == {
        "id": "",
        "name": "Ours",
        "url": receiver.url,
        "events": ALL,
        "enabled": True,
        "disabled_because": None,
        "created_at": "",
    }
    assert operator.get(made["Location"]).json() == body
    assert operator.get(URL).json() == {"results": [body]}
    assert secret not in caplog.text
    for field in WebhookEndpoint.objects.values_list().get():
        assert secret.removeprefix("whsec_") not in str(field)


def test_given_secret_is_kept(operator: APIClient, receiver: Api):
    """It is what signs."""
    secret = "s" * 24
    assert define(operator, receiver.url, secret=secret).json()["secret"] == secret
    delivery = endpoints.try_out(WebhookEndpoint.objects.get())
    sent = outbox.message(delivery)
    at = int(sent.headers["webhook-timestamp"])
    signed = signing.signature(secret, str(delivery.pk), at, sent.body)
    assert sent.headers["webhook-signature"] == signed


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("url", None, "is required"),
        ("url", 1, "must be text"),
        ("url", "http://example.com/", "must be https"),
        ("url", "https://user@127.0.0.1/", "user"),
        ("url", "https://localhost/", "not public"),
        ("url", "https://127.1/", "not public"),
        ("url", "https://[::ffff:169.254.169.254]/", "not public"),
        ("events", None, "is required"),
        ("events", [], "one or more of: stage1_complete, complete, failed"),
        ("events", ["test"], "one or more of"),
        ("events", "complete", "one or more of"),
        ("events", [{}], "one or more of"),
        ("secret", "s" * 23, "24 to 128"),
        ("secret", 24, "24 to 128"),
        ("secret", "whsec_" + "A" * 28, "24 to 64 bytes"),
        ("name", "n" * 101, "at most 100 characters"),
        ("name", "a\nb", "on one line"),
        ("name", [], "on one line"),
        ("enabled", True, "is not known here; accepted: name, url, events, secret"),
    ],
)
def test_what_is_wrong_with_a_field_is_told(
    operator: APIClient, receiver: Api, field: str, value: Any, said: str
):
    """With what is accepted; nothing is defined. A secret is not repeated."""
    response = define(operator, **{"url": receiver.url, field: value})

    assert response.status_code == 400
    assert list(errors(response)) == [field]
    assert said in errors(response)[field]
    assert "sss" not in response.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_host_that_is_not_found_may_be_named(operator: APIClient):
    """Its name may come later, and each delivery looks it up anew."""
    assert define(operator, url="https://nowhere.invalid/").status_code == 201


def test_all_that_is_wrong_is_told_at_once(operator: APIClient):
    """One round is enough."""
    response = operator.post(URL, {"name": 1, "url": 2, "events": 3, "what": 4}, format="json")
    assert set(errors(response)) == {"name", "url", "events", "what"}


def test_there_may_be_so_many(operator: APIClient, receiver: Api):
    """Each costs its own look at each commit; beyond that it is 409."""
    WebhookEndpoint.objects.bulk_create(
        WebhookEndpoint(url=receiver.url, events=ALL) for _ in range(endpoints.MAX_ENDPOINTS)
    )
    response = define(operator, receiver.url)
    assert response.status_code == 409
    assert "20 webhooks" in response.json()["detail"]


def test_there_may_be_so_many_however_many_come_at_once(main_database: None, receiver: Api):
    """Of eight that find room for one, one is made."""
    body = {"url": receiver.url, "events": ALL}
    for _ in range(endpoints.MAX_ENDPOINTS - 1):
        endpoints.create(body)
    raised = [done.exception() for done in at_once(lambda: endpoints.create(body), 8)]
    assert raised.count(None) == 1
    assert all(isinstance(exc, endpoints.TooManyEndpoints) for exc in raised if exc)
    assert WebhookEndpoint.objects.count() == endpoints.MAX_ENDPOINTS


def test_webhook_is_changed(operator: APIClient, endpoint: Maker, receiver: Api):
    """What the body names, checked like a definition; the secret is not shown."""
    mine = endpoint(name="Old")
    sealed = mine.sealed_secret
    place = f"{URL}{mine.pk}/"
    given = {"name": "New", "events": ["failed"], "url": f"{receiver.url}/new", "secret": "t" * 24}

    changed = operator.patch(place, given, format="json")

    assert changed.status_code == 200
    expected = {**given}
    del expected["secret"]
    assert changed.json().items() >= expected.items()
    assert "secret" not in changed.json()
    mine.refresh_from_db()
    assert mine.sealed_secret != sealed
    wrong = operator.patch(place, {"url": "https://localhost/", "enabled": 1}, format="json")
    assert set(errors(wrong)) == {"url", "enabled"}
    assert operator.patch(place, {}, format="json").json() == changed.json()


def test_webhook_is_switched_off_and_on(operator: APIClient, endpoint: Maker):
    """What waits is given up meanwhile, and can be sent again afterwards."""
    mine = endpoint()
    delivery = endpoints.try_out(mine)
    place = f"{URL}{mine.pk}/"
    again = f"{place}deliveries/{delivery.pk}/retry/"

    assert operator.patch(place, {"enabled": False}, format="json").json()["enabled"] is False
    [listed] = operator.get(f"{place}deliveries/").json()["results"]
    assert (listed["status"], listed["error"]) == ("failed", "disabled")
    assert listed["next_attempt_at"] is None
    assert operator.post(f"{place}test/").status_code == 409
    assert operator.post(again).status_code == 409

    assert operator.patch(place, {"enabled": True}, format="json").json()["enabled"] is True
    resent = operator.post(again)
    assert resent.status_code == 202
    assert (resent.json()["status"], resent.json()["id"]) == ("pending", str(delivery.pk))
    assert outbox.claim(()) == delivery


def test_webhook_that_was_gone_forgets_why_when_it_is_switched_on(
    operator: APIClient, endpoint: Maker
):
    """And hears of what comes from then on."""
    mine = endpoint()
    WebhookEndpoint.objects.update(enabled=False, disabled_because=Failure.GONE)
    place = f"{URL}{mine.pk}/"
    assert operator.get(place).json()["disabled_because"] == "gone"
    assert (
        operator.patch(place, {"enabled": True}, format="json").json()["disabled_because"] is None
    )


def test_webhook_is_deleted_with_its_deliveries(operator: APIClient, endpoint: Maker):
    """It is not found any more, and nothing more is written for it."""
    mine = endpoint()
    endpoints.try_out(mine)
    assert operator.delete(f"{URL}{mine.pk}/").status_code == 204
    assert operator.get(f"{URL}{mine.pk}/").status_code == 404
    assert not WebhookDelivery.objects.exists()


def test_deliveries_tell_what_became_of_each(operator: APIClient, endpoint: Maker):
    """Newest first, at most a hundred."""
    mine = endpoint()
    for _ in range(2):
        endpoints.try_out(mine)
    claimed = outbox.claim(())
    assert claimed is not None
    outcome = Outcome(failure=Failure.STATUS, http_status=500, duration_ms=12.34)
    outbox.record(claimed, outcome)
    listed = operator.get(f"{URL}{mine.pk}/deliveries/").json()["results"]
    assert len(listed) == 2
    assert listed[1]["id"] == str(claimed.pk)
    assert (
        listed[1].items()
        >= {
            "event": "test",
            "reflection": None,
            "status": "pending",
            "attempts": 1,
            "http_status": 500,
            "duration_ms": 12.3,
            "error": "status",
            "finished_at": None,
        }.items()
    )
    assert listed[1]["next_attempt_at"] > listed[1]["created_at"]


def test_only_failed_deliveries_are_sent_again(operator: APIClient, endpoint: Maker):
    """409 for one that waits; 404 for another webhook's."""
    mine, other = endpoint(), endpoint()
    delivery = endpoints.try_out(mine)
    assert operator.post(f"{URL}{mine.pk}/deliveries/{delivery.pk}/retry/").status_code == 409
    assert operator.post(f"{URL}{other.pk}/deliveries/{delivery.pk}/retry/").status_code == 404
    assert operator.post(f"{URL}{mine.pk}/deliveries/{uuid4()}/retry/").status_code == 404


def test_admin_shows_webhooks_but_no_secret(endpoint: Maker, settings: Settings):
    """Nor what it is sealed as; nobody edits there."""
    mine = endpoint(name="Ours")
    endpoints.try_out(mine)
    User.objects.create_superuser("root", password="pass")
    browser = Client()
    browser.login(username="root", password="pass")
    for path in ("webhookendpoint/", f"webhookendpoint/{mine.pk}/change/", "webhookdelivery/"):
        page = browser.get(f"/admin/enrichment/{path}")
        assert page.status_code == 200
        assert "Ours" in page.content.decode()
        assert mine.sealed_secret not in page.content.decode()
    assert browser.get("/admin/enrichment/webhookendpoint/add/").status_code == 403


def test_resolver_that_hangs_keeps_nobody_waiting(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
):
    """The host is looked up, and may be refused, at each delivery anyway."""
    may_find = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: may_find.wait(30) and [])
    monkeypatch.setattr(addresses, "CHECK_SECONDS", 0.01)
    try:
        answer = define(operator, "https://slow.example/")
    finally:
        may_find.set()
    assert answer.status_code == 201


def test_change_of_a_webhook_that_was_deleted_meanwhile_is_404(
    operator: APIClient, endpoint: Maker, monkeypatch: pytest.MonkeyPatch
):
    """As if it had been deleted before."""
    gone = endpoint()
    plain = endpoints.change

    def overtaken(found: WebhookEndpoint, body: Any) -> None:
        endpoints.delete(WebhookEndpoint.objects.get())
        plain(found, body)

    monkeypatch.setattr(endpoints, "change", overtaken)
    answer = operator.patch(f"{URL}{gone.pk}/", {"name": "x"}, format="json")
    assert answer.status_code == 404
