"""Calls to models as OpenTelemetry's metrics, by the conventions for generative AI.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics

Needs requirements-otel.lock; `calls` imports it only where it is switched on. Each process adds up
its own calls, under an instance id of its own, and sends them from a thread. (The SDK's periodic
reader goes on in forked children with what the parent counted; so one that is asked is used.)
"""

import logging
import os
import threading
import uuid
from collections.abc import Iterable
from multiprocessing.util import Finalize
from urllib.parse import urlsplit

from django.conf import settings
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from enrichment.inference.messages import Call

logger = logging.getLogger(__name__)
# It logs each attempt; we say once that nothing arrives.
logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)

PROVIDER = "ollama"
OPERATIONS = {"chat": "chat", "generate": "text_completion"}
# As the conventions advise.
SECONDS = [0.01 * 2**power for power in range(14)]
TOKENS = [4**power for power in range(14)]
# A process that ends waits no longer for the receiver.
END_SECONDS = 2.0

Attributes = dict[str, str | int]


class Telemetry:
    """What one process has asked models, and the thread that sends it."""

    def __init__(self, endpoint: str, every_seconds: float) -> None:
        """
        Args:
            endpoint: the receiver's base URL, of which /v1/metrics takes metrics.
        """
        self._url = f"{endpoint.rstrip('/')}/v1/metrics"
        self._every_seconds = every_seconds
        own = Resource({"service.name": "perfsite", "service.instance.id": str(uuid.uuid4())})
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider(
            [self._reader], own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        meter = self._provider.get_meter("perfsite")
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._arrives = True
        self._exporter = OTLPMetricExporter(self._url)
        threading.Thread(target=self._keep_sending, name="telemetry", daemon=True).start()
        Finalize(self, self.end, exitpriority=5)

    def record(self, call: Call) -> None:
        """Count a call; one that failed has a duration and a kind of error, and no tokens."""
        about = _attributes(call)
        failed: Attributes = {"error.type": call.error} if call.error else {}
        self._duration.record(call.elapsed_ms / 1000, {**about, **failed})
        if call.timings:
            told = (
                ("input", call.timings.prompt_tokens),
                ("output", call.timings.generated_tokens),
            )
            for kind, tokens in told:
                self._tokens.record(tokens, {**about, "gen_ai.token.type": kind})

    def end(self) -> None:
        """Send what is left, within a few times END_SECONDS, and no more after that."""
        if self._over.is_set():
            return
        self._over.set()
        self._send(OTLPMetricExporter(self._url, timeout=END_SECONDS))

    def _keep_sending(self) -> None:
        while not self._over.wait(self._every_seconds):
            self._send(self._exporter)

    def _send(self, exporter: OTLPMetricExporter) -> None:
        try:
            # One that hangs in the thread is not waited for at the end.
            if not self._sending.acquire(timeout=END_SECONDS):
                return
            try:
                found = self._reader.get_metrics_data()
                arrived = found is None or exporter.export(found) is MetricExportResult.SUCCESS
            finally:
                self._sending.release()
        except Exception as exc:
            logger.warning("[PERF] Telemetry failed: %s", type(exc).__name__)
            return
        if arrived != self._arrives:
            how = "arrives again" if arrived else "does not arrive"
            logger.warning("[PERF] Telemetry %s at %s", how, self._url)
        self._arrives = arrived


def _attributes(call: Call) -> Attributes:
    host = urlsplit(call.host)
    about: Attributes = {
        "gen_ai.operation.name": OPERATIONS.get(call.kind, call.kind),
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": call.model,
        "server.address": host.hostname or call.host,
    }
    return {**about, "server.port": host.port} if host.port else about


_telemetry: Telemetry | None = None
_making = threading.Lock()


def forget() -> None:
    """Start anew: what a parent process counted is the parent's to send."""
    global _telemetry, _making
    # The parent's lock may have been held when the child was forked.
    _telemetry, _making = None, threading.Lock()


os.register_at_fork(after_in_child=forget)


def record(calls: Iterable[Call]) -> None:
    """Count calls of this process."""
    global _telemetry  # noqa: PLW0603
    with _making:
        if _telemetry is None:
            _telemetry = Telemetry(
                settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_METRIC_EXPORT_SECONDS
            )
        telemetry = _telemetry
    for call in calls:
        telemetry.record(call)
