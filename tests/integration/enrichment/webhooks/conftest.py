"""What tests of webhooks share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from enrichment.models import WebhookEndpoint
from enrichment.webhooks import endpoints
from tests.apis import Api, running_api

ALL = ["stage1_complete", "complete", "failed"]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Api]:
    """Somebody who listens on loopback, where the operator lets messages go."""
    settings.WEBHOOK_ALLOWED_HOSTS = frozenset({"127.0.0.1"})
    with running_api() as api:
        yield api


@pytest.fixture
def endpoint(receiver: Api) -> Callable[..., WebhookEndpoint]:
    """Makes webhooks of the receiver; with a path, to tell them apart."""

    def make(path: str = "/", events: list[str] = ALL, **fields: Any) -> WebhookEndpoint:
        body = {"url": f"{receiver.url}{path}", "events": events, **fields}
        return endpoints.create(body)[0]

    return make
