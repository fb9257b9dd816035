"""Endpoints of webhooks: parse, call one service, answer."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrichment.api import webhook_schemas as schemas
from enrichment.models import WebhookDelivery, WebhookEndpoint
from enrichment.webhooks import endpoints

NEWEST = 100
SCOPE = "config:write"
TAG = "Webhooks"
OFF = "The webhook is switched off."


class Conflict(APIException):
    """What is asked does not fit the state."""

    status_code = status.HTTP_409_CONFLICT


class IsUnbound(BasePermission):
    """Refuses a token that is bound to an owner: webhooks tell of everybody's reflections."""

    message = "A token that is bound to an owner does not reach webhooks."

    def has_permission(self, request: Request, _view: APIView) -> bool:
        return not getattr(request.auth, "owner", None)


class WebhookView(APIView):
    """What all views of webhooks have in common."""

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), IsUnbound()]


class WebhookList(WebhookView):
    """List and define webhooks."""

    required_scopes: ClassVar = {"GET": SCOPE, "POST": SCOPE}

    @extend_schema(
        operation_id="webhook_list",
        tags=[TAG],
        summary="List webhooks",
        responses=schemas.Webhooks,
        examples=schemas.LIST,
    )
    def get(self, _request: Request) -> Response:
        return Response({"results": [_shown(each) for each in WebhookEndpoint.objects.all()]})

    @extend_schema(
        operation_id="webhook_define",
        tags=[TAG],
        summary="Define a webhook",
        description="The answer has the secret, this once.",
        request=schemas.WebhookDefinition,
        responses={
            201: schemas.WebhookCreated,
            409: OpenApiResponse(description="There are as many as there may be."),
        },
        examples=schemas.DEFINITION,
    )
    def post(self, request: Request) -> Response:
        try:
            endpoint, secret = endpoints.create(cast(dict[str, Any], request.data))
        except endpoints.InvalidEndpoint as exc:
            raise _validation_error(exc) from exc
        except endpoints.TooManyEndpoints as exc:
            raise Conflict(str(exc)) from exc
        headers = {
            "Location": reverse("api:webhook-detail", args=[endpoint.pk]),
            # It holds the secret.
            "Cache-Control": "no-store",
        }
        body = _shown(endpoint) | {"secret": secret}
        return Response(body, status.HTTP_201_CREATED, headers=headers)


class WebhookDetail(WebhookView):
    """Read, change or delete one."""

    required_scopes: ClassVar = {"GET": SCOPE, "PATCH": SCOPE, "DELETE": SCOPE}

    @extend_schema(
        operation_id="webhook_read",
        tags=[TAG],
        summary="Read a webhook",
        responses=schemas.Webhook,
        examples=schemas.READ,
    )
    def get(self, _request: Request, webhook_id: UUID) -> Response:
        return Response(_shown(_found(webhook_id)))

    @extend_schema(
        operation_id="webhook_change",
        tags=[TAG],
        summary="Change a webhook",
        request=schemas.WebhookChange,
        responses=schemas.Webhook,
        examples=schemas.CHANGE,
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        endpoint = _found(webhook_id)
        try:
            endpoints.change(endpoint, cast(dict[str, Any], request.data))
        except endpoints.InvalidEndpoint as exc:
            raise _validation_error(exc) from exc
        except WebhookEndpoint.DoesNotExist as exc:
            raise Http404 from exc
        return Response(_shown(_found(webhook_id)))

    @extend_schema(
        operation_id="webhook_delete",
        tags=[TAG],
        summary="Delete a webhook",
        responses={204: OpenApiResponse(description="It is gone, with its deliveries.")},
    )
    def delete(self, _request: Request, webhook_id: UUID) -> Response:
        endpoints.delete(_found(webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookDeliveries(WebhookView):
    """The newest hundred messages to one, newest first."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="webhook_deliveries",
        tags=[TAG],
        summary="List what was sent to a webhook",
        responses=schemas.Deliveries,
        examples=schemas.DELIVERIES,
    )
    def get(self, _request: Request, webhook_id: UUID) -> Response:
        newest = _found(webhook_id).deliveries.all()[:NEWEST]
        return Response({"results": [_delivery_shown(each) for each in newest]})


class WebhookTest(WebhookView):
    """Send a message that tells of nothing."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="webhook_test",
        tags=[TAG],
        summary="Try a webhook",
        request=None,
        responses={202: schemas.Delivery, 409: OpenApiResponse(description=OFF)},
        examples=schemas.TESTS,
    )
    def post(self, _request: Request, webhook_id: UUID) -> Response:
        try:
            delivery = endpoints.try_out(_found(webhook_id))
        except endpoints.NotNow as exc:
            raise Conflict(str(exc)) from exc
        return Response(_delivery_shown(delivery), status.HTTP_202_ACCEPTED)


class WebhookRetry(WebhookView):
    """Send again a message that was given up."""

    required_scopes: ClassVar = {"POST": SCOPE}

    @extend_schema(
        operation_id="webhook_delivery_retry",
        tags=[TAG],
        summary="Send a failed delivery again",
        request=None,
        responses={
            202: schemas.Delivery,
            409: OpenApiResponse(description=f"The delivery was not given up. {OFF}"),
        },
        examples=schemas.RETRIES,
    )
    def post(self, _request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        try:
            delivery = endpoints.send_again(_found(webhook_id), delivery_id)
        except WebhookDelivery.DoesNotExist as exc:
            raise Http404 from exc
        except endpoints.NotNow as exc:
            raise Conflict(str(exc)) from exc
        return Response(_delivery_shown(delivery), status.HTTP_202_ACCEPTED)


def _found(webhook_id: UUID) -> WebhookEndpoint:
    endpoint: WebhookEndpoint = get_object_or_404(WebhookEndpoint, pk=webhook_id)
    return endpoint


def _validation_error(exc: endpoints.InvalidEndpoint) -> ValidationError:
    return ValidationError({error.field: [error.message] for error in exc.errors})


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.pk,
        "name": endpoint.name,
        "url": endpoint.url,
        "events": endpoint.events,
        "enabled": endpoint.enabled,
        "disabled_because": endpoint.disabled_because or None,
        "created_at": endpoint.created_at,
    }


def _delivery_shown(delivery: WebhookDelivery) -> dict[str, Any]:
    pending = delivery.finished_at is None
    return {
        "id": delivery.pk,
        "event": delivery.event,
        "reflection": delivery.reflection_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "http_status": delivery.http_status,
        "duration_ms": delivery.duration_ms,
        "error": delivery.error or None,
        "created_at": delivery.created_at,
        "next_attempt_at": delivery.due_at if pending else None,
        "finished_at": delivery.finished_at,
    }
