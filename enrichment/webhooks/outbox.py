"""The outbox: messages are written with what they tell of, in one transaction, and wait there.

A worker claims one by compare-and-swap, with a lease, and writes what became of it, fenced by the
claim. Whoever dies in between, the message is sent again when the lease has run out: at least once,
always under the same id.
"""

import logging
import random
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cachestats.retention import deleting
from enrichment.models import Status, WebhookDelivery, WebhookEndpoint
from enrichment.models.webhooks import Event
from enrichment.webhooks import signing
from enrichment.webhooks.sealing import unseal
from enrichment.webhooks.sending import Failure, Message, Outcome

logger = logging.getLogger(__name__)

EVENT_OF = {
    Status.STAGE1_COMPLETE: Event.STAGE1_COMPLETE,
    Status.COMPLETE: Event.COMPLETE,
    Status.FAILED: Event.FAILED,
    Status.QUARANTINED: Event.FAILED,
}
# How long a process goes by what it last read of who wants to be told.
KNOWN_SECONDS = 1.0
# Attempts that ended without a word, because their process did, are charged like others, but end a
# message only together with a failure that is told, or here: what ends every process that sends it.
MAX_CLAIMS = 40
# Above what one attempt takes, with some time to write what became of it.
LEASE = timedelta(seconds=20)
CLAIM_CHOICE = 5
# Others may take all of the choice first.
CLAIM_LOOKS = 5
# After each attempt that failed; then it is given up.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 21_600))
MAX_ATTEMPTS = len(WAITS) + 1
LONGEST_WAIT = WAITS[-1]
# Messages that failed together must not come back together.
JITTER = 0.5
KEPT = timedelta(days=30)
# Of each endpoint.
MOST_FINISHED = 1_000
MOST_PENDING = 10_000

# Set when this process wrote messages, so that its own sender need not find out by looking.
written = threading.Event()

_known: tuple[float, list[tuple[uuid.UUID, list[str]]]] = (0.0, [])


def put(reflection_id: uuid.UUID, *reached: Status, look: bool = True) -> None:
    """Write a message for each endpoint that is to be told that a reflection reached a status.

    Call it in the transaction that sets the status.

    Args:
        look: whether to ask who is to be told; else what this process knew a second ago will do,
            so that where that is nobody it costs nothing.
    """
    now = timezone.now()
    messages = [
        WebhookDelivery(
            endpoint_id=endpoint,
            reflection_id=reflection_id,
            event=EVENT_OF[status],
            reflection_status=status,
            created_at=now,
            due_at=now,
        )
        for endpoint, events in _endpoints(look=look)
        for status in reached
        if EVENT_OF[status] in events
    ]
    if messages:
        WebhookDelivery.objects.bulk_create(messages)
        transaction.on_commit(written.set)


def forget() -> None:
    """Look again at who wants to be told before the next message."""
    global _known  # noqa: PLW0603
    _known = (0.0, [])


def claim(busy: Collection[uuid.UUID]) -> WebhookDelivery | None:
    """Return the message that is due for the longest time, now ours, or None.

    Args:
        busy: endpoints that are to get no more for now.
    """
    for _ in range(CLAIM_LOOKS):
        now = timezone.now()
        due = (
            WebhookDelivery.objects.filter(finished_at__isnull=True, due_at__lte=now)
            .exclude(endpoint__in=busy)
            .order_by("due_at")
            .select_related("endpoint")[:CLAIM_CHOICE]
        )
        for seen in due:
            if _take(seen, now):
                return seen
        if not due:
            return None
    return None


def message(delivery: WebhookDelivery) -> Message:
    """Return what is sent now for a delivery.

    Raises:
        SecretUnreadable: it can't be signed.
    """
    kind = delivery.event if delivery.event == Event.TEST else f"reflection.{delivery.event}"
    data = {}
    if delivery.reflection_id:
        data = {"id": str(delivery.reflection_id), "status": delivery.reflection_status}
    at = delivery.created_at.astimezone(UTC).isoformat(timespec="milliseconds")
    content = {"type": kind, "timestamp": at.replace("+00:00", "Z"), "data": data}
    body = orjson.dumps(content)
    secret = unseal(delivery.endpoint.sealed_secret)
    signed = signing.headers(secret, str(delivery.pk), int(time.time()), body)
    return Message(url=delivery.endpoint.url, headers=signed, body=body)


