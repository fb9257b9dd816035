"""Calls to models as OpenTelemetry's metrics, at a receiver that speaks its protocol."""

import gzip
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from pytest_django import Settings

from enrichment import calls, tasks, telemetry
from tests.call_rows import call
from tests.conftest import TokenMaker
from tests.engines import ROOT
from tests.queues import until
from tests.standin import MODEL, Script

pytestmark = pytest.mark.usefixtures("databases")

DURATION, USAGE = "gen_ai.client.operation.duration", "gen_ai.client.token.usage"
HERE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": "small:1b",
    "server.address": "here",
    "server.port": 11434,
}


class Receiver:
    """What came, and the status that it is answered with."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.paths: list[str] = []
        self.came: list[ExportMetricsServiceRequest] = []

    def points(self, name: str) -> list[tuple[dict[str, Any], int, float]]:
        """Return attributes, count and sum of a histogram, as each instance told it last."""
        last: dict[tuple[str, str], tuple[dict[str, Any], int, float]] = {}
        for request in self.came:
            for resource in request.resource_metrics:
                who = attributes(resource.resource)["service.instance.id"]
                for metric in (m for s in resource.scope_metrics for m in s.metrics):
                    for point in metric.histogram.data_points if metric.name == name else []:
                        about = attributes(point)
                        last[who, str(sorted(about.items()))] = about, point.count, point.sum
        return list(last.values())


def attributes(holder: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, str(pair.value.WhichOneof("value")))
        for pair in holder.attributes
    }


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver that the site is told of."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.paths.append(self.path)
            if received.status == 200:
                received.came.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = received.url
    settings.OTEL_METRIC_EXPORT_SECONDS = 3600
    telemetry.forget()
    yield received
    if telemetry._telemetry:
        telemetry._telemetry.end()
    telemetry.forget()
    server.shutdown()
    server.server_close()


def send() -> None:
    calls.flush()
    assert telemetry._telemetry
    telemetry._telemetry._send(telemetry._telemetry._exporter)


def test_calls_are_told_by_the_conventions(receiver: Receiver):
    """Durations in seconds, tokens by type; sums go on from one export to the next."""
    calls.record(call())
    send()
    calls.record(call(elapsed_ms=300.0))
    calls.record(call(kind="generate"))
    send()

    assert set(receiver.paths) == {"/v1/metrics"}
    chat, generate = receiver.points(DURATION)
    assert chat == (HERE, 2, pytest.approx(0.4))
    assert generate[0] == {**HERE, "gen_ai.operation.name": "text_completion"}
    tokens = {
        (a["gen_ai.operation.name"], a["gen_ai.token.type"]): (n, s)
        for a, n, s in receiver.points(USAGE)
    }
    assert tokens == {
        ("chat", "input"): (2, 16),
        ("chat", "output"): (2, 6),
        ("text_completion", "input"): (1, 8),
        ("text_completion", "output"): (1, 3),
    }
    [metrics] = [s.metrics for r in receiver.came[-1].resource_metrics for s in r.scope_metrics]
    assert {m.name: m.unit for m in metrics} == {DURATION: "s", USAGE: "{token}"}
    bounds = {m.name: list(m.histogram.data_points[0].explicit_bounds) for m in metrics}
    assert (bounds[DURATION][0], bounds[DURATION][-1]) == (0.01, pytest.approx(81.92))
    assert (bounds[USAGE][0], bounds[USAGE][-1]) == (1, 67_108_864)


def test_failed_call_has_its_kind_of_error_and_no_tokens(receiver: Receiver):
    """As the conventions have it."""
    calls.record(call(timings=None, error="HostBusy"))
    send()

    assert receiver.points(DURATION) == [({**HERE, "error.type": "HostBusy"}, 1, 0.1)]
    assert receiver.points(USAGE) == []


def test_hit_is_never_told_and_a_text_is_in_nothing(
    receiver: Receiver, api: TokenMaker, model: Script, one_variant: None
):
    """What the cache answers is no call to a model."""
    web = api("enrich:run")
    counts = []
    for _ in range(2):
        web.post("/api/v1/reflections/", {"text": "I felt zyxgrobble"}, format="json")
        tasks.run_next_job()
        send()
        counts.append(sum(count for _, count, _ in receiver.points(DURATION)))

    assert counts[0] == counts[1] > 0
    assert {about["gen_ai.request.model"] for about, _, _ in receiver.points(DURATION)} == {MODEL}
    assert not any(b"zyxgrobble" in request.SerializeToString() for request in receiver.came)


def test_call_is_told_once_though_the_database_was_away(receiver: Receiver):
    """Calls that wait to be written wait to be told."""

    def broken(*_args: object) -> None:
        raise OperationalError("disk I/O error")

    calls.record(call())
    with connection.execute_wrapper(broken):
        calls.flush()
    send()
    assert receiver.points(DURATION) == [(HERE, 1, 0.1)]


def test_thread_tells_in_time(receiver: Receiver, settings: Settings):
    """Nobody has to ask for it."""
    settings.OTEL_METRIC_EXPORT_SECONDS = 0.05
    calls.record(call())
    calls.flush()
    until(lambda: bool(receiver.points(DURATION)))


def test_receiver_that_fails_is_told_of_once_and_nothing_is_lost(receiver: Receiver, caplog):
    """One warning for an outage, one for its end; what was counted meanwhile arrives then."""
    receiver.status = 400
    for _ in range(2):
        calls.record(call())
        send()
    receiver.status = 200
    send()

    assert receiver.points(DURATION) == [(HERE, 2, pytest.approx(0.2))]
    url = f"{receiver.url}/v1/metrics"
    said = [message for message in caplog.messages if "Telemetry" in message]
    assert said == [
        f"[PERF] Telemetry does not arrive at {url}",
        f"[PERF] Telemetry arrives again at {url}",
    ]


def test_forked_child_tells_its_own_calls_alone(receiver: Receiver):
    """Under an instance id of its own; the parent's are told by the parent."""
    calls.record(call())
    send()
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            calls.record(call(elapsed_ms=500.0))
            send()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    send()
    assert sorted(total for _, _, total in receiver.points(DURATION)) == [0.1, 0.5]


