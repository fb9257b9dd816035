"""ETag and 304: a reflection is sent again only when there is something new in it."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from cachestats.services import PurgeFilter, purge
from enrichment import hosts, jobs, services, tasks
from enrichment.again import queue_again
from enrichment.models import Job, Reflection
from tests.conftest import TokenMaker
from tests.seeing import submit as seeing_submit
from tests.seeing import work
from tests.standin import Script, as_json

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
TEXT = "I'm feeling grateful for my sister today"
RUN_AND_READ = ("enrich:run", "enrich:read")


@pytest.fixture(autouse=True)
def hasty(settings: Settings, tmp_path: Path) -> None:
    """A model that is away is not asked twice."""
    settings.PERF_CONFIG = tmp_path / "perf_config.json"
    settings.PERF_CONFIG.write_text('{"networking": {"retry_attempts": 0}}')


@pytest.fixture
def client(api: TokenMaker) -> APIClient:
    return api(*RUN_AND_READ, owner="ada")


def submit(client: APIClient, text: str = TEXT) -> str:
    return client.post(URL, {"text": text}, format="json")["Location"]


def unless(client: APIClient, place: str, *tags: str):
    return client.get(place, headers={"If-None-Match": ", ".join(tags)})


def content(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a tag stands for: all but history and clock."""
    first = body["stage1"] and {
        name: value for name, value in body["stage1"].items() if name not in {"context", "remarks"}
    }
    return {**body, "stage1": first}


