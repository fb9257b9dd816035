"""Warm-ups over the API: asked for, carried out by a worker, and never in anybody's way."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from cachestats.config.current import forget as forget_config
from cachestats.models import CacheEntry, EntryUse
from enrichment import jobs, services, tasks, warm_ups, warming, worker
from enrichment.models import Reflection, WarmUp
from enrichment.models.jobs import Priority
from tests.conftest import TokenMaker
from tests.queues import until
from tests.standin import Script, feeling

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

URL = "/api/v1/cache/warm/"
TEXT = "I'm feeling grateful for my sister today"


@pytest.fixture
def client(api: TokenMaker) -> APIClient:
    return api("cache:purge", "cache:read")


@pytest.fixture
def lost(api: TokenMaker, model: Script) -> None:
    """Both stages of a text were hit, and their time is over."""
    web = api("enrich:run")
    for _ in range(2):
        web.post("/api/v1/reflections/", {"text": TEXT}, format="json")
        while job := jobs.claim():
            services.run_job(job)
    get_cache().flush()
    CacheEntry.objects.update(expires_ms=1)
    EntryUse.objects.update(expires_ms=1)
    model.asked.clear()


def somebody_waits() -> None:
    now = timezone.now()
    reflection = Reflection.objects.create(text="I cried all day", key_scope="site", timestamp=now)
    jobs.create(reflection, priority=Priority.BULK)


def test_warm_is_accepted_and_left_to_a_worker(client: APIClient, lost: None, model: Script):
    """The request asks no model; the next worker that finds no job does."""
    answer = client.post(URL, {"limit": 7, "concurrency": 2}, format="json")

    assert answer.status_code == 202
    run = answer.json()
    assert answer["Location"] == f"{URL}{run['id']}/"
    assert (run["state"], run["limit"], run["concurrency"]) == ("waiting", 7, 2)
    assert not model.asked

    tasks.run_next_job()

    run = client.get(answer["Location"]).json()
    assert (run["state"], run["computed"], run["predicted_hits"]) == ("done", 2, 2)
    assert run["ended_at"] > run["created_at"]
    assert client.get(URL).json() == {"results": [run]}


def test_warm_without_a_body_has_the_commands_limit(client: APIClient):
    """As warm_cache without a word."""
    assert client.post(URL).json()["limit"] == warm_ups.LOST_LIMIT


def test_warm_takes_null_for_a_number_that_is_absent(client: APIClient):
    """As all bodies do."""
    run = client.post(URL, {"limit": None, "concurrency": None}, format="json").json()
    assert (run["limit"], run["concurrency"]) == (warm_ups.LOST_LIMIT, 1)


def test_warm_says_what_is_accepted(client: APIClient):
    """Long numbers have commas, as everywhere."""
    answer = client.post(URL, {"limit": 0}, format="json")
    assert answer.json()["errors"][0]["message"] == "must be a whole number, 1 to 10,000"


def test_warm_asks_for_no_more_than_the_limit(client: APIClient, lost: None):
    """Worth most first."""
    client.post(URL, {"limit": 1}, format="json")
    tasks.run_next_job()
    assert client.get(URL).json()["results"][0]["computed"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(({"limit": wrong}, "limit") for wrong in (0, 10_001, "5", True, 1.5)),
        *(({"concurrency": wrong}, "concurrency") for wrong in (0, 17, "1")),
        ({"file": "texts.txt"}, "file"),
    ],
)
def test_warm_wrong_field_is_named(client: APIClient, body: dict, field: str):
    """With what is accepted, and nothing is begun."""
    answer = client.post(URL, body, format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not WarmUp.objects.exists()


def test_second_warm_is_409_with_the_first(client: APIClient, lost: None):
    """While it waits, and while it is at work; once it has ended another is accepted."""
    first = client.post(URL).json()
    for _ in range(2):
        refused = client.post(URL)
        assert refused.status_code == 409
        assert str(first["id"]) in refused.json()["detail"]
        assert refused["Location"] == f"{URL}{first['id']}/"
        warm_ups.claim()
    WarmUp.objects.update(ended="done")
    assert client.post(URL).status_code == 202


def test_of_requests_at_once_one_is_accepted(client: APIClient, databases: None):
    """Whoever is first, in whatever process: the database holds it."""
    answered: list[int] = []
    together = threading.Barrier(6)

    def ask() -> None:
        together.wait()
        try:
            answered.append(client.post(URL).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answered) == [202, *[409] * 5]
    assert WarmUp.objects.count() == 1


def test_warm_waits_while_somebody_does(client: APIClient, lost: None, model: Script):
    """It stays in the queue, and its ticket with it; once nobody waits it is worked on."""
    client.post(URL)
    somebody_waits()
    assert warm_ups.claim() is None
    assert warm_ups.claimable() == 0
    while job := jobs.claim():
        services.run_job(job)
    assert warm_ups.claimable() == 1
    tasks.run_next_job()
    assert client.get(URL).json()["results"][0]["state"] == "done"


def test_worker_that_did_jobs_leaves_the_warm_up_to_another_ticket(client: APIClient, lost: None):
    """A long job and a warm-up after it could outlast the queue's time-out."""
    client.post(URL)
    somebody_waits()
    tasks.run_next_job()
    assert client.get(URL).json()["results"][0]["state"] == "waiting"
    tasks.run_next_job()
    assert client.get(URL).json()["results"][0]["state"] == "done"


