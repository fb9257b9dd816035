"""Two hosts in one pool, one of which fails, under a real site's services."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from enrichment import hosts, tasks, worker
from enrichment.models import HostState, Reflection, WorkerHeartbeat
from enrichment.stages.answers import Outcome
from tests.conftest import TokenMaker
from tests.queues import until
from tests.standin import BREAKS_OFF, MODEL, Script, as_json, standin

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

# So many that each host is the better one for some, whatever its port.
TEXTS = [f"I was so happy that day number {number} came" for number in range(16)]


@dataclass
class TwoHosts:
    """Both hosts of a pool; `stop` takes the second away."""

    first: Script
    second: Script

    @property
    def questions(self) -> tuple[int, int]:
        return tuple(
            len(script.questions("/api/generate")) + len(script.questions("/api/chat"))
            for script in (self.first, self.second)
        )


@pytest.fixture
def two(settings: Settings) -> Iterator[TwoHosts]:
    with standin() as first, standin() as second:
        settings.OLLAMA_HOST = f"{first.url},{second.url}"
        hosts.forget_client()
        yield TwoHosts(first, second)


def enrich(api: TokenMaker, texts: list[str]) -> list[list[str]]:
    """Submit and work on texts; return the outcomes of both stages of each."""
    client = api("enrich:run")
    for text in texts:
        client.post("/api/v1/reflections/", {"text": text}, format="json")
        tasks.run_next_job()
    reflections = Reflection.objects.with_parts().filter(text__in=texts).order_by("created_at")
    return [[result.outcome for result in reflection.results.all()] for reflection in reflections]


def test_work_is_shared_by_both_hosts(api: TokenMaker, two: TwoHosts) -> None:
    """Each text is read by one host alone, and each host has its share of the texts."""
    assert enrich(api, TEXTS) == [[Outcome.MODEL] * 2] * len(TEXTS)
    asked = [
        {question["prompt"].partition("\n")[0] for question in script.questions("/api/generate")}
        for script in (two.first, two.second)
    ]
    assert all(asked)
    assert asked[0].isdisjoint(asked[1])


@pytest.mark.parametrize("trouble", ["busy", "refused"])
def test_reflections_are_enriched_while_one_host_takes_no_questions(
    api: TokenMaker, two: TwoHosts, settings: Settings, trouble: str
) -> None:
    """Every reflection gets the model's answers from the host that is left."""
    if trouble == "busy":
        two.first.generate = two.first.chat = lambda _body: (503, b"")
        assert enrich(api, TEXTS) == [[Outcome.MODEL] * 2] * len(TEXTS)
    else:
        with standin() as gone:
            pass
        settings.OLLAMA_HOST = f"{gone.url},{two.second.url}"
        hosts.forget_client()
        assert enrich(api, TEXTS) == [[Outcome.MODEL] * 2] * len(TEXTS)
    assert hosts.health().ok
    assert hosts.health().trouble or trouble == "busy"


def test_host_that_dies_mid_stream_costs_its_own_answer_alone(
    api: TokenMaker, two: TwoHosts
) -> None:
    """What it was asked is a marked fallback to be done again; it is given up, the rest goes on."""
    two.first.generate = two.first.chat = lambda _body: (BREAKS_OFF, b'{"response": "hap')
    found = enrich(api, TEXTS)
    assert [Outcome.MODEL] * 2 in found
    marked = Reflection.objects.filter(enrich_again=True).count()
    fallbacks = sum(Outcome.FALLBACK in outcomes for outcomes in found)
    assert marked == fallbacks > 0


def test_host_with_another_version_of_the_model_is_named_and_not_asked(
    api: TokenMaker, two: TwoHosts
) -> None:
    """Its answers would be filed under a model that did not give them."""
    before = two.second.answer

    def another(path: str, body: dict[str, object]) -> tuple[int, bytes]:
        if path == "/api/tags":
            return as_json({"models": [{"name": MODEL, "digest": "b" * 64}]})
        return before(path, body)

    two.second.answer = another  # type: ignore[method-assign]
    assert enrich(api, TEXTS) == [[Outcome.MODEL] * 2] * len(TEXTS)
    assert two.questions[1] == 0
    health = hosts.health()
    assert health.ok
    assert f"ollama pull {MODEL}" in health.trouble
    assert two.second.url in health.trouble