def test_what_did_not_change_is_not_sent_again(client: APIClient, model: Script):
    """304 has no body, the same tag and who may keep it; while work goes on, when to come again."""
    place = submit(client)
    waiting = client.get(place)

    same = unless(client, place, waiting["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert same["ETag"] == waiting["ETag"]
    assert same["Cache-Control"] == waiting["Cache-Control"] == "private, no-store"
    assert same["Retry-After"] == waiting["Retry-After"]

    tasks.run_next_job()
    finished = unless(client, place, waiting["ETag"])

    assert (finished.status_code, finished.json()["status"]) == (200, "complete")
    assert finished["ETag"] != waiting["ETag"]
    done = unless(client, place, finished["ETag"])
    assert done.status_code == 304
    assert "Retry-After" not in finished
    assert "Retry-After" not in done


def test_tag_is_weak_and_compared_weakly_among_several(client: APIClient, model: Script):
    """One of several is enough, with W/ or without; `*` is any; what is no tag is none."""
    place = submit(client)
    tag = client.get(place)["ETag"]

    assert tag.startswith('W/"')
    for known in ([tag], ['"x"', tag], [tag.removeprefix("W/"), 'W/"y"'], ["*"]):
        assert unless(client, place, *known).status_code == 304
    for other in ('"x"', 'W/"x"', tag.strip('W/"'), "", "nothing, at all"):
        assert unless(client, place, other).status_code == 200


def test_head_is_get_without_a_body(client: APIClient, model: Script):
    """The tag can be asked for alone, and on condition."""
    place = submit(client)
    tag = client.get(place)["ETag"]

    head = client.head(place)

    assert (head.status_code, head.content, head["ETag"]) == (200, b"", tag)
    assert client.head(place, headers={"If-None-Match": tag}).status_code == 304


def test_every_answer_that_shows_it_has_the_tag_of_a_reading(client: APIClient, model: Script):
    """Whoever submits, sends again, cancels or retries need not read to learn the tag."""

    def has_the_tag(answer: Any, status: int) -> None:
        assert answer.status_code == status
        assert answer["ETag"] == client.get(place)["ETag"]
        assert unless(client, place, answer["ETag"]).status_code == 304

    key = {"Idempotency-Key": "k"}
    first = client.post(URL, {"text": TEXT}, format="json", headers=key)
    place = first["Location"]
    has_the_tag(first, 202)
    has_the_tag(client.post(f"{place}cancel/"), 200)
    has_the_tag(client.post(f"{place}retry/"), 202)
    tasks.run_next_job()
    has_the_tag(client.post(URL, {"text": TEXT}, format="json", headers=key), 200)
    cached = client.post(URL, {"text": TEXT}, format="json")
    place = cached["Location"]
    has_the_tag(cached, 200)


def test_submission_of_a_picture_has_the_tag_of_a_reading(client: APIClient, seeing: Script):
    """While it waits to be described, and where its description is cached."""
    for status in (202, 200):
        answer = seeing_submit(client)
        assert answer.status_code == status
        assert answer["ETag"] == client.get(answer["Location"])["ETag"]
        work()


def test_nobody_learns_by_a_tag_what_they_may_not_see(api: TokenMaker, client, model: Script):
    """To a stranger the reflection does not exist, whatever the condition."""
    place = submit(client)
    tag = client.get(place)["ETag"]

    for stranger in (api(*RUN_AND_READ, owner="bob"), api(*RUN_AND_READ, name="another")):
        for known in (tag, "*"):
            assert unless(stranger, place, known).status_code == 404


@pytest.mark.parametrize("owner", ["ada", ""])
def test_nothing_new_costs_one_query_beside_the_tokens(api: TokenMaker, model: Script, owner: str):
    """For an owner's token and for a service's; no result, no text and no permission is read."""
    client = api(*RUN_AND_READ, owner=owner)
    place = submit(client)
    tasks.run_next_job()
    tag = client.get(place)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        assert unless(client, place, tag).status_code == 304

    told = [query["sql"] for query in queries if "perfsite_accesstoken" not in query["sql"]]
    assert len(told) == 1
    assert "enrichment_stageresult" not in told[0]
    assert '"enrichment_reflection"."text"' not in told[0]


def test_lease_and_time_change_nothing(client: APIClient, model: Script):
    """While a worker is at it and no more than that, the tag stays."""
    place = submit(client)
    job = jobs.claim()
    tag = client.get(place)["ETag"]

    assert jobs.renew(job.token)

    assert unless(client, place, tag).status_code == 304


def test_description_of_a_picture_is_new(client: APIClient, seeing: Script, monkeypatch):
    """The text that a picture became is another content, while the work on it goes on."""
    place = seeing_submit(client)["Location"]
    seen = []

    def looking_before(work):
        def look_and_work(*arguments: object):
            seen.append(client.get(place))
            return work(*arguments)

        return look_and_work

    for name in ("_describe", "_run_stage1"):
        monkeypatch.setattr(services, name, looking_before(getattr(services, name)))
    tasks.run_next_job()

    before, after = seen
    assert before.json()["status"] == after.json()["status"] == "stage1_running"
    assert (before.json()["text"], after.json()["text"] != "") == ("", True)
    assert before["ETag"] != after["ETag"]


def test_better_answers_in_the_place_of_fallbacks_are_new(client: APIClient, model: Script):
    """A complete reflection whose results are replaced has another tag."""
    generate, model.generate = model.generate, lambda _body: as_json({"error": "away"}, 503)
    place = submit(client)
    tasks.run_next_job()
    before = client.get(place)
    assert before.json()["enrich_again"]

    model.generate = generate
    hosts.forget_client()
    queue_again()
    tasks.run_next_job()

    after = unless(client, place, before["ETag"])
    assert after.status_code == 200
    assert before.json()["status"] == after.json()["status"] == "complete"
    assert after.json()["stage1"]["outcome"] == "model"


def fail_in_stage2(client: APIClient, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(services, "_write", lambda *_: 1 / 0)
        tasks.run_next_job()


def fail_in_stage1(client: APIClient, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(services, "_run_stage1", lambda *_: 1 / 0)
        tasks.run_next_job()


STEPS = {
    "run": lambda *_: tasks.run_next_job(),
    "fail in stage 1": fail_in_stage1,
    "fail in stage 2": fail_in_stage2,
    "claim": lambda *_: jobs.claim(),
    "release": lambda *_: jobs.release([jobs.worker_name()], charged=True),
    "cancel": lambda client, place, _: client.post(f"{place}cancel/"),
    "retry": lambda client, place, _: client.post(f"{place}retry/"),
    "again": lambda *_: queue_again(),
    "the wait is over": lambda *_: Job.objects.waiting().update(available_at=timezone.now()),
}


@given(st.lists(st.tuples(st.sampled_from([*STEPS]), st.booleans()), min_size=3, max_size=12))
@example([("fail in stage 1", False), ("the wait is over", False), ("fail in stage 2", False)])
@property_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
def test_same_tag_is_the_same_content_whatever_happens(client, model: Script, monkeypatch, steps):
    """Work, errors, claims, cancelling and retrying in any order, with the model there or away: no
    tag ever stands for two contents, and a reading's tag is the one that a condition is held to.
    """
    answers = model.generate
    purge(PurgeFilter(all=True), "the test")
    Reflection.objects.all().delete()
    place = submit(client)
    known: dict[str, dict[str, Any]] = {}
    for name, away in steps:
        model.generate = (lambda _body: as_json({"error": "away"}, 503)) if away else answers
        hosts.forget_client()
        with suppress(tasks.TicketFailed):
            STEPS[name](client, place, monkeypatch)
        response = client.get(place)
        body = content(response.json())
        assert known.setdefault(response["ETag"], body) == body
        # Made of rows that were read with it, and by a statement of its own.
        assert unless(client, place, response["ETag"]).status_code == 304
    model.generate = answers
