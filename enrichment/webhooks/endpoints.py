"""Who is told: endpoints are defined, changed, tried and deleted here."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cachestats.commits import take_turns
from enrichment.errors import EnrichmentError, FieldError
from enrichment.models import WebhookDelivery, WebhookEndpoint
from enrichment.models.webhooks import Event
from enrichment.webhooks import outbox, signing
from enrichment.webhooks.addresses import (
    AddressRefused,
    BadUrl,
    TooSlow,
    Unresolved,
    check_place,
    place_of,
    read_url,
)
from enrichment.webhooks.sealing import seal

EVENTS = (Event.STAGE1_COMPLETE, Event.COMPLETE, Event.FAILED)
FIELDS = ("name", "url", "events", "secret")
CHANGEABLE = (*FIELDS, "enabled")
MAX_NAME_CHARACTERS = 100
NAME = re.compile(rf"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{0,{MAX_NAME_CHARACTERS}}}")
MAX_ENDPOINTS = 20
REQUIRED = "is required"


class InvalidEndpoint(EnrichmentError):
    """A definition that can't be accepted; names each wrong field and what is accepted."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


class TooManyEndpoints(EnrichmentError):
    """There are as many as there may be."""


class NotNow(EnrichmentError):
    """What is asked does not fit the state of endpoint or delivery."""


def create(body: Mapping[str, Any]) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint; return it with its secret, which nobody is shown again.

    The host is looked up now, and may be refused for where it leads; one that is not found may be
    later. It is looked up again at each delivery.

    Raises:
        InvalidEndpoint: names each wrong field.
        TooManyEndpoints: there are 20.
    """
    given = _read(body, FIELDS, required=("url", "events"))
    secret = given.pop("secret", None) or signing.make_secret()
    with transaction.atomic():
        take_turns("webhooks")
        if WebhookEndpoint.objects.count() >= MAX_ENDPOINTS:
            raise TooManyEndpoints(f"There may be {MAX_ENDPOINTS} webhooks; delete one first.")
        endpoint = WebhookEndpoint.objects.create(**given, sealed_secret=seal(secret))
    outbox.forget()
    return endpoint, secret


def change(endpoint: WebhookEndpoint, body: Mapping[str, Any]) -> None:
    """Change what a body names; switched off, what waits for it is given up.

    Raises:
        InvalidEndpoint: names each wrong field.
        WebhookEndpoint.DoesNotExist: it was deleted meanwhile.
    """
    given = _read(body, CHANGEABLE)
    if secret := given.pop("secret", None):
        given["sealed_secret"] = seal(secret)
    if "enabled" in given:
        given["disabled_because"] = ""
    if given and not WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**given):
        raise WebhookEndpoint.DoesNotExist
    outbox.forget()
    if given.get("enabled") is False:
        outbox.give_up_waiting(endpoint)


def delete(endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint with all its deliveries; one that is being sent still arrives."""
    with transaction.atomic():
        endpoint.delete()
    outbox.forget()


def try_out(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Write a message that tells of nothing, to be sent like any other.

    Raises:
        NotNow: the endpoint is switched off.
    """
    _require_enabled(endpoint)
    now = timezone.now()
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=Event.TEST, created_at=now, due_at=now
    )


def send_again(endpoint: WebhookEndpoint, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Have a message that was given up sent again, under its id and with all its attempts.

    Raises:
        WebhookDelivery.DoesNotExist: the endpoint has no such message.
        NotNow: it was not given up, or the endpoint is switched off.
    """
    _require_enabled(endpoint)
    delivery = WebhookDelivery.objects.get(pk=delivery_id, endpoint=endpoint)
    failed = WebhookDelivery.objects.filter(pk=delivery_id, status=WebhookDelivery.Status.FAILED)
    if not failed.update(
        status=WebhookDelivery.Status.PENDING,
        attempts=0,
        due_at=timezone.now(),
        finished_at=None,
    ):
        raise NotNow(f"Only a failed delivery is sent again; it is {delivery.status}.")
    delivery.refresh_from_db()
    return delivery


def _require_enabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.enabled:
        raise NotNow("The webhook is switched off; set enabled to true first.")


def _read(
    body: Mapping[str, Any], accepted: tuple[str, ...], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return what a body says, checked; null is the same as absent."""
    given = {name: value for name, value in body.items() if value is not None}
    errors = {
        name: f"is not known here; accepted: {', '.join(accepted)}"
        for name in body
        if name not in accepted
    }
    errors |= {name: REQUIRED for name in required if name not in given}
    for name, check in CHECKS.items():
        if name in given and name in accepted and (complaint := check(given[name])):
            errors[name] = complaint
    if errors:
        raise InvalidEndpoint(
            [FieldError(field=name, message=message) for name, message in errors.items()]
        )
    if "events" in given:
        given["events"] = [event for event in EVENTS if event in given["events"]]
    return given


def _check_name(value: Any) -> str:
    fits = isinstance(value, str) and NAME.fullmatch(value)
    return "" if fits else f"must be at most {MAX_NAME_CHARACTERS} characters on one line"


def _check_events(value: Any) -> str:
    fits = isinstance(value, list) and value and all(event in EVENTS for event in value)
    return "" if fits else f"must be a list of one or more of: {', '.join(EVENTS)}"


def _check_secret(value: Any) -> str:
    fits = isinstance(value, str) and signing.is_secret(value)
    return "" if fits else signing.NEED


def _check_enabled(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _check_url(value: Any) -> str:
    if not isinstance(value, str):
        return "must be text"
    allowed = settings.WEBHOOK_ALLOWED_HOSTS
    try:
        check_place(*place_of(read_url(value, allowed)), allowed)
    except BadUrl as exc:
        return str(exc)
    except AddressRefused:
        return (
            "leads to an address that is not public; such hosts must be named in the setting "
            "WEBHOOK_ALLOWED_HOSTS"
        )
    except (TooSlow, Unresolved):
        pass  # Today, or not yet: each delivery looks it up again, and tells.
    return ""


CHECKS = {
    "name": _check_name,
    "url": _check_url,
    "events": _check_events,
    "secret": _check_secret,
    "enabled": _check_enabled,
}
