"""Calls to models as rows: what a reflection leaves, and what no fault, fork or end may spoil."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import DjangoAssertNumQueries

from enrichment import calls, tasks, worker
from enrichment.call_reports import call_report
from enrichment.models import InferenceCall, InferenceTotal
from tests.call_rows import TIMINGS, call
from tests.conftest import TokenMaker
from tests.engines import ROOT
from tests.queues import until
from tests.standin import MODEL, Script, as_json

pytestmark = pytest.mark.usefixtures("databases")

TEXT = "I'm feeling grateful for my zyxgrobble today"


def broken(*_anything: object) -> None:
    raise OperationalError("disk I/O error")


@pytest.fixture
def enrich(api: TokenMaker, one_variant: None) -> Callable[[], None]:
    """Submit the same text, and work until nothing waits."""
    client = api("enrich:run")

    def run() -> None:
        client.post("/api/v1/reflections/", {"text": TEXT}, format="json")
        tasks.run_next_job()
        calls.flush()

    return run


def test_reflection_leaves_its_calls_with_what_the_host_reported(
    enrich: Callable[[], None], model: Script
):
    """A row for each question; queue is what the host's parts leave of the whole."""
    enrich()

    rows = list(InferenceCall.objects.order_by("id"))
    asked = [path.removeprefix("/api/") for path, body in model.asked if "options" in body]
    assert [row.kind for row in rows] == asked
    assert {"generate", "chat"} == set(asked)
    for row in rows:
        assert (row.host, row.model, row.attempts, row.error) == (model.url, MODEL, 1, "")
        assert (row.load_ms, row.prompt_ms, row.generation_ms) == (0, 2, 3)
        assert (row.prompt_tokens, row.generated_tokens) == (20, 1)
        assert row.queue_ms == pytest.approx(max(0, row.elapsed_ms - 5))


def test_answer_from_the_cache_is_no_call(enrich: Callable[[], None], model: Script):
    """The second time nothing is asked, and nothing is counted."""
    enrich()
    before = InferenceCall.objects.count()
    enrich()
    assert before == InferenceCall.objects.count()


def test_failed_call_is_kept_with_its_kind_of_error(enrich: Callable[[], None], model: Script):
    """A host that answers with an error: its kind is known, and no part of the time is."""
    model.generate = model.chat = lambda _body: as_json({"error": "out of memory"}, 500)

    enrich()

    rows = list(InferenceCall.objects.all())
    assert {row.error for row in rows} == {"HostFailed"}
    for row in rows:
        assert (row.queue_ms, row.load_ms, row.prompt_tokens) == (row.elapsed_ms, None, None)
    assert InferenceTotal.objects.get().calls == 0


def test_rows_hold_no_word_of_a_text(enrich: Callable[[], None], model: Script):
    """Also where a host quotes it in its error; and nothing leads from a row to a reflection."""
    answer = model.generate
    model.generate = lambda body: as_json({"error": f"can't read {body['prompt']}"}, 500)
    enrich()
    model.generate = answer
    enrich()

    assert {"", "HostFailed"} == set(InferenceCall.objects.values_list("error", flat=True))
    kept = [str(value) for row in InferenceCall.objects.values_list() for value in row]
    assert "zyxgrobble" not in " ".join(kept)
    assert not [field for field in InferenceCall._meta.get_fields() if field.is_relation]


def test_flush_of_a_broken_database_keeps_calls_for_the_next_time(caplog):
    """It raises nothing, says so once, and writes each call once when the database is back."""
    calls.record(call())
    with connection.execute_wrapper(broken):
        calls.flush()
    calls.record(call(elapsed_ms=200.0))
    assert not InferenceCall.objects.exists()
    assert [record.getMessage() for record in caplog.records] == [
        "[PERF] 1 calls of models wait to be written: disk I/O error"
    ]

    calls.flush()
    calls.flush()

    written = InferenceCall.objects.order_by("id").values_list("elapsed_ms", flat=True)
    assert list(written) == [100, 200]
    assert InferenceTotal.objects.get().calls == 2


