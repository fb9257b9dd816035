"""A worker's courier, with real receivers: who is slow or broken delays nobody else."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from enrichment.models import WebhookDelivery, WebhookEndpoint
from enrichment.webhooks import courier, endpoints, outbox
from enrichment.webhooks.courier import Courier
from tests.apis import RESET, Answer, Api, Asked
from tests.queues import until
from tests.receivers import verify

pytestmark = pytest.mark.usefixtures("databases")

Maker = Callable[..., WebhookEndpoint]


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Courier]:
    """A courier whose turns the test takes itself."""
    monkeypatch.setattr(courier, "LOOK_EVERY_SECONDS", 0.05)
    made = Courier()
    loop = threading.Thread(target=made.loop.run_forever)
    loop.start()
    yield made
    made.loop.call_soon_threadsafe(made.loop.stop)
    loop.join()
    made.loop.close()


def work(sender: Courier, until_: Callable[[], bool]) -> None:
    """Have the courier work until something is so."""

    def reached() -> bool:
        sender.turn()
        return until_()

    until(reached)


def statuses(endpoint: WebhookEndpoint) -> set[str]:
    return set(endpoint.deliveries.values_list("status", flat=True))


def test_message_arrives_as_receivers_expect_it(sender: Courier, endpoint: Maker, receiver: Api):
    """Signed with the secret that was given, and what became of it is kept."""
    secret = "a secret of the receiver's own".replace(" ", "-")
    mine = endpoint("/hook", secret=secret)
    delivery = endpoints.try_out(mine)
    work(sender, lambda: statuses(mine) == {"delivered"})
    [asked] = receiver.asked
    assert asked.path == "/hook"
    assert asked.headers["webhook-id"] == str(delivery.pk)
    assert verify(asked.body, asked.headers, secret)["type"] == "test"
    delivery.refresh_from_db()
    assert (delivery.http_status, delivery.attempts, delivery.error) == (200, 1, "")
    assert delivery.duration_ms is not None
    assert delivery.token is None


def test_failed_message_is_sent_again_under_its_id(
    sender: Courier, endpoint: Maker, receiver: Api, monkeypatch: pytest.MonkeyPatch
):
    """Whatever failed: an error, a cut connection, a redirect."""
    monkeypatch.setattr(outbox, "_pause", lambda *_: timezone.timedelta(0))
    receiver.script(Answer(status=500), RESET, Answer(status=301), Answer(status=204))
    mine = endpoint()
    delivery = endpoints.try_out(mine)
    work(sender, lambda: statuses(mine) == {"delivered"})
    assert {asked.headers["webhook-id"] for asked in receiver.asked} == {str(delivery.pk)}
    assert len({asked.body for asked in receiver.asked}) == 1
    delivery.refresh_from_db()
    assert delivery.attempts == 4


def test_gone_ends_it(sender: Courier, endpoint: Maker, receiver: Api):
    """One answer is enough; the other webhook of the same host goes on."""
    receiver.answer = lambda asked: Answer(status=410 if asked.path == "/gone" else 200)
    gone, other = endpoint("/gone"), endpoint("/other")
    endpoints.try_out(gone)
    endpoints.try_out(other)
    work(sender, lambda: statuses(gone) == {"failed"} and statuses(other) == {"delivered"})
    gone.refresh_from_db()
    assert not gone.enabled


def test_receivers_that_hang_keep_no_other_waiting(sender: Courier, endpoint: Maker, receiver: Api):
    """Each has a few places of its own, and what is due for it beyond waits."""
    may_answer = threading.Event()

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/slow"):
            may_answer.wait(60)
        return Answer()

    receiver.answer = answer
    slow = [endpoint(f"/slow/{number}") for number in range(3)]
    for each in slow * (courier.PLACES_PER_ENDPOINT + 2):
        endpoints.try_out(each)
    quick = endpoint("/quick")
    endpoints.try_out(quick)

    work(sender, lambda: statuses(quick) == {"delivered"})

    for each in slow:
        under_way = each.deliveries.filter(token__isnull=False).count()
        assert under_way == courier.PLACES_PER_ENDPOINT
        assert statuses(each) == {"pending"}
    may_answer.set()
    work(sender, lambda: all(statuses(each) == {"delivered"} for each in slow))


def test_slow_resolver_of_one_endpoint_keeps_no_other_waiting(
    sender: Courier,
    endpoint: Maker,
    receiver: Api,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    """However many look-ups hang, the others' are made, in threads that no exit waits for."""
    may_find = threading.Event()
    plain = socket.getaddrinfo
    hanging: list[threading.Thread] = []

    def look_up(host, *rest, **kinds):
        if host == "slow.example":
            hanging.append(threading.current_thread())
            may_find.wait(60)
            raise socket.gaierror
        return plain(host, *rest, **kinds)

    slow = [endpoint(f"/{number}") for number in range(3)]
    WebhookEndpoint.objects.update(url="https://slow.example/")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for each in slow * courier.PLACES_PER_ENDPOINT:
        endpoints.try_out(each)
    expected = len(slow) * courier.PLACES_PER_ENDPOINT
    try:
        work(sender, lambda: len(hanging) == expected)
        quick = endpoint("/quick")
        endpoints.try_out(quick)
        work(sender, lambda: statuses(quick) == {"delivered"})
        assert all(thread.daemon for thread in hanging)
    finally:
        may_find.set()
    work(sender, lambda: not WebhookDelivery.objects.filter(token__isnull=False).exists())


def test_unforeseen_error_is_a_failure_that_is_told(
    sender: Courier, endpoint: Maker, monkeypatch: pytest.MonkeyPatch
):
    """It is recorded, and the message waits for its next attempt."""

    async def broken(*_) -> None:
        raise LookupError

    monkeypatch.setattr(courier, "send", broken)
    mine = endpoint()
    endpoints.try_out(mine)
    work(sender, lambda: mine.deliveries.filter(error="broke_off", token=None).exists())
    assert statuses(mine) == {"pending"}


def test_what_came_back_is_written_between_claims(
    sender: Courier, endpoint: Maker, receiver: Api, monkeypatch: pytest.MonkeyPatch
):
    """A turn begins a bounded number of messages, and the next one follows at once."""
    monkeypatch.setattr(courier, "CLAIMS_PER_TURN", 2)
    mine = endpoint()
    for _ in range(3):
        endpoints.try_out(mine)
    outbox.written.clear()
    sender.turn()
    assert mine.deliveries.filter(attempts=1).count() == 2
    assert outbox.written.is_set()
    work(sender, lambda: statuses(mine) == {"delivered"})


def test_nothing_new_is_begun_when_the_worker_ends(
    sender: Courier, endpoint: Maker, receiver: Api, monkeypatch: pytest.MonkeyPatch
):
    """It would be cut off, and sent twice."""
    monkeypatch.setattr(sender, "_is_ending", lambda: True)
    mine = endpoint()
    endpoints.try_out(mine)
    sender.turn()
    assert WebhookDelivery.objects.get().attempts == 0


def test_secret_that_cannot_be_read_is_a_failure_that_is_told(
    sender: Courier, endpoint: Maker, receiver: Api, settings: Settings
):
    """Nothing is sent unsigned."""
    mine = endpoint()
    endpoints.try_out(mine)
    settings.SECRET_KEY = "another"
    sender.turn()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.error) == ("pending", "secret_unreadable")
    assert receiver.asked == []