def test_lost_ticket_is_issued_again(client: APIClient, databases: None):
    """By the heartbeat, as of jobs; and never more than one."""
    client.post(URL)
    assert jobs.top_up_tickets(warm_ups.claimable()) == 0
    jobs.get_broker().purge_queue()
    assert jobs.top_up_tickets(warm_ups.claimable()) == 1
    assert jobs.top_up_tickets(warm_ups.claimable()) == 0


def held_up(model: Script) -> tuple[threading.Event, threading.Event]:
    """Have the model not answer; return what says that it was asked, and what lets it go on."""
    asked, go_on = threading.Event(), threading.Event()

    def generate(_body: dict):
        asked.set()
        go_on.wait(20)
        return feeling({"grateful": -0.5})

    model.generate = generate
    return asked, go_on


@pytest.mark.parametrize("state", ["people", "interrupted"])
def test_warm_breaks_off_in_the_middle_of_a_question(
    client: APIClient,
    lost: None,
    model: Script,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
):
    """When somebody comes, or the worker is to end; the model is not waited for."""
    ending = threading.Event()
    monkeypatch.setattr(worker, "is_ending", ending.is_set)
    happens = {"people": somebody_waits, "interrupted": ending.set}[state]
    asked, go_on = held_up(model)
    client.post(URL)

    def act() -> None:
        asked.wait(20)
        happens()
        connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    tasks.run_next_job()
    thread.join()

    assert not go_on.is_set()
    go_on.set()
    run = client.get(URL).json()["results"][0]
    assert (run["state"], run["computed"]) == (state, 0)


