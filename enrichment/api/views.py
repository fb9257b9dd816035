"""Endpoints of reflections: parse, call one service or report, answer."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiRequest, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrichment import forgetting, jobs, services
from enrichment.api import directives, etags, idempotency, listing, schemas, waiting
from enrichment.api.etags import State, state_in, state_of, tag_on, tags_in
from enrichment.api.examples import CANCELLATIONS, PAGES, REFLECTIONS, RETRIES, SUBMISSIONS
from enrichment.api.headers import PRIVATE, cache_headers
from enrichment.api.queries import read_query
from enrichment.api.selections import selected_jobs
from enrichment.api.waiting import READERS, wait_for, wait_until_finished
from enrichment.errors import Busy, InvalidSubmission, ModelCannotSee, NotCached
from enrichment.models import Job, Reflection, Status
from enrichment.models.jobs import UNFINISHED
from enrichment.reports import Viewer, reflection_report
from enrichment.submission import parse

TAG = "Reflections"


class Unavailable(APIException):
    """No room for more work now; `wait` becomes Retry-After."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE

    def __init__(self, busy: Busy) -> None:
        super().__init__(str(busy))
        self.wait = busy.retry_after


class Conflict(APIException):
    """The reflection is not in a state for that."""

    status_code = status.HTTP_409_CONFLICT


def viewer_of(request: Request, permission: str = services.VIEW_TEXT) -> Viewer:
    """Return who asks: a token's owner, who may reach anybody's, or the user who submitted.

    Args:
        permission: what reaching anybody's takes.
    """
    viewer = _without_permissions(request)
    return replace(viewer, sees_all=not viewer.owner and request.user.has_perm(permission))


def _without_permissions(request: Request) -> Viewer:
    owner = getattr(request.auth, "owner", "") or ""
    issued = getattr(request.auth, "issuer_id", None) is not None
    return Viewer(user_id=request.user.pk, owner=owner, issued=issued)


class ReflectionList(APIView):
    """List reflections, or submit one; one with an image comes as a form."""

    required_scopes: ClassVar = {"GET": "enrich:read", "POST": "enrich:run"}
    parser_classes = (*APIView.parser_classes, MultiPartParser)

    @extend_schema(
        operation_id="reflection_list",
        tags=[TAG],
        summary="List reflections",
        description="Those that the token may see, by pages.",
        parameters=listing.PARAMETERS,
        responses=schemas.ReflectionPage,
        examples=PAGES,
    )
    def get(self, request: Request) -> Response:
        page = listing.reflection_page(viewer_of(request), request.path, request.query_params)
        return Response(page, headers=PRIVATE)

    @extend_schema(
        operation_id="reflection_submit",
        tags=[TAG],
        summary="Submit a reflection",
        description="One with an image comes as a form.",
        parameters=[
            waiting.PARAMETER,
            directives.PARAMETER,
            idempotency.PARAMETER,
            tag_on(200, 202),
        ],
        request={
            "application/json": schemas.Submission,
            "multipart/form-data": OpenApiRequest(schemas.form(), schemas.FORM_ENCODING),
        },
        responses={
            200: OpenApiResponse(schemas.Reflection, "Finished: from the cache, or meanwhile."),
            404: OpenApiResponse(description="It was deleted while this request waited for it."),
            202: OpenApiResponse(schemas.Reflection, "Accepted: `Location` is where to look."),
            **directives.ANSWERS,
            **idempotency.ANSWERS,
        },
        examples=SUBMISSIONS,
    )
    def post(self, request: Request) -> Response:
        assert isinstance(request.user, User)  # noqa: S101  # the permission let nobody else in
        wait_seconds = _wait_seconds(request)
        try:
            wanted = directives.read(request.headers.get(directives.HEADER, ""))
            fields = _fields(request.data)
            submission = parse(fields, timezone.now())
            with idempotency.idempotent(request, fields, request.user) as turn:
                reflection = turn.replays or services.submit(
                    submission,
                    user=request.user,
                    token_owner=getattr(request.auth, "owner", None),
                    freshness=wanted.freshness,
                    only_if_cached=wanted.only_if_cached,
                    claim=turn.claim,
                )
        except InvalidSubmission as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        except services.OwnerMismatch as exc:
            raise PermissionDenied(str(exc)) from exc
        except ModelCannotSee as exc:
            raise ValidationError({"image": [f"can't be described: {exc}"]}) from exc
        except NotCached as exc:
            raise directives.NothingCached(str(exc)) from exc
        except Busy as exc:
            raise Unavailable(exc) from exc
        reflection = _awaited(reflection, wait_seconds)
        place = reverse("api:reflection-detail", args=[reflection.pk])
        finished = reflection.submitted_job.finished
        code = status.HTTP_200_OK if finished else status.HTTP_202_ACCEPTED
        return _answer(reflection, code, {"Location": place, **turn.headers})


