"""Endpoints of the configuration: what is in force, change it, its history, and back again."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_409_CONFLICT, HTTP_412_PRECONDITION_FAILED
from rest_framework.views import APIView

from cachestats import services
from cachestats.api.config_schemas import (
    CHANGES,
    HISTORY,
    READS,
    ConfigPatch,
    HistoryPage,
)
from cachestats.config.schema import sections
from cachestats.config_reports import ConfigReport, config_report, history
from cachestats.errors import FieldError, InvalidConfig, InvalidTuningFile, RevisionSuperseded
from cachestats.models import ConfigRevision
from cachestats.services import REASON_CHARACTERS

TAG = "Configuration"
PAGE_SIZE = 25
TAGS = re.compile(r'"revision-(\d{1,18})"')
# The number of the last revision of the page before.
CURSOR = re.compile(r"[1-9][0-9]{0,17}")
OTHERS = ("reset", "reason")
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string"},
    location=OpenApiParameter.HEADER,
    description="The `ETag` of the configuration that this is meant for: 412 if it was changed.",
)
CONFLICTS = {
    409: OpenApiResponse(description="The tuning file itself is wrong; mend it first."),
    412: OpenApiResponse(description="The configuration was changed since, by somebody else."),
}


class FileIsWrong(APIException):
    """Nothing can lie over a tuning file that is wrong."""

    status_code = HTTP_409_CONFLICT


class ChangedSince(APIException):
    """The configuration is no more what the request was meant for."""

    status_code = HTTP_412_PRECONDITION_FAILED


class ConfigView(APIView):
    """The configuration in force."""

    required_scopes: ClassVar = {"GET": "config:read", "PATCH": "config:write"}

    @extend_schema(
        operation_id="config_read",
        tags=[TAG],
        summary="Read the configuration",
        responses=ConfigReport,
        examples=READS,
    )
    def get(self, _request: Request) -> Response:
        """Every value in force, where it comes from and what is accepted for it."""
        return _answer()

    @extend_schema(
        operation_id="config_change",
        tags=[TAG],
        summary="Change the configuration",
        parameters=[IF_MATCH],
        request=ConfigPatch,
        responses={200: ConfigReport, **CONFLICTS},
        examples=CHANGES,
    )
    def patch(self, request: Request) -> Response:
        """What is named is changed, in force everywhere within a second, and kept as a revision."""
        body = cast(dict[str, Any], request.data)
        check_patch(body)
        with _refusals():
            services.change_config(
                {section: body[section] for section in sections() if section in body},
                _user(request),
                body.get("reason") or "",
                reset=body.get("reset", ()),
                token_name=getattr(request.auth, "name", ""),
                only_after=_only_after(request),
            )
        return _answer()


class ConfigHistory(APIView):
    """Who changed what, when and why."""

    required_scopes: ClassVar = {"GET": "config:read"}

    @extend_schema(
        operation_id="config_history",
        tags=[TAG],
        summary="List earlier configurations",
        parameters=[
            OpenApiParameter(
                "cursor",
                {"type": "string", "pattern": f"^{CURSOR.pattern}$"},
                description="From `next` of the page before.",
            )
        ],
        responses=HistoryPage,
        examples=HISTORY,
    )
    def get(self, request: Request) -> Response:
        """Newest first; each with how it differs from the one before."""
        cursor = request.query_params.get("cursor")
        if cursor is not None and not CURSOR.fullmatch(cursor):
            raise ValidationError({"cursor": ["must be the cursor of a page's next"]})
        found, more = history(PAGE_SIZE, None if cursor is None else int(cursor))
        following = f"{reverse('api:config-history')}?cursor={found[-1].number}" if more else None
        return Response({"next": following, "results": [asdict(one) for one in found]})


class ConfigRestore(APIView):
    """An earlier revision, to be in force again."""

    required_scopes: ClassVar = {"POST": "config:write"}

    @extend_schema(
        operation_id="config_restore",
        tags=[TAG],
        summary="Restore an earlier configuration",
        parameters=[IF_MATCH],
        request=None,
        responses={200: ConfigReport, **CONFLICTS},
        examples=READS,
    )
    def post(self, request: Request, number: int) -> Response:
        """It is saved as the newest revision. 400: it breaks today's schema."""
        revision = get_object_or_404(ConfigRevision, number=number)
        with _refusals():
            services.restore_revision(
                revision,
                _user(request),
                token_name=getattr(request.auth, "name", ""),
                only_after=_only_after(request),
            )
        return _answer()


def check_patch(body: Mapping[str, Any]) -> None:
    """Hold the shape of a body against what is accepted; its values are the schema's affair.

    Raises:
        ValidationError: names each wrong field and what is accepted.
    """
    known = (*sections(), *OTHERS)
    errors = {
        name: f"is not known here; accepted: {', '.join(known)}"
        for name in body
        if name not in known
    }
    for section, kind in sections().items():
        if section in body and not (isinstance(body[section], dict) and body[section]):
            names = ", ".join(kind.model_fields)
            errors[section] = f"must be an object with one or more of: {names}"
    reset = body.get("reset", ["one"])
    if not isinstance(reset, list) or not reset or any(not isinstance(n, str) for n in reset):
        errors["reset"] = 'must be a list of names such as "caching.default_ttl"'
    reason = "" if body.get("reason") is None else body["reason"]
    if not isinstance(reason, str) or len(reason) > REASON_CHARACTERS or "\x00" in reason:
        errors["reason"] = f"must be text of at most {REASON_CHARACTERS} characters"
    if not errors and not any(name in body for name in (*sections(), "reset")):
        errors["body"] = (
            'names nothing to change; give values such as {"caching": {"default_ttl": 3600}}, or '
            'reset such as ["caching.default_ttl"]'
        )
    if errors:
        raise ValidationError({field: [message] for field, message in errors.items()})


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what a service refuses into answers."""
    try:
        yield
    except InvalidTuningFile as exc:
        raise FileIsWrong(f"The tuning file is wrong; mend it first. {exc}") from exc
    except InvalidConfig as exc:
        raise ValidationError(_by_field(exc.errors)) from exc
    except RevisionSuperseded as exc:
        raise ChangedSince(f"The configuration was changed since. {exc}") from exc


def _by_field(errors: list[FieldError]) -> dict[str, list[str]]:
    return {error.field: [error.message] for error in errors}


def _only_after(request: Request) -> Collection[int] | None:
    """Return the revisions that If-Match names; None where it is silent or takes any."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    tags = [TAGS.fullmatch(tag.strip()) for tag in header.split(",")]
    return {int(tag[1]) for tag in tags if tag}


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  # the permission let nobody else in
    return request.user


def _answer() -> Response:
    report = config_report()
    headers = {"ETag": f'"revision-{report.revision}"', "Cache-Control": "private, no-cache"}
    return Response(asdict(report), headers=headers)