def test_warm_ends_when_its_time_is_over(
    client: APIClient, lost: None, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """Also in the middle of a question: the queue kills a worker that takes too long."""
    monkeypatch.setattr(warming, "LONGEST_SECONDS", 0.0)
    _, go_on = held_up(model)
    client.post(URL)
    tasks.run_next_job()
    go_on.set()
    assert client.get(URL).json()["results"][0]["state"] == "time"


def test_planning_ends_when_somebody_comes(
    client: APIClient, lost: None, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """What was lost may take long to look up."""
    client.post(URL)
    run = warm_ups.claim()
    somebody_waits()
    warming.work_on(run, interrupted=lambda: False)
    assert client.get(URL).json()["results"][0]["state"] == "people"
    assert not model.questions("/api/generate")


def test_killed_warm_up_is_seen_to_be_interrupted(client: APIClient, lost: None):
    """Its lease runs out, and then it is in nobody's way."""
    run = client.post(URL).json()
    warm_ups.claim()
    assert client.get(f"{URL}{run['id']}/").json()["state"] == "working"

    WarmUp.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert client.get(f"{URL}{run['id']}/").json()["state"] == "interrupted"
    assert client.post(URL).status_code == 202
    assert WarmUp.objects.get(pk=run["id"]).ended == "interrupted"


def test_warm_up_whose_worker_died_is_interrupted_at_once(client: APIClient, lost: None):
    """That of another worker is left alone."""
    address = f"{URL}{client.post(URL).json()['id']}/"
    warm_ups.claim()

    assert warm_ups.release(["elsewhere:1"], charged=True) == 0
    assert client.get(address).json()["state"] == "working"
    assert warm_ups.release([jobs.worker_name()], charged=True) == 1
    assert client.get(address).json()["state"] == "interrupted"


def test_warm_up_whose_worker_fell_with_another_waits_for_the_next(client: APIClient, lost: None):
    """It had no part in the death; whoever comes then takes it."""
    address = f"{URL}{client.post(URL).json()['id']}/"
    warm_ups.claim()

    assert warm_ups.release([jobs.worker_name()], charged=False) == 1
    assert client.get(address).json()["state"] == "waiting"
    tasks.run_next_job()
    assert client.get(address).json()["state"] == "done"


@pytest.mark.parametrize("left", [["given up"], []], ids=["ended", "deleted"])
def test_warm_up_that_was_given_up_writes_no_end(
    client: APIClient, lost: None, model: Script, left: list[str]
):
    """What others wrote meanwhile stands, and what they deleted stays away."""

    def generate(_body: dict):
        WarmUp.objects.update(ended="interrupted", trouble="given up")
        if not left:
            WarmUp.objects.all().delete()
        connections.close_all()
        return feeling({"grateful": -0.5})

    model.generate = generate
    client.post(URL)
    tasks.run_next_job()
    assert list(WarmUp.objects.values_list("trouble", flat=True)) == left
    assert not WarmUp.objects.exclude(ended="interrupted").exists()


def test_warm_up_at_work_keeps_its_lease(
    client: APIClient, lost: None, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """However long an answer takes; and who lost it all the same goes no further."""
    monkeypatch.setattr(warming, "RENEW_SECONDS", 0.0)
    monkeypatch.setattr(warming, "WATCH_SECONDS", 0.05)
    asked, go_on = held_up(model)
    client.post(URL)
    seen = []

    def act() -> None:
        asked.wait(20)
        before = timezone.now()
        WarmUp.objects.update(lease_until=before)
        until(lambda: WarmUp.objects.get().lease_until > before)
        seen.append(client.get(URL).json()["results"][0]["state"])
        WarmUp.objects.update(ended="interrupted")
        connections.close_all()

    thread = threading.Thread(target=act)
    thread.start()
    tasks.run_next_job()
    thread.join()
    go_on.set()
    assert seen == ["working"]
    assert client.get(URL).json()["results"][0]["state"] == "interrupted"


@pytest.mark.parametrize("gone", ["model", "cache"])
def test_warm_that_cannot_work_says_why(
    client: APIClient, settings: Settings, gone: str, request: pytest.FixtureRequest
):
    """In its own row: nobody is there to be told at once."""
    if gone == "cache":
        request.getfixturevalue("model")
        settings.PERF_CONFIG.write_text('{"caching": {"enabled": false}}')
        forget_config()
    client.post(URL)
    tasks.run_next_job()
    run = client.get(URL).json()["results"][0]
    assert run["state"] == {"model": "model", "cache": "not_kept"}[gone]
    assert run["trouble"].startswith({"model": "nothing answers at", "cache": "The cache is"}[gone])
    assert client.post(URL).status_code == 202


def test_warm_that_meets_a_fault_ends_as_failed(
    client: APIClient, lost: None, monkeypatch: pytest.MonkeyPatch, caplog
):
    """Its kind is told, its words are not; the worker goes on."""

    def broken(*_args: object) -> None:
        raise ValueError("zyxgrobble")

    client.post(URL)
    monkeypatch.setattr(warming, "plan_lost", broken)
    tasks.run_next_job()
    run = client.get(URL).json()["results"][0]
    assert (run["state"], run["trouble"]) == ("failed", "ValueError")
    assert "A warm-up failed" in caplog.text


@pytest.mark.parametrize("run_id", ["0", "999", "9" * 40, "-1", "x"])
def test_unknown_warm_up_is_404(client: APIClient, run_id: str):
    """Whatever stands in the address."""
    assert client.get(f"{URL}{run_id}/").status_code == 404


def test_warming_needs_its_scopes(api: TokenMaker):
    """Reading does not warm, warming does not read."""
    reader, purger = api("cache:read"), api("cache:purge")
    assert reader.post(URL).status_code == 403
    assert purger.get(URL).status_code == purger.get(f"{URL}1/").status_code == 403
    assert APIClient().post(URL).status_code == 401
    assert not WarmUp.objects.exists()