class ReflectionDetail(APIView):
    """Read or delete one reflection."""

    required_scopes: ClassVar = {"GET": "enrich:read", "DELETE": "enrich:run"}

    @extend_schema(
        operation_id="reflection_read",
        tags=[TAG],
        summary="Read a reflection",
        parameters=[waiting.PARAMETER, etags.CONDITION, tag_on(200, 304)],
        responses={
            200: schemas.Reflection,
            304: OpenApiResponse(description="What you have is what there is."),
        },
        examples=REFLECTIONS,
    )
    def get(self, request: Request, reflection_id: UUID) -> Response:
        wait_seconds = _wait_seconds(request)
        known = tags_in(request.headers.get("If-None-Match"))
        state = wait_for(
            partial(_state, request, reflection_id),
            lambda state: state.finished or (bool(known) and not state.is_in(known)),
            wait_seconds,
        )
        if state.is_in(known):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=state.headers)
        return _answer(_fetch(reflection_id))

    @extend_schema(
        operation_id="reflection_delete",
        tags=[TAG],
        summary="Forget a reflection",
        responses={204: OpenApiResponse(description="It is forgotten, with all made of it.")},
    )
    def delete(self, request: Request, reflection_id: UUID) -> Response:
        forgetting.forget(_visible(request, reflection_id, services.DELETE_ANY))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReflectionRetry(APIView):
    """Queue again what failed, was cancelled or quarantined."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    @extend_schema(
        operation_id="reflection_retry",
        tags=[TAG],
        summary="Queue a reflection again",
        parameters=[tag_on(202)],
        request=None,
        responses={
            202: OpenApiResponse(schemas.Reflection, "It is queued again."),
            409: OpenApiResponse(description="It is not failed, cancelled or quarantined."),
        },
        examples=REFLECTIONS,
    )
    def post(self, request: Request, reflection_id: UUID) -> Response:
        reflection = _changeable(request, reflection_id)
        if not jobs.retry(reflection.jobs.all()):
            state = reflection.submitted_job.status
            raise Conflict(f"Only failed, cancelled or quarantined work is retried; it is {state}.")
        return _answer(_fetch(reflection.pk), status.HTTP_202_ACCEPTED)


class ReflectionCancel(APIView):
    """End unfinished work, also in the middle of inference."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    @extend_schema(
        operation_id="reflection_cancel",
        tags=[TAG],
        summary="End the work on a reflection",
        parameters=[tag_on(200)],
        request=None,
        responses={
            200: OpenApiResponse(schemas.Reflection, "Its work is ended."),
            409: OpenApiResponse(description="It is finished already."),
        },
        examples=REFLECTIONS,
    )
    def post(self, request: Request, reflection_id: UUID) -> Response:
        reflection = _changeable(request, reflection_id)
        if not jobs.cancel(Job.objects.for_people().filter(reflection=reflection)):
            state = reflection.submitted_job.status
            raise Conflict(f"There is nothing to cancel; it is {state}.")
        return _answer(_fetch(reflection.pk))