EXIT = """
import django
django.setup()
from enrichment import calls
from enrichment.inference.messages import Call

def ask(elapsed_ms):
    calls.record(
        Call(host="http://here", model="a", kind="chat", elapsed_ms=elapsed_ms, attempts=1)
    )

ask(1000.0)
from multiprocessing import get_context
child = get_context("fork").Process(target=ask, args=[2000.0])
child.start()
child.join()
"""


def run_program(receiver: Receiver, tmp_path: Path, code: str) -> str:
    """Run a program that asks a model, beside its forked child; return what it says."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_SERVICE_NAME": "ours",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_processes_tell_what_is_left_at_their_end(receiver: Receiver, tmp_path: Path):
    """A program, and a process of multiprocessing as the queue's workers are."""
    run_program(receiver, tmp_path, EXIT)
    assert sorted(total for _, _, total in receiver.points(DURATION)) == [1, 2]
    [name] = {
        attributes(r.resource)["service.name"] for c in receiver.came for r in c.resource_metrics
    }
    assert name == "ours"


def test_switched_on_but_not_installed_says_so_in_one_line(receiver: Receiver, tmp_path: Path):
    """And the calls are kept all the same."""
    missing = "import sys; sys.modules['opentelemetry.sdk'] = None\n"
    again = "calls.flush(); ask(3000.0); calls.flush()\n"
    said = run_program(
        receiver,
        tmp_path,
        missing + EXIT.replace("from multiprocessing", again + "from multiprocessing"),
    )

    lines = [line for line in said.splitlines() if "OTEL_EXPORTER_OTLP_ENDPOINT is set" in line]
    # The program's own and its child's.
    assert len(lines) == 2
    assert "pip install -r requirements-otel.lock" in lines[0]
    assert "Traceback" not in said
    assert not receiver.came


def test_switched_off_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch):
    """Who does not want it needs none of its packages."""
    monkeypatch.setitem(sys.modules, "enrichment.telemetry", None)
    calls.record(call())
    calls.flush()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("enrichment.telemetry")
