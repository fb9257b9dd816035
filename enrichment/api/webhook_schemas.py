"""What requests and answers about webhooks look like, for the API's description alone.

What is accepted is decided in `enrichment.webhooks.endpoints`. No schema can tell where a host's
name leads: that is 400 too, with a word on it.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from drf_spectacular.utils import OpenApiExample
from pydantic import BaseModel, ConfigDict, Field

from enrichment.models import WebhookDelivery
from enrichment.models.webhooks import Event
from enrichment.webhooks import signing
from enrichment.webhooks.addresses import MAX_URL_CHARACTERS, URL
from enrichment.webhooks.endpoints import EVENTS, NAME
from enrichment.webhooks.sending import Failure

Url = Annotated[
    str,
    Field(
        max_length=MAX_URL_CHARACTERS,
        pattern=f"^{URL.pattern}$",
        json_schema_extra={"format": "uri"},
        description="https to a public address, or a host of the setting WEBHOOK_ALLOWED_HOSTS; "
        "without user, password and fragment. It is looked up now.",
    ),
]
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Events = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": [*EVENTS]})]], Field(min_length=1)
]
Secret = Annotated[
    str,
    Field(
        # pydantic's own patterns know no look-ahead.
        json_schema_extra={"pattern": signing.PATTERN},
        description="whsec_ with the base64 of 24 to 64 bytes behind it, or 24 to 128 other "
        "printable ASCII characters without blanks.",
    ),
]


EventName = Annotated[str, Field(json_schema_extra={"enum": [*Event]})]
Kind = Annotated[str, Field(json_schema_extra={"enum": [*Failure]})]


class WebhookDefinition(BaseModel):
    """A webhook to be; `name` or `secret` that is null is as one that is not there."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    url: Url
    events: Events
    secret: Secret | None = Field(None, description="What signs; left out, one is made.")


class WebhookChange(BaseModel):
    """What is to be another; a field that is null is as one that is not there."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    secret: Secret | None = None
    enabled: bool | None = Field(None, description="Off, what waits for it is given up.")


class Webhook(BaseModel):
    """Who is told of what."""

    id: UUID
    name: str
    url: str
    events: Events
    enabled: bool
    disabled_because: Kind | None = Field(description="The kind of error that switched it off.")
    created_at: datetime


class WebhookCreated(Webhook):
    """The same with its secret, which is shown this once."""

    secret: str


class Webhooks(BaseModel):
    """All of them, oldest first."""

    results: list[Webhook]


class Delivery(BaseModel):
    """A message and what became of it; its id is the header `webhook-id`."""

    id: UUID
    event: EventName
    reflection: UUID | None = Field(description="null for a test.")
    status: Annotated[str, Field(json_schema_extra={"enum": [*WebhookDelivery.Status]})]
    attempts: int
    http_status: int | None = Field(description="Of the last answer, where there was one.")
    duration_ms: float | None = Field(description="Of the last attempt.")
    error: Kind | None = Field(description="The last one's kind.")
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None


class Deliveries(BaseModel):
    """The newest hundred, newest first."""

    results: list[Delivery]


ID = "5b0c9f0e-3d0f-4a55-8f0a-0e6a3f3d9b11"
WEBHOOK = {
    "id": ID,
    "name": "web app",
    "url": "https://app.example/hooks/perfsite",
    "events": ["complete", "failed"],
    "enabled": True,
    "disabled_because": None,
    "created_at": "2026-01-31T07:00:00.120000Z",
}
DEFINED = {name: WEBHOOK[name] for name in ("name", "url", "events")}
WAITING = {
    "id": "d1a7c1f4-7a53-4d0e-9b0e-6f4f5a8c2f10",
    "event": "complete",
    "reflection": "0b8d7a52-6f0e-4e0c-9a77-52a1f0f1c1de",
    "status": "pending",
    "attempts": 1,
    "http_status": 503,
    "duration_ms": 41.2,
    "error": "status",
    "created_at": "2026-01-31T07:00:01.120000Z",
    "next_attempt_at": "2026-01-31T07:00:07.300000Z",
    "finished_at": None,
}
UNSENT = {
    **WAITING,
    **{"attempts": 0, "http_status": None, "duration_ms": None, "error": None},
    "next_attempt_at": WAITING["created_at"],
}
TEST = {**UNSENT, "event": "test", "reflection": None}
TAKEN = {
    **WAITING,
    **{"status": "delivered", "http_status": 204, "error": None, "next_attempt_at": None},
    "finished_at": "2026-01-31T07:00:01.180000Z",
}


def _answer(name: str, value: object, status: int = 200) -> list[OpenApiExample]:
    return [OpenApiExample(name, value=value, response_only=True, status_codes=[str(status)])]


def _body(name: str, value: object) -> list[OpenApiExample]:
    return [OpenApiExample(name, value=value, request_only=True)]


LIST = _answer("One webhook", {"results": [WEBHOOK]})
DEFINITION = [
    *_body("A secret is made", DEFINED),
    *_answer(
        "Defined", {**WEBHOOK, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}, 201
    ),
]
READ = _answer("A webhook", WEBHOOK)
CHANGE = [
    *_body("Switch it off", {"enabled": False}),
    *_answer("Off", {**WEBHOOK, "enabled": False}),
]
DELIVERIES = _answer("One taken, one to be sent again", {"results": [WAITING, TAKEN]})
TESTS = _answer("To be sent", TEST, 202)
RETRIES = _answer("To be sent again", UNSENT, 202)