class ReflectionRetryMany(APIView):
    """Queue again what failed, was cancelled or quarantined, of many reflections."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    @extend_schema(
        operation_id="reflection_retry_many",
        tags=[TAG],
        summary="Queue many reflections again",
        request=schemas.RetryMany,
        responses=schemas.Retried,
        examples=RETRIES,
    )
    def post(self, request: Request) -> Response:
        chosen, matched = _chosen(request, jobs.RETRYABLE)
        return Response({"matched": matched, "queued": jobs.retry(chosen)})


class ReflectionCancelMany(APIView):
    """End the unfinished work on many reflections."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    @extend_schema(
        operation_id="reflection_cancel_many",
        tags=[TAG],
        summary="End the work on many reflections",
        request=schemas.CancelMany,
        responses=schemas.Cancelled,
        examples=CANCELLATIONS,
    )
    def post(self, request: Request) -> Response:
        chosen, matched = _chosen(request, UNFINISHED)
        return Response({"matched": matched, "cancelled": jobs.cancel(chosen)})


def _fields(data: Any) -> dict[str, Any]:
    """Return a body's fields: of a form's files the bytes, of what was sent twice a list."""
    if not isinstance(data, QueryDict):
        return cast(dict[str, Any], data)
    fields: dict[str, Any] = {}
    for name, values in data.lists():
        read = [value.read() if isinstance(value, UploadedFile) else value for value in values]
        fields[name] = read[0] if len(read) == 1 else read
    return fields


def _chosen(request: Request, accepted: Sequence[Status]) -> tuple[QuerySet[Job], int]:
    """Return the jobs that a body names, as far as the viewer may change them.

    And of how many reflections: once they are changed, their status tells no more.
    """
    reachable = viewer_of(request, services.CHANGE_ANY).reflections()
    chosen = selected_jobs(reachable, cast(dict[str, Any], request.data), accepted)
    return chosen, chosen.values("reflection_id").distinct().count()


def _changeable(request: Request, reflection_id: UUID) -> Reflection:
    """Return a reflection whose work the viewer may change, and whose text the answer may show."""
    _visible(request, reflection_id)
    return _visible(request, reflection_id, services.CHANGE_ANY)


def _visible(
    request: Request, reflection_id: UUID, permission: str = services.VIEW_TEXT
) -> Reflection:
    """Return a reflection; one that the viewer may not see is not found."""
    visible = viewer_of(request, permission).reflections().with_parts()
    reflection: Reflection = get_object_or_404(visible, pk=reflection_id)
    return reflection


def _state(request: Request, reflection_id: UUID) -> State:
    """Return how far a reflection is that the viewer may see; for their own, in one query."""
    try:
        return state_of(reflection_id, _without_permissions(request))
    except Http404:
        return state_of(reflection_id, viewer_of(request))


def _fetch(reflection_id: UUID) -> Reflection:
    """Return a reflection that the viewer may see; one that was deleted meanwhile is not found."""
    reflection: Reflection = get_object_or_404(Reflection.objects.with_parts(), pk=reflection_id)
    return reflection


def _awaited(reflection: Reflection, seconds: int) -> Reflection:
    """Return a new reflection: once it is finished, or as it is after so long."""
    if reflection.submitted_job.finished or not seconds:
        return reflection
    wait_until_finished(reflection.pk, seconds)
    return _fetch(reflection.pk)


def _wait_seconds(request: Request) -> int:
    """Return for how long a request is ready to wait for a reflection to be finished."""
    return int(read_query(request.query_params, READERS).get("wait", 0))


def _answer(
    reflection: Reflection, code: int = status.HTTP_200_OK, headers: dict[str, str] | None = None
) -> Response:
    report = reflection_report(reflection)
    every = {**state_in(reflection).headers, **cache_headers(report), **(headers or {})}
    return Response(report.as_json(), code, headers=every)
