"""The overview's numbers over the API."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cachestats.api.views import STATS, WINDOW
from cachestats.errors import InvalidWindow
from cachestats.reports import read_window
from perfsite.summary import Summary, summary

CALLS: dict[str, Any] = {
    "calls": 124,
    "failed": {"HostBusy": 2},
    "retried": 3,
    "elapsed": {"p50_ms": 810.0, "p95_ms": 4120.0, "p99_ms": 5300.0},
    "parts": {
        part: {"total_seconds": seconds, "share": share, "median_ms": median_ms}
        for part, seconds, share, median_ms in (
            ("queue", 4.0, 0.02, 12.0),
            ("load", 0.0, 0.0, 0.0),
            ("prompt", 56.0, 0.28, 390.0),
            ("generation", 140.0, 0.7, 402.0),
        )
    },
    "prompt_tokens": 24210,
    "generated_tokens": 3140,
    "prompt_tokens_per_second": 432.3,
    "generated_tokens_per_second": 22.4,
}
EXAMPLE = OpenApiExample(
    "A day",
    value={
        "cache": STATS.value,
        "inference": {
            "window_hours": 24.0,
            "overall": CALLS,
            "by_model": {"llama3.2:3b": CALLS},
            "by_host": {"http://127.0.0.1:11434": CALLS},
            "by_kind": {"generate": CALLS},
        },
        "queue": {
            "by_status": {"complete": 310, "queued": 1},
            "depth": 1,
            "oldest_waiting_seconds": 0.4,
            "running": 1,
            "completed_recently": 14,
            "last_completed_seconds": 3.1,
            "background": 0,
            "workers_alive": 2,
            "last_heartbeat_seconds": 1.2,
            "workers_of_other_versions": 0,
        },
        "model": {
            "hosts": [
                {
                    "url": "http://127.0.0.1:11434",
                    "engine": "Ollama 0.33.0",
                    "model": "llama3.2:3b",
                    "trouble": "",
                }
            ]
        },
    },
)


class MetricsSummary(APIView):
    """Look-ups and calls to models of `window`, the queue and who answers, as on the overview.

    What `perf_metrics --json` prints is the same.
    """

    required_scopes: ClassVar = {"GET": "cache:read"}

    @extend_schema(
        operation_id="metrics_summary",
        tags=["Metrics"],
        summary="Read the overview's numbers",
        parameters=[WINDOW],
        responses=Summary,
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        try:
            window = read_window(request.query_params.get("window", "24h"))
        except InvalidWindow as exc:
            raise ValidationError({error.field: [error.message] for error in exc.errors}) from exc
        return Response(asdict(summary(window)))
