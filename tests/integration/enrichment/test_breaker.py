"""A host that fails again and again is given up for a while, by all processes together."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from enrichment import hosts, tasks, worker
from enrichment.again import queue_again
from enrichment.breaker import MAX_FAILURES, Breaker
from enrichment.errors import (
    CircuitOpen,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
    InvalidReply,
    ModelMissing,
    QuestionRefused,
)
from enrichment.inference.messages import GenerateRequest
from enrichment.inference.ollama import OllamaClient
from enrichment.models import HostState, Reflection
from tests.conftest import TokenMaker
from tests.standin import Script, as_json, feeling

pytestmark = pytest.mark.usefixtures("databases")

URL = "http://10.0.0.1:11434"
LONGEST = timedelta(minutes=3)
LOADED = as_json({"model": "standin:1b", "response": "", "done": True, "done_reason": "load"})
FAILURES = [HostUnreachable("a"), HostBrokeOff("b"), HostBusy("c"), HostFailed("d")]


def circuit(url: str = URL) -> Breaker:
    return Breaker(url, longest=LONGEST)


def ask(error: InferenceError | None = None, url: str = URL) -> None:
    """Put a question to a host as any process does, and have it answered or failed."""
    with circuit(url).asking():
        if error:
            raise error


def fail(times: int) -> None:
    for number in range(times):
        with pytest.raises(InferenceError):
            ask(FAILURES[number % len(FAILURES)])


def wait_for_probe() -> None:
    HostState.objects.update(probe_at=timezone.now() - timedelta(seconds=1))


def test_host_that_failed_five_times_in_a_row_is_not_asked():
    """The sixth question is turned away at once, with the reason; other hosts are asked."""
    fail(MAX_FAILURES)

    with pytest.raises(CircuitOpen, match=rf"{URL} failed 5 times in a row \(HostUnreachable\)"):
        ask()
    ask(url="http://10.0.0.2:11434")


def test_answer_between_the_failures_starts_the_count_anew():
    """Only failures in a row count."""
    fail(MAX_FAILURES - 1)
    ask()
    fail(MAX_FAILURES - 1)

    ask()


@pytest.mark.parametrize(
    "error", [InvalidReply("odd"), ModelMissing("none"), QuestionRefused("400")]
)
def test_what_says_nothing_of_the_host_is_not_counted(error: InferenceError):
    """Who answers with garbage, lacks the model, or can't make anything of it, does answer."""
    for _ in range(MAX_FAILURES):
        with pytest.raises(type(error)):
            ask(error)

    ask()


def test_one_question_at_a_time_tries_a_host_again():
    """When it is due one is let through; the others are turned away until the next is due."""
    fail(MAX_FAILURES)
    wait_for_probe()

    with pytest.raises(HostBusy):
        ask(HostBusy("still"))
    with pytest.raises(CircuitOpen):
        ask()


def test_probe_that_hangs_keeps_the_others_out_until_it_must_be_over():
    """A host that takes questions and answers none holds up one of them, not one each 5 s."""
    fail(MAX_FAILURES)
    wait_for_probe()
    with time_machine.travel(timezone.now(), tick=False) as clock, circuit().asking():
        clock.shift(LONGEST - timedelta(seconds=1))
        with pytest.raises(CircuitOpen):
            ask()
        # The one that probes is given up: its process may have died.
        clock.shift(timedelta(seconds=2))
        ask()


def test_probe_that_is_answered_closes_the_circuit():
    """All are asked again from then on, and five new failures are needed to give up."""
    fail(MAX_FAILURES)
    wait_for_probe()
    ask()

    ask()
    fail(MAX_FAILURES - 1)
    ask()


def test_breaker_without_its_table_lets_every_question_through():
    """What only spares time never fails a job."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE enrichment_hoststate RENAME TO elsewhere")
    try:
        fail(MAX_FAILURES + 1)
        ask()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO enrichment_hoststate")


def the_client() -> OllamaClient:
    """Return the client of the one host in use."""
    (client,) = hosts.get_client().clients
    return client


def test_client_of_a_host_that_is_given_up_does_not_ask_it(model: Script):
    """The model gets no question, pages and monitors get the reason."""
    model.generate = lambda _body: (500, b"{}")
    client = hosts.get_client()
    for _ in range(MAX_FAILURES):
        with pytest.raises(HostFailed):
            client.generate(GenerateRequest(prompt="The writer feels"))

    with pytest.raises(CircuitOpen):
        client.generate(GenerateRequest(prompt="The writer feels"))

    assert len(model.questions("/api/generate")) == MAX_FAILURES
    assert "failed 5 times in a row" in hosts.health().trouble


def test_reflection_of_a_time_when_the_host_was_given_up_is_enriched_again(
    api: TokenMaker, model: Script
):
    """It gets marked fallbacks at once, and the model's answers when that is back."""
    HostState.objects.create(
        url=model.url,
        failures=MAX_FAILURES,
        last_error="HostBusy",
        opened_at=timezone.now(),
        probe_at=timezone.now() + timedelta(seconds=5),
    )
    api("enrich:run").post("/api/v1/reflections/", {"text": "I was so happy"}, format="json")
    tasks.run_next_job()
    reflection = Reflection.objects.get()
    assert reflection.enrich_again
    assert reflection.result_of(1).reason == "CircuitOpen"
    assert model.questions("/api/generate") == []

    wait_for_probe()
    worker.look_after_model(the_client(), loaded=True)
    queue_again()
    tasks.run_next_job()

    reflection = Reflection.objects.get()
    assert [reflection.result_of(stage).outcome for stage in (1, 2)] == ["model", "model"]
    assert not hosts.is_given_up(model.url)


def test_host_that_loads_but_does_not_infer_stays_given_up(model: Script):
    """Only an answer closes the circuit: a model that is loaded is loaded again in no time."""
    hosts.get_client()
    model.generate = lambda body: (500, b"{}") if body.get("prompt") else LOADED
    HostState.objects.create(
        url=model.url, failures=MAX_FAILURES, opened_at=timezone.now(), probe_at=timezone.now()
    )

    assert not worker.look_after_model(the_client(), loaded=False)
    assert hosts.is_given_up(model.url)

    model.generate = lambda _body: feeling({"hello": -0.1})
    wait_for_probe()
    assert worker.look_after_model(the_client(), loaded=False)
    assert not hosts.is_given_up(model.url)


def test_each_outage_is_told_once(model: Script, caplog):
    """A worker looks every two seconds; a log that repeats itself hides the rest."""
    loaded = worker.look_after_model(the_client(), loaded=None)
    model.generate = lambda _body: (500, b"{}")
    HostState.objects.create(
        url=model.url, failures=MAX_FAILURES, opened_at=timezone.now(), probe_at=timezone.now()
    )
    for number in range(4):
        loaded = worker.look_after_model(the_client(), loaded)
        if number % 2:
            wait_for_probe()

    assert caplog.text.count("No model yet") == 1


def test_trouble_of_any_kind_leaves_the_thread_alive(model: Script, monkeypatch, caplog):
    """What looks after the model for months does not end with one surprise."""
    monkeypatch.setattr("enrichment.hosts.is_given_up", lambda _url: 1 / 0)

    assert not worker.look_after_model(the_client(), loaded=False)
    assert "goes on" in caplog.text
