"""Endpoints of reflections: parse, call one service or report, answer."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrichment import forgetting, jobs, services
from enrichment.api.headers import cache_headers
from enrichment.api.selections import selected_jobs
from enrichment.errors import Busy, InvalidSubmission, ModelCannotSee
from enrichment.models import Job, Reflection, Status
from enrichment.models.jobs import UNFINISHED
from enrichment.reports import ReflectionReport, Viewer, reflection_report
from enrichment.submission import parse

# Both stages take seconds on a CPU; asking more often gains nothing.
POLL_SECONDS = 2
# No cache between here and the reader keeps what somebody wrote.
PRIVATE = {"Cache-Control": "private, no-store"}


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
    """Return who asks: a token's owner, who may reach anybody's, or the user who submitted."""
    owner = getattr(request.auth, "owner", "")
    user = request.user
    return Viewer(user=user, owner=owner, sees_all=not owner and user.has_perm(permission))


class ReflectionList(APIView):
    """Submit a reflection; one with an image comes as a form."""

    required_scopes: ClassVar = {"POST": "enrich:run"}
    parser_classes = (*APIView.parser_classes, MultiPartParser)

    def post(self, request: Request) -> Response:
        assert isinstance(request.user, User)  # noqa: S101  # the permission let nobody else in
        try:
            submission = parse(_fields(request.data), timezone.now())
            reflection = services.submit(
                submission,
                user=request.user,
                token_owner=getattr(request.auth, "owner", None),
            )
        except InvalidSubmission as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        except services.OwnerMismatch as exc:
            raise PermissionDenied(str(exc)) from exc
        except ModelCannotSee as exc:
            raise ValidationError({"image": [f"can't be described: {exc}"]}) from exc
        except Busy as exc:
            raise Unavailable(exc) from exc
        report = reflection_report(_fetch(reflection.pk))
        headers = {"Location": reverse("api:reflection-detail", args=[reflection.pk])}
        if report.finished:
            return _answer(report, headers=headers)
        headers["Retry-After"] = str(POLL_SECONDS)
        return _answer(report, status.HTTP_202_ACCEPTED, headers)


class ReflectionDetail(APIView):
    """Read or delete one reflection."""

    required_scopes: ClassVar = {"GET": "enrich:read", "DELETE": "enrich:run"}

    def get(self, request: Request, reflection_id: UUID) -> Response:
        return _answer(reflection_report(_visible(request, reflection_id)))

    def delete(self, request: Request, reflection_id: UUID) -> Response:
        forgetting.forget(_visible(request, reflection_id, services.DELETE_ANY))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReflectionRetry(APIView):
    """Queue again what failed, was cancelled or quarantined."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    def post(self, request: Request, reflection_id: UUID) -> Response:
        reflection = _visible(request, reflection_id, services.CHANGE_ANY)
        if not jobs.retry(reflection.jobs.all()):
            state = reflection.submitted_job.status
            raise Conflict(f"Only failed, cancelled or quarantined work is retried; it is {state}.")
        headers = {"Retry-After": str(POLL_SECONDS)}
        return _answer(reflection_report(_fetch(reflection.pk)), status.HTTP_202_ACCEPTED, headers)


class ReflectionCancel(APIView):
    """End unfinished work, also in the middle of inference."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    def post(self, request: Request, reflection_id: UUID) -> Response:
        reflection = _visible(request, reflection_id, services.CHANGE_ANY)
        if not jobs.cancel(Job.objects.for_people().filter(reflection=reflection)):
            state = reflection.submitted_job.status
            raise Conflict(f"There is nothing to cancel; it is {state}.")
        return _answer(reflection_report(_fetch(reflection.pk)))


class ReflectionRetryMany(APIView):
    """Queue again what failed, was cancelled or quarantined, of many reflections."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

    def post(self, request: Request) -> Response:
        chosen, matched = _chosen(request, jobs.RETRYABLE)
        return Response({"matched": matched, "queued": jobs.retry(chosen)})


class ReflectionCancelMany(APIView):
    """End the unfinished work on many reflections."""

    required_scopes: ClassVar = {"POST": "enrich:run"}

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


def _visible(
    request: Request, reflection_id: UUID, permission: str = services.VIEW_TEXT
) -> Reflection:
    """Return a reflection; one that the viewer may not see is not found."""
    visible = viewer_of(request, permission).reflections().with_parts()
    reflection: Reflection = get_object_or_404(visible, pk=reflection_id)
    return reflection


def _fetch(reflection_id: UUID) -> Reflection:
    return Reflection.objects.with_parts().get(pk=reflection_id)


def _answer(
    report: ReflectionReport, code: int = status.HTTP_200_OK, headers: dict[str, str] | None = None
) -> Response:
    every = {**PRIVATE, **cache_headers(report), **(headers or {})}
    return Response(report.as_json(), code, headers=every)
