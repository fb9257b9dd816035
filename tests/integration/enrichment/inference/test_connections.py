"""A client's connections to its host end with it, and no sooner."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from cachestats.config import Config
from enrichment.hosts import client_settings
from enrichment.inference.messages import GenerateRequest
from enrichment.inference.ollama import OllamaClient
from tests.queues import Model, until
from tests.standin import standin

QUESTION = GenerateRequest(prompt="How are you?")


@pytest.fixture
def model() -> Iterator[Model]:
    """A scripted model; meanwhile no garbage is collected."""
    gc.disable()
    try:
        with standin() as script:
            yield Model(script)
    finally:
        gc.enable()


def client_of(model: Model) -> OllamaClient:
    return OllamaClient(model.script.url, client_settings(Config()))


def connections(model: Model) -> int:
    """Return how many connections this process holds to a model."""
    port = int(model.script.url.rpartition(":")[2])
    held = psutil.Process().net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr.port == port for one in held)


def test_connections_of_a_client_that_nobody_uses_any_more_are_closed(model: Model) -> None:
    """Each change of the tuning has a new client made: the former leave nothing open."""
    client = client_of(model)
    client.generate(QUESTION)
    assert connections(model) > 0
    del client
    assert connections(model) == 0


def test_question_that_is_being_asked_outlives_the_last_other_use_of_its_client(
    model: Model,
) -> None:
    """Who asked before the tuning changed gets the answer."""
    client = client_of(model)
    model.let_through.clear()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.generate, QUESTION)
        until(lambda: model.times_asked("How are you?") > 0)
        del client
        model.let_through.set()
        assert asked.result().text.strip()