def test_rows_and_their_total_are_written_both_or_neither():
    """A flush that breaks after the rows leaves none, and the next one adds each call once."""

    def breaks_late(execute, sql: str, params, many: bool, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("disk I/O error")
        return execute(sql, params, many, context)

    calls.record(call())
    calls.flush()
    calls.record(call())
    with connection.execute_wrapper(breaks_late):
        calls.flush()
    assert InferenceCall.objects.count() == 1
    calls.flush()

    assert InferenceCall.objects.count() == 2
    total = InferenceTotal.objects.get()
    assert (total.calls, total.prompt_ms, total.generated_tokens) == (2, 40, 6)


def test_flush_waits_for_one_that_is_under_way():
    """Who ends a process knows then that all is written, also what another thread took."""
    began, go_on = threading.Event(), threading.Event()
    seen: list[bool] = []

    def slowly(execute, sql: str, params, many: bool, context):
        began.set()
        go_on.wait(20)
        return execute(sql, params, many, context)

    def write() -> None:
        with connection.execute_wrapper(slowly):
            calls.flush()
        connection.close()

    def end() -> None:
        calls.flush()
        seen.append(InferenceCall.objects.exists())
        connection.close()

    calls.record(call())
    threads = [threading.Thread(target=write), threading.Thread(target=end)]
    threads[0].start()
    began.wait(20)
    threads[1].start()
    threads[1].join(0.2)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert seen == [True]


def test_calls_beyond_the_buffer_are_dropped(monkeypatch: pytest.MonkeyPatch):
    """A database that is away for long costs a bounded memory; the first calls are kept."""
    monkeypatch.setattr(calls, "MOST", 3)
    for number in range(3):
        calls.record(call(elapsed_ms=float(number)))
    with connection.execute_wrapper(broken):
        calls.flush()
    calls.record(call(elapsed_ms=99.0))

    calls.flush()

    written = InferenceCall.objects.order_by("id").values_list("elapsed_ms", flat=True)
    assert list(written) == [0, 1, 2]


def test_calls_are_written_after_an_outage_that_filled_the_buffer(
    monkeypatch: pytest.MonkeyPatch,
):
    """Where no heartbeat writes, those that are dropped still wake the thread that writes."""
    monkeypatch.setattr(calls, "MOST", 3)
    monkeypatch.setattr(calls, "FLUSH_AT", 5)
    for number in range(3):
        calls.record(call(elapsed_ms=float(number)))
    with connection.execute_wrapper(broken):
        calls.flush()
    for _ in range(2):
        calls.record(call(elapsed_ms=99.0))

    until(lambda: InferenceCall.objects.count() == 3)
    until(lambda: "calls-flush" not in {found.name for found in threading.enumerate()})


@pytest.mark.parametrize(
    ("told", "kept"),
    [(201 * "m", 200 * "m"), ("small\0:1b", "small:1b"), ("small\ud800:1b", "small:1b")],
)
def test_name_that_no_database_takes_is_made_to_fit(main_database: None, told: str, kept: str):
    """A column would refuse all calls of the batch with it."""
    calls.record(call(host="http://" + 200 * "h", model=told))
    calls.record(call())
    calls.flush()

    first, second = InferenceCall.objects.order_by("id")
    assert (first.host, first.model) == ("http://" + 193 * "h", kept)
    assert (second.host, second.model) == ("http://here:11434", "small:1b")


@pytest.mark.parametrize("tokens", [2**31, 10**30, -1])
def test_tokens_that_cannot_be_are_unknown(main_database: None, tokens: int):
    """The call is kept without them, and so are those that are written with it."""
    calls.record(call(timings=replace(TIMINGS, prompt_tokens=tokens)))
    calls.record(call())
    calls.flush()

    kept = InferenceCall.objects.order_by("id").values_list("prompt_tokens", "prompt_ms")
    assert list(kept) == [(None, 20), (8, 20)]
    total = InferenceTotal.objects.get()
    assert (total.calls, total.prompt_tokens, total.generated_tokens) == (2, 8, 6)


@pytest.mark.parametrize("ms", [1e9, 1e300, float("inf"), float("nan")])
def test_times_that_cannot_be_are_unknown(main_database: None, ms: float):
    """One call that took for ever would be in all sums and for ever."""
    calls.record(call(timings=replace(TIMINGS, load_ms=ms)))
    calls.record(call())
    calls.flush()

    assert InferenceTotal.objects.get().load_ms == 10
    assert call_report().overall.parts["load"].median_ms == 10
    assert call_report().overall.calls == 2


def test_many_calls_are_written_by_another_thread(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
):
    """Where no heartbeat writes, many wake a thread; whoever asks a model never waits for it."""
    monkeypatch.setattr(calls, "FLUSH_AT", 20)
    with django_assert_num_queries(0):
        for _ in range(20):
            calls.record(call())
    until(lambda: InferenceCall.objects.count() == 20)
    until(lambda: "calls-flush" not in {found.name for found in threading.enumerate()})


def test_heartbeat_writes_what_its_process_asked(monkeypatch: pytest.MonkeyPatch):
    """Every beat."""

    class Over(Exception):
        pass

    def end(_seconds: float) -> None:
        raise Over

    calls.record(call(elapsed_ms=2.0))
    monkeypatch.setattr(worker, "time", SimpleNamespace(sleep=end, monotonic=time.monotonic))
    with pytest.raises(Over):
        worker._beat()

    assert InferenceCall.objects.get().elapsed_ms == 2
    assert InferenceTotal.objects.get().calls == 1


def test_forked_child_does_not_write_its_parents_calls():
    """A child starts with none, and the parent's are written once."""
    calls.record(call(elapsed_ms=1.0))
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            calls.record(call(elapsed_ms=2.0))
            calls.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert InferenceCall.objects.get().elapsed_ms == 2

    calls.flush()
    assert sorted(InferenceCall.objects.values_list("elapsed_ms", flat=True)) == [1, 2]


EXIT = """
import django
django.setup()
from enrichment import calls
from enrichment.inference.messages import Call

def ask(elapsed_ms):
    calls.record(
        Call(host="http://here", model="a", kind="chat", elapsed_ms=elapsed_ms, attempts=1)
    )

ask(1.0)
if "%s" == "process":
    from multiprocessing import get_context
    child = get_context("fork").Process(target=ask, args=[2.0])
    child.start()
    child.join()
"""


@pytest.mark.parametrize(("kind", "expected"), [("program", [1]), ("process", [1, 2])])
def test_calls_are_written_at_the_end(kind: str, expected: list[float], tmp_path: Path):
    """A program that ends writes its calls, and so does a process of multiprocessing its own."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
    }
    subprocess.run([sys.executable, "-c", EXIT % kind], env=env, cwd=ROOT, check=True)
    assert sorted(InferenceCall.objects.values_list("elapsed_ms", flat=True)) == expected
