"""The courier: a worker's thread that sends what waits in the outbox.

It alone speaks to the database; what is under way is in an event loop of another thread. Each
endpoint has places of its own, so that a slow one keeps no other waiting.
"""

import asyncio
import logging
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from enrichment.models import WebhookDelivery
from enrichment.webhooks import outbox
from enrichment.webhooks.sealing import SecretUnreadable
from enrichment.webhooks.sending import Failure, Outcome, send

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 2.0
# In each worker; more would only crowd its receiver.
PLACES_PER_ENDPOINT = 4
# Between these, what came back is written, before its lease ends.
CLAIMS_PER_TURN = 50


class Courier:
    """Sends messages and writes what became of them."""

    def __init__(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """
        Args:
            is_ending: whether nothing new is to be begun.
        """
        self._is_ending = is_ending
        self._under_way: Counter[uuid.UUID] = Counter()
        self._back: deque[tuple[WebhookDelivery, Future[Outcome]]] = deque()
        self.loop = asyncio.new_event_loop()

    def run(self) -> None:
        """Work until the process ends."""
        threading.Thread(target=self.loop.run_forever, name="webhooks sent", daemon=True).start()
        while True:
            outbox.written.wait(LOOK_EVERY_SECONDS)
            outbox.written.clear()
            try:
                self.turn()
            except DatabaseError as exc:
                logger.warning("[WEBHOOK] Messages wait for the database: %s", exc)
            except Exception:
                logger.exception("[WEBHOOK] Sending messages failed and goes on")
            close_old_connections()

    def turn(self) -> None:
        """Write what came back, and send what is due as far as there are places."""
        while self._back:
            returned, sent = self._back.popleft()
            self._under_way[returned.endpoint_id] -= 1
            # If it can't be written, the lease runs out and the message is sent again.
            outbox.record(returned, _outcome(sent))
        if self._is_ending():
            return
        for _ in range(CLAIMS_PER_TURN):
            if (delivery := outbox.claim(self._full())) is None:
                break
            self._send(delivery)
        else:
            # There may be more: no need to wait for it.
            outbox.written.set()

    def _full(self) -> list[uuid.UUID]:
        counts = self._under_way.items()
        return [endpoint for endpoint, count in counts if count >= PLACES_PER_ENDPOINT]

    def _send(self, delivery: WebhookDelivery) -> None:
        try:
            message = outbox.message(delivery)
        except SecretUnreadable:
            outbox.record(delivery, Outcome(failure=Failure.SECRET_UNREADABLE))
            return
        self._under_way[delivery.endpoint_id] += 1
        sending = send(message, settings.WEBHOOK_ALLOWED_HOSTS)
        sent = asyncio.run_coroutine_threadsafe(sending, self.loop)
        sent.add_done_callback(partial(self._came_back, delivery))

    def _came_back(self, delivery: WebhookDelivery, sent: Future[Outcome]) -> None:
        self._back.append((delivery, sent))
        outbox.written.set()


def _outcome(sent: Future[Outcome]) -> Outcome:
    try:
        return sent.result()
    except Exception:
        logger.exception("[WEBHOOK] A message could not be sent")
        return Outcome(failure=Failure.BROKE_OFF)
