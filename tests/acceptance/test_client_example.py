"""The Python client of docs/integration, as a web app's server uses it: against a running site."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from perfsite_client import NotFinished, Perfsite, PerfsiteError

from tests.engines import ROOT
from tests.sites import Site, running_site
from tests.standin import WRITING, Answer, Script, standin

SCOPES = ("enrich:run", "enrich:read")
POEM = WRITING["poem"][0]


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with standin() as served:
        yield served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Site]:
    """A site with one text for each feeling, so that the same again is the same."""
    folder = tmp_path_factory.mktemp("site")
    config = folder / "perf_config.json"
    config.write_text('{"inference": {"variants": 1}}')
    with running_site(folder, OLLAMA_HOST=script.url, PERF_CONFIG=str(config)) as started:
        yield started


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.token(*SCOPES)


@pytest.fixture
def perfsite(site: Site, token: str) -> Iterator[Perfsite]:
    with Perfsite(site.url, token) as client:
        yield client


@pytest.fixture
def held(script: Script) -> Iterator[threading.Event]:
    """A model that reads no feeling before the event is set."""
    event, usual = threading.Event(), script.generate

    def late(body: dict[str, Any]) -> Answer:
        event.wait(60)
        return usual(body)

    script.generate = late
    yield event
    event.set()
    script.generate = usual


def run(site: Site, token: str, text: str) -> str:
    """Run the file as a program, as a developer tries it first, and return what it prints."""
    env = {**os.environ, "PERFSITE_URL": site.url, "PERFSITE_TOKEN": token}
    command = [sys.executable, "docs/integration/perfsite_client.py", text]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_program_prints_feeling_and_poem_and_how_the_cache_took_part(site: Site, token: str):
    """Missed the first time, hit the second, and otherwise the same."""
    cold = run(site, token, "I'm feeling grateful for my sister today")
    warm = run(site, token, "I'm feeling grateful for my sister today")

    assert "Feeling: joyful (miss)" in cold
    assert POEM in cold
    assert "(model, miss)" in cold
    assert warm == cold.replace("miss)", "hit)")


def test_program_prints_help_lines_before_all_else(site: Site, token: str):
    """Of a text that shows danger the first line tells where to call, and there is no poem."""
    printed = run(site, token, "I want to kill myself")

    assert printed.startswith(("Call ", "Text "))
    assert "(safety, " in printed
    assert POEM not in printed


def test_reflection_is_submitted_waited_for_read_and_forgotten(perfsite: Perfsite):
    """The way of most: what is waited for is what is read; what was deleted is 404."""
    submitted = perfsite.submit("I am grateful for my garden", owner="user-17")

    finished = perfsite.wait(submitted)
    read = perfsite.read(submitted["id"])
    perfsite.delete(submitted["id"])

    assert finished["status"] == "complete"
    assert finished["stage1"]["result"]["wheel"]["primary"] == "joyful"
    assert finished["stage2"]["result"]["poem"] == WRITING["poem"]
    assert (read["owner"], read["stage2"]) == ("user-17", finished["stage2"])
    with pytest.raises(PerfsiteError) as failure:
        perfsite.read(submitted["id"])
    assert failure.value.status == 404


def test_submission_that_waits_comes_back_finished(perfsite: Perfsite):
    """With `wait_seconds` one request does it all."""
    assert perfsite.submit("A quiet hour with tea", wait_seconds=30)["status"] == "complete"


def test_key_of_the_program_makes_one_reflection(perfsite: Perfsite):
    """The same key and body is the same reflection, another body an error."""
    first = perfsite.submit("We baked bread", idempotency_key="entry-4711")
    again = perfsite.submit("We baked bread", idempotency_key="entry-4711")

    assert again["id"] == first["id"]
    with pytest.raises(PerfsiteError) as failure:
        perfsite.submit("We baked cake", idempotency_key="entry-4711")
    assert failure.value.status == 422


def test_wrong_field_is_named(perfsite: Perfsite):
    """The error says which field is wrong and what is accepted; the text stands in it nowhere."""
    with pytest.raises(PerfsiteError) as failure:
        perfsite.submit("Rain all day", timezone="Mars/Olympus")

    assert failure.value.status == 400
    ((field, message),) = failure.value.errors
    assert field == "timezone"
    assert "IANA" in message
    assert "Rain" not in str(failure.value)


def test_listing_goes_over_all_pages(perfsite: Perfsite):
    """However small the pages are, each reflection comes once, newest first."""
    made = [perfsite.submit(f"Day {day} at the lake", owner="lister")["id"] for day in range(3)]

    listed = [found["id"] for found in perfsite.reflections(owner="lister", page_size="1")]

    assert listed == made[::-1]


def test_work_is_waited_for_cancelled_and_retried(perfsite: Perfsite, held: threading.Event):
    """While the model is at it: not finished in time, then cancelled, then done after all."""
    submitted = perfsite.submit("The train was late again")

    with pytest.raises(NotFinished):
        perfsite.wait(submitted, timeout_seconds=1)
    cancelled = perfsite.cancel(submitted["id"])
    held.set()
    queued = perfsite.retry(submitted["id"])

    assert cancelled["status"] == "cancelled"
    assert perfsite.wait(queued)["status"] == "complete"


def test_cancelling_what_is_finished_is_a_conflict(perfsite: Perfsite):
    """It is no 409 of a key at work: nobody waits for it to pass."""
    finished = perfsite.submit("Soup for lunch", wait_seconds=30)

    with pytest.raises(PerfsiteError) as failure:
        perfsite.cancel(finished["id"])

    assert (failure.value.status, failure.value.retry_after) == (409, None)