def beginnings(script: Script) -> list[str]:
    """Return the last words of what a worker had a host read before any job."""
    chats = [body["messages"][-1]["content"] for body in script.questions("/api/chat")]
    return chats + [
        body["prompt"] for body in script.questions("/api/generate") if "prompt" in body
    ]


def test_worker_loads_and_primes_a_host(two: TwoHosts) -> None:
    """Before the first job it has the model, and in its prompt cache what both stages begin with;
    Stage 1's last, because it is asked first.
    """
    assert worker.look_after_model(hosts.get_client().clients[0], None)
    asked = [path for path, _ in two.first.asked if path in {"/api/generate", "/api/chat"}]
    assert asked == ["/api/generate", "/api/chat", "/api/generate"]
    assert "prompt" not in two.first.questions("/api/generate")[0]
    assert beginnings(two.first) == ["Feeling: ", 'Diary: "']


def test_host_that_hangs_keeps_no_other_from_being_primed(two: TwoHosts) -> None:
    """Each host is looked after beside the others."""
    stop, release = threading.Event(), threading.Event()
    answer = two.first.generate
    two.first.generate = lambda body: (release.wait(20), answer(body))[1]
    thread = threading.Thread(target=worker.keep_models, args=(stop,), daemon=True)
    thread.start()
    try:
        until(lambda: len(beginnings(two.second)) == 2)
        assert beginnings(two.first) == []
    finally:
        release.set()
        stop.set()
        thread.join()


def test_host_that_was_away_is_primed_again_and_a_slow_one_is_not(settings: Settings) -> None:
    """A restart forgets the prompt cache; a host that only takes its time is at work."""
    with standin() as script:
        settings.OLLAMA_HOST = script.url
        hosts.forget_client()
        (client,) = hosts.get_client().clients
        assert worker.look_after_model(client, None)
    assert not worker.look_after_model(client, loaded=True)
    script.asked.clear()
    with standin(script, port=int(script.url.rpartition(":")[2])):
        assert worker.look_after_model(client, loaded=False)
        assert beginnings(script) == ["Feeling: ", 'Diary: "']

        script.asked.clear()
        before = script.answer
        script.answer = lambda path, body: (  # type: ignore[method-assign]
            (503, b"") if path == "/api/version" else before(path, body)
        )
        assert worker.look_after_model(client, loaded=True)
        assert beginnings(script) == []


def test_pool_whose_wanted_model_nobody_gives_is_not_well(two: TwoHosts) -> None:
    """The first host is given up and the second has another model: no question would be answered,
    so nothing is tried again in vain.
    """
    before = two.second.answer
    other = as_json({"models": [{"name": MODEL, "digest": "b" * 64}]})
    two.second.answer = lambda path, body: (  # type: ignore[method-assign]
        other if path == "/api/tags" else before(path, body)
    )
    HostState.objects.create(
        url=two.first.url,
        failures=5,
        opened_at=timezone.now(),
        probe_at=timezone.now() + timedelta(seconds=5),
    )
    health = hosts.health()
    assert not health.ok
    assert two.second.url in health.trouble
    assert two.first.url in health.trouble


def test_host_that_is_away_is_named_to_people_and_monitors(
    client: Client, person: User, settings: Settings, two: TwoHosts
) -> None:
    """The page says which host does not work and that the others do; readiness is degraded."""
    with standin() as gone:
        pass
    settings.OLLAMA_HOST = f"{two.first.url},{gone.url}"
    hosts.forget_client()
    WorkerHeartbeat.objects.create(name="host:1", at=timezone.now())
    client.force_login(person)

    page = client.get("/").content.decode()
    ready = client.get("/readyz")

    assert "Not every host is in use" in page
    assert gone.url in page
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert gone.url in ready.json()["checks"]["model"]
