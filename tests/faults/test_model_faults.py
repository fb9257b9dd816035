"""A model that is away or lies never loses a reflection, and never passes for one that answered."""

import json
import threading

import pytest

from cachestats.models import CacheEntry
from enrichment import hosts, tasks
from enrichment.models import Reflection, StageResult, Status
from tests.conftest import TokenMaker
from tests.standin import WRITING, Script, as_json, feeling, written

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

URL = "/api/v1/reflections/"


def run(api: TokenMaker, text: str = "I was so happy to see my sister today") -> dict:
    client = api("enrich:run", "enrich:read")
    location = client.post(URL, {"text": text}, format="json")["Location"]
    tasks.run_next_job()
    return client.get(location).json()


def test_without_a_model_both_stages_are_marked_and_the_reflection_waits(api: TokenMaker):
    """Nothing answers: lexicon and human text, marked fallback, complete, to be enriched again."""
    body = run(api)

    assert body["status"] == Status.COMPLETE
    assert body["enrich_again"]
    for stage in ("stage1", "stage2"):
        assert body[stage]["outcome"] == "fallback"
        assert body[stage]["cache"] == "bypass"
        assert body[stage]["reason"] == "HostUnreachable"
    assert body["stage1"]["result"]["wheel"]["primary"] == "joyful"
    assert len(body["stage2"]["result"]["poem"]) == 3
    assert not CacheEntry.objects.exists()


def test_text_without_any_cue_stays_undetermined_without_a_model(api: TokenMaker):
    """A failure never looks like a finding: no cue and no model is no feeling."""
    body = run(api, "zyx qwv")

    assert body["stage1"]["result"]["undetermined"]
    assert body["stage2"]["outcome"] == "curated"


@pytest.mark.parametrize(
    "reply",
    [
        "Sure! Here is your poem:",
        json.dumps({**WRITING, "poem": ["Too short."]}),
        json.dumps({**WRITING, "closing_line": "You are worthless and it is all your fault."}),
        json.dumps(WRITING)[:-20],
        "",
    ],
)
def test_garbage_becomes_a_marked_fallback_and_the_raw_reply_is_kept(
    api: TokenMaker, model: Script, reply: str
):
    """After one retry a person's text stands in; the reply is kept for diagnosis and not cached."""
    model.chat = lambda _body: written(reply)

    body = run(api)

    assert body["status"] == Status.COMPLETE
    assert body["stage1"]["outcome"] == "model"
    assert body["stage2"]["outcome"] == "fallback"
    assert not body["enrich_again"]
    assert StageResult.objects.get(stage=2).raw_reply == reply
    assert len(model.questions("/api/chat")) == 2
    assert not CacheEntry.objects.filter(cache_type="stage2_enrichment").exists()


def test_retry_asks_with_another_seed(api: TokenMaker, model: Script):
    """The second try differs from the first, or it would repeat the invalid reply."""
    replies = iter(["garbage", json.dumps(WRITING)])
    model.chat = lambda _body: written(next(replies))

    body = run(api)

    assert body["stage2"]["outcome"] == "model"
    first, second = (body["options"]["seed"] for body in model.questions("/api/chat"))
    assert first != second


@pytest.mark.parametrize(
    "answer",
    [
        (500, b'{"error": "llama runner process has terminated"}'),
        (200, b"<html>It works!</html>"),
        (200, b'{"error": "out of memory"}'),
        (200, b'{"response": "happ'),
        (404, b'{"error": "model \'standin:1b\' not found"}'),
        as_json({"response": "happy", "done": False}),
        as_json({"response": "happy", "done": True, "logprobs": [{"top_logprobs": [{}]}]}),
    ],
)
def test_broken_answers_become_marked_fallbacks(api: TokenMaker, model: Script, answer):
    """Whatever a host sends instead of an answer, the reflection is completed and says so."""
    model.generate = model.chat = lambda _body: answer

    body = run(api)

    assert body["status"] == Status.COMPLETE
    assert body["stage1"]["outcome"] == body["stage2"]["outcome"] == "fallback"
    assert not CacheEntry.objects.exists()


def test_model_that_names_no_feeling_leaves_it_to_the_lexicon(api: TokenMaker, model: Script):
    """No synonym among the candidates: still the model's outcome, with a warning, and cached."""
    model.generate = lambda _body: feeling({"purple": -0.1})

    body = run(api)

    assert body["stage1"]["outcome"] == "model"
    assert body["stage1"]["result"]["warnings"]
    assert body["stage1"]["result"]["wheel"]["primary"] == "joyful"


def test_cached_answers_are_served_while_the_model_is_away(api: TokenMaker, model: Script):
    """Once a process has seen the model, a repeated text is a HIT although the host is down."""
    text = "I was so happy to see my sister today"
    run(api, text)
    model.generate = model.chat = lambda _body: (503, b"")

    response = api("enrich:run").post(URL, {"text": text}, format="json")

    assert response.status_code == 200
    assert response["X-Cache"] == "HIT"
    assert Reflection.objects.count() == 2


def test_job_waits_for_the_engine_that_is_loading(api: TokenMaker, model: Script, settings):
    """While `serve`'s engine loads a job waits, and then asks although nobody answered before."""
    url, settings.OLLAMA_HOST = settings.OLLAMA_HOST, "http://127.0.0.1:9"
    hosts.health()
    settings.ENGINE_STARTING_FILE.touch()

    def loaded() -> None:
        settings.OLLAMA_HOST = url
        settings.ENGINE_STARTING_FILE.unlink()

    timer = threading.Timer(0.3, loaded)
    timer.start()
    try:
        body = run(api)
    finally:
        timer.join()

    assert body["stage1"]["outcome"] == body["stage2"]["outcome"] == "model"
