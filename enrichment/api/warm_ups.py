"""Endpoints of warm-ups: a worker computes ahead what the cache lost."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, cast

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrichment import warm_ups
from enrichment.models import WarmUp
from enrichment.warm_up_reports import WarmUpReport, warm_up_report, warm_up_reports
from enrichment.warm_ups import LOST_LIMIT, MAX_CONCURRENCY, MAX_LIMIT

TAG = "Cache"
# So many are kept, beside those whose entries are live.
SHOWN = 100
MOST = {"limit": MAX_LIMIT, "concurrency": MAX_CONCURRENCY}
RUN: dict[str, Any] = {
    "id": 12,
    "state": "waiting",
    "source": "lost",
    "created_at": "2026-11-20T03:00:00Z",
    "ended_at": None,
    "limit": 100,
    "concurrency": 1,
    "computed": 0,
    "already_there": 0,
    "failed": 0,
    "skipped": 0,
    "predicted_hits": 0,
    "trouble": "",
}
ENDED = {
    **RUN,
    "state": "done",
    "ended_at": "2026-11-20T03:04:10Z",
    "computed": 40,
    "skipped": 3,
    "predicted_hits": 120,
}
RUN_ID = OpenApiParameter(
    "run_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="A run's id."
)


class CacheWarm(BaseModel):
    """How much to compute; for documentation alone."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] | None = Field(
        LOST_LIMIT, description="So many answers at most, worth most first."
    )
    concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] | None = Field(
        1, description="So many at a time."
    )


@dataclass(frozen=True, kw_only=True)
class WarmUpList:
    """The newest runs, newest first."""

    results: list[WarmUpReport]


class WarmingAlready(APIException):
    """One waits or is at work; the answer says where to look at it."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, run: WarmUp) -> None:
        super().__init__(f"Warm-up {run.pk} is unfinished; wait for its end.")
        self.location = _address(run)


class CacheWarmUps(APIView):
    """Have a worker compute again what expired or was evicted, worth most first.

    It begins once nobody waits for the model, and stops as soon as somebody does, or after half an
    hour. One is unfinished at a time.
    """

    required_scopes: ClassVar = {"GET": "cache:read", "POST": "cache:purge"}

    @extend_schema(
        operation_id="cache_warm_list",
        tags=[TAG],
        summary="List warm-ups",
        description="The newest hundred, those of the command `warm_cache` too.",
        responses=WarmUpList,
        examples=[OpenApiExample("One run", value={"results": [ENDED]})],
    )
    def get(self, _request: Request) -> Response:
        return Response({"results": [asdict(run) for run in warm_up_reports(SHOWN)]})

    @extend_schema(
        operation_id="cache_warm",
        tags=[TAG],
        summary="Warm the cache",
        request=CacheWarm,
        responses={
            202: OpenApiResponse(WarmUpReport, "Accepted: `Location` is where to look."),
            409: OpenApiResponse(
                description="Another is unfinished: the detail and `Location` name it."
            ),
        },
        examples=[
            OpenApiExample("A few", value={"limit": 20}, request_only=True),
            OpenApiExample("Accepted", value=RUN, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request) -> Response:
        try:
            run = warm_ups.request(**_read(cast(dict[str, Any], request.data)))
        except warm_ups.AlreadyWarming as exc:
            raise WarmingAlready(exc.run) from exc
        accepted = asdict(warm_up_report(run))
        return Response(accepted, status.HTTP_202_ACCEPTED, headers={"Location": _address(run)})


class CacheWarmUp(APIView):
    """One warm-up."""

    required_scopes: ClassVar = {"GET": "cache:read"}

    @extend_schema(
        operation_id="cache_warm_read",
        tags=[TAG],
        summary="Read how far a warm-up is",
        parameters=[RUN_ID],
        responses=WarmUpReport,
        examples=[OpenApiExample("Done", value=ENDED)],
    )
    def get(self, _request: Request, run_id: int) -> Response:
        return Response(asdict(warm_up_report(get_object_or_404(WarmUp, pk=run_id))))


def _address(run: WarmUp) -> str:
    return reverse("api:cache-warm-detail", args=[run.pk])


def _read(data: dict[str, Any]) -> dict[str, int]:
    """Return the numbers that a body gives; null is as good as none.

    Raises:
        ValidationError: names each wrong field and what is accepted.
    """
    wrong = {}
    for name, value in data.items():
        if name not in MOST:
            wrong[name] = [f"is not known; accepted: {', '.join(MOST)}"]
        elif value is not None and (type(value) is not int or not 1 <= value <= MOST[name]):
            wrong[name] = [f"must be a whole number, 1 to {MOST[name]:,}"]
    if wrong:
        raise ValidationError(wrong)
    return {name: value for name, value in data.items() if value is not None}