def record(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write what became of an attempt, unless the message is another worker's by now."""
    now = timezone.now()
    changes: dict[str, Any] = {
        "token": None,
        "http_status": outcome.http_status,
        "duration_ms": round(outcome.duration_ms, 1),
        "error": outcome.failure or "",
    }
    if outcome.failure is None:
        changes |= {"status": WebhookDelivery.Status.DELIVERED, "finished_at": now}
    elif outcome.failure == Failure.GONE or delivery.attempts >= MAX_ATTEMPTS:
        changes |= {"status": WebhookDelivery.Status.FAILED, "finished_at": now}
    else:
        changes["due_at"] = now + _pause(delivery.attempts, outcome.retry_after_seconds)
    if not WebhookDelivery.objects.filter(pk=delivery.pk, token=delivery.token).update(**changes):
        return
    if outcome.failure:
        logger.warning(
            "[WEBHOOK] %s: attempt %d of %d failed: %s %s",
            *(delivery.endpoint, delivery.attempts, MAX_ATTEMPTS, outcome.failure),
            outcome.http_status or "",
        )
    # Not in one transaction: another's message may go the other way round at the same time.
    if outcome.failure == Failure.GONE:
        _disable_gone(delivery.endpoint)


def give_up_waiting(endpoint: WebhookEndpoint) -> None:
    """Give up what waits for an endpoint that was switched off."""
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, finished_at__isnull=True)
    _give_up(waiting, Failure.DISABLED)


def _disable_gone(endpoint: WebhookEndpoint) -> None:
    # What an old URL answered says nothing of a new one.
    as_sent = WebhookEndpoint.objects.filter(pk=endpoint.pk, url=endpoint.url)
    if as_sent.update(enabled=False, disabled_because=Failure.GONE):
        forget()
        give_up_waiting(endpoint)


def sweeping(now: datetime) -> Iterator[int]:
    """Delete and give up what is too old or too much, in short transactions; yield how many
    messages are gone with each.
    """
    for endpoint in _addressees():
        waiting = _messages(endpoint).filter(finished_at__isnull=True)
        if last := waiting[MOST_PENDING : MOST_PENDING + 1].first():
            _give_up(waiting.filter(created_at__lte=last.created_at), Failure.TOO_MANY)
    for surplus in surpluses(now):
        yield from deleting(surplus)


def surpluses(now: datetime) -> Iterator[QuerySet[WebhookDelivery]]:
    """Yield what is too old or too much of each endpoint's messages; none is in two of them."""
    for endpoint in _addressees():
        mine = _messages(endpoint)
        if not WebhookEndpoint.objects.filter(pk=endpoint).exists():
            yield mine
            continue
        yield mine.filter(created_at__lt=now - KEPT)
        finished = mine.filter(finished_at__isnull=False, created_at__gte=now - KEPT)
        if last := finished[MOST_FINISHED : MOST_FINISHED + 1].first():
            yield finished.filter(created_at__lte=last.created_at)


def _messages(endpoint: uuid.UUID) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(endpoint_id=endpoint).order_by("-created_at")


def _addressees() -> Iterator[uuid.UUID]:
    """Yield each endpoint that messages go to, also a deleted one, by a look into the index."""
    rest = WebhookDelivery.objects.order_by("endpoint_id").values_list("endpoint_id", flat=True)
    last = rest.first()
    while last is not None:
        yield last
        last = rest.filter(endpoint_id__gt=last).first()


def _endpoints(*, look: bool) -> Sequence[tuple[uuid.UUID, list[str]]]:
    global _known  # noqa: PLW0603
    read_at, endpoints = _known
    now = time.monotonic()
    if look or not read_at or now - read_at > KNOWN_SECONDS:
        enabled = WebhookEndpoint.objects.filter(enabled=True).order_by()
        endpoints = list(enabled.values_list("pk", "events"))
        _known = (now, endpoints)
    return endpoints


def _take(seen: WebhookDelivery, now: datetime) -> bool:
    as_seen = WebhookDelivery.objects.filter(
        pk=seen.pk, token=seen.token, due_at=seen.due_at, finished_at__isnull=True
    )
    if not seen.endpoint.enabled:
        # Written by a process that did not know yet.
        _give_up(as_seen, Failure.DISABLED)
        return False
    if seen.attempts >= MAX_CLAIMS:
        _give_up(as_seen, Failure.LOST)
        return False
    seen.token, seen.attempts = uuid.uuid4(), seen.attempts + 1
    return bool(as_seen.update(token=seen.token, attempts=seen.attempts, due_at=now + LEASE))


def _give_up(messages: Any, because: Failure) -> None:
    messages.order_by().update(
        status=WebhookDelivery.Status.FAILED,
        error=because,
        finished_at=timezone.now(),
        token=None,
    )


def _pause(attempts: int, asked_seconds: float | None) -> timedelta:
    """Return how long to wait after an attempt: longer where the receiver asks for it."""
    wait = WAITS[attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311
    return max(wait, min(timedelta(seconds=asked_seconds or 0.0), LONGEST_WAIT))
