"""`?wait=` on submissions and on one reflection: the answer comes with the result."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import Settings
from rest_framework.test import APIClient

from enrichment import jobs, tasks
from enrichment.api import waiting
from enrichment.models import Reflection
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
TEXT = "I'm feeling grateful for my sister today"
RUN_AND_READ = ("enrich:run", "enrich:read")
# Of what comes much sooner than a wait ends; reached by a test that fails alone.
PATIENCE_SECONDS = 20

Ask = Callable[..., "Future[Any]"]


@pytest.fixture(autouse=True)
def threads(settings: Settings) -> None:
    settings.WEB_THREADS = 4


@pytest.fixture
def client(api: TokenMaker) -> APIClient:
    return api(*RUN_AND_READ, owner="ada")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts the looks of who waits, but for the first."""
    looks, ending = threading.Semaphore(0), threading.Event()

    class Ending:
        def wait(self, seconds: float) -> bool:
            looks.release()
            # A test that fails ends the waits of its threads.
            return ending.wait(seconds)

    monkeypatch.setattr(waiting, "_ending", Ending())
    yield looks
    ending.set()


@pytest.fixture
def ask(looked: threading.Semaphore) -> Iterator[Ask]:
    """Sends a request from another thread, as a server's; returns once it waits."""

    def in_a_thread(request: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return request(*args, **kwargs)
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:

        def send(request: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
            sent = pool.submit(in_a_thread, request, *args, **kwargs)
            assert looked.acquire(timeout=PATIENCE_SECONDS)
            return sent

        yield send


def submit(client: APIClient, query: str = "", text: str = TEXT):
    return client.post(f"{URL}{query}", {"text": text}, format="json")


def test_submission_that_waits_is_answered_with_the_result(client: APIClient, model, ask: Ask):
    """200 with both stages, as if they had been cached."""
    sent = ask(submit, client, "?wait=30")

    tasks.run_next_job()

    response = sent.result(PATIENCE_SECONDS)
    assert (response.status_code, response.json()["status"]) == (200, "complete")
    assert response.json()["stage2"]["outcome"] == "model"
    assert response["Location"] == f"{URL}{response.json()['id']}/"
    assert "Retry-After" not in response


def test_submission_that_is_not_finished_in_time_is_accepted(client: APIClient, model: Script):
    """202 as without waiting, with when to come again."""
    response = submit(client, "?wait=1")

    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert int(response["Retry-After"]) > 0


def test_reader_that_waits_is_answered_once_it_is_finished(client: APIClient, model, ask: Ask):
    """Also where that is no success; one that is finished is answered at once."""
    place = submit(client)["Location"]
    reading = ask(client.get, f"{place}?wait=30")

    client.post(f"{place}cancel/")

    assert reading.result(PATIENCE_SECONDS).json()["status"] == "cancelled"
    assert client.get(f"{place}?wait=30").json()["status"] == "cancelled"


def test_reader_with_a_tag_waits_for_whatever_is_new(client: APIClient, model: Script, ask: Ask):
    """With If-None-Match the first change ends the wait; without any it is 304 after its time."""
    place = submit(client)["Location"]
    known = {"If-None-Match": client.get(place)["ETag"]}
    reading = ask(client.get, f"{place}?wait=30", headers=known)

    jobs.claim()

    response = reading.result(PATIENCE_SECONDS)
    assert (response.status_code, response.json()["status"]) == (200, "stage1_running")
    assert int(response["Retry-After"]) > 0
    known = {"If-None-Match": response["ETag"]}
    assert client.get(f"{place}?wait=1", headers=known).status_code == 304


@pytest.mark.parametrize("who", ["submits", "reads"])
def test_reflection_that_is_deleted_meanwhile_is_not_found(client, model, ask: Ask, who: str):
    """Whoever waits for it learns that it is gone."""
    if who == "submits":
        sent = ask(submit, client, "?wait=30")
        place = f"{URL}{Reflection.objects.get().pk}/"
    else:
        place = submit(client)["Location"]
        sent = ask(client.get, f"{place}?wait=30")

    assert client.delete(place).status_code == 204

    response = sent.result(PATIENCE_SECONDS)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_others_are_answered_at_once_when_half_of_the_threads_wait(client, model, ask: Ask):
    """The third of four threads gets what there is: 202, or the reflection as it is."""
    waiters = [ask(submit, client, "?wait=30", text=f"Day {number}") for number in range(2)]

    late = submit(client, "?wait=30", text="Another day")
    read = client.get(f"{late['Location']}?wait=30")

    assert late.status_code == 202
    assert read.json()["status"] == "queued"
    assert not any(waiter.done() for waiter in waiters)
    tasks.run_next_job()
    assert [waiter.result(PATIENCE_SECONDS).status_code for waiter in waiters] == [200, 200]


def test_who_waits_is_in_nobodys_way(client: APIClient, model: Script, ask: Ask, looked):
    """Between its looks it has no transaction open: the log is emptied whole under its eyes."""
    place = submit(client)["Location"]
    reading = ask(client.get, f"{place}?wait=30")
    for _ in range(3):
        assert looked.acquire(timeout=PATIENCE_SECONDS)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            blocked, *_rest = cursor.fetchone()
        assert not blocked

    tasks.run_next_job()
    assert reading.result(PATIENCE_SECONDS).json()["status"] == "complete"


@pytest.mark.parametrize("wait", ["", "-1", "31", "1.5", "soon", "5&wait=5", "%2B5"])
def test_wrong_wait_is_refused_before_anything_is_done(client: APIClient, model, wait: str):
    """400 with the name of the parameter and what is accepted; nothing is stored."""
    place = submit(client)["Location"]

    for response in (submit(client, f"?wait={wait}"), client.get(f"{place}?wait={wait}")):
        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error["field"] == "wait"
    assert Reflection.objects.count() == 1


def test_unknown_parameter_is_refused(client: APIClient, model: Script):
    """A slip of the pen is told, not passed over."""
    place = submit(client)["Location"]

    for response in (submit(client, "?wiat=5"), client.get(f"{place}?wiat=5")):
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "wiat"
