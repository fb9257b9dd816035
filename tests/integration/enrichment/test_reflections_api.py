"""Reflections over HTTP, with a scripted model where one is asked."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django_q.models import OrmQ
from pytest_django import Settings

from cachestats.cache import get_cache
from cachestats.models import CacheEntry, LookupBatch
from enrichment import tasks
from enrichment.models import Job, Reflection, Status
from tests.conftest import TokenMaker
from tests.databases import content
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
TEXT = "I'm feeling grateful for my sister today"
RUN_AND_READ = ("enrich:run", "enrich:read")


def submit(client, text=TEXT, **fields):
    return client.post(URL, {"text": text, **fields}, format="json")


def test_new_text_is_accepted_with_its_place_and_the_job_is_queued(api: TokenMaker, model: Script):
    """A text that was never seen is 202 with Location and Retry-After, and a job waits for it."""
    response = submit(api(*RUN_AND_READ))

    assert response.status_code == 202
    assert response["Location"] == f"{URL}{response.json()['id']}/"
    assert int(response["Retry-After"]) > 0
    assert response.json()["status"] == Status.QUEUED
    assert response.json()["stage1"] is response.json()["stage2"] is None
    assert Job.objects.get().status == Status.QUEUED
    assert OrmQ.objects.count() == 1


@pytest.mark.usefixtures("one_variant")
def test_same_text_again_is_answered_at_once_with_what_was_stored(api: TokenMaker, model: Script):
    """The second submission is 200 without queue or model, equal in both stages, and says HIT."""
    client = api(*RUN_AND_READ)
    first = submit(client)
    tasks.run_next_job()
    cold = client.get(first["Location"]).json()
    asked = len(model.questions("/api/generate")) + len(model.questions("/api/chat"))

    second = submit(client)

    assert second.status_code == 200
    assert second["X-Cache"] == "HIT"
    assert second["Cache-Status"].count("hit") == 2
    warm = second.json()
    assert warm["status"] == Status.COMPLETE
    assert [cold[stage]["cache"] for stage in ("stage1", "stage2")] == ["miss", "miss"]
    assert [warm[stage]["cache"] for stage in ("stage1", "stage2")] == ["hit", "hit"]
    assert [warm[stage]["result"] for stage in ("stage1", "stage2")] == [
        cold[stage]["result"] for stage in ("stage1", "stage2")
    ]
    assert len(model.questions("/api/generate")) + len(model.questions("/api/chat")) == asked
    assert OrmQ.objects.count() == 1


@pytest.mark.usefixtures("one_variant")
def test_hits_are_counted_once_each(api: TokenMaker, model: Script):
    """A look-up that only asked whether to take the queue is not counted beside the real one."""
    client = api(*RUN_AND_READ)
    submit(client)
    tasks.run_next_job()
    submit(client)
    tasks.run_next_job()
    get_cache().flush()

    assert sorted(LookupBatch.objects.values_list("cache_type", "state")) == [
        ("stage1_enrichment", "hit"),
        ("stage1_enrichment", "miss"),
        ("stage2_enrichment", "hit"),
        ("stage2_enrichment", "miss"),
    ]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n\t "}, "text"),
        ({"text": 7}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-01-31T08:00:00"}, "timestamp"),
        ({"timestamp": 5}, "timestamp"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"language": "klingon!"}, "language"),
        ({"priority": "now"}, "priority"),
        ({"owner": "a\nb"}, "owner"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_field_is_named_and_nothing_is_stored(api: TokenMaker, fields, wrong):
    """A wrong field is 400, named with what is accepted, and leaves no row behind."""
    response = submit(api(*RUN_AND_READ), **fields)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    (error,) = response.json()["errors"]
    assert error["field"] == wrong
    assert error["message"]
    assert not Reflection.objects.exists()
    assert not OrmQ.objects.exists()


def test_longest_legal_text_is_accepted(api: TokenMaker, model: Script):
    """5,000 characters are accepted, of whatever script."""
    assert submit(api(*RUN_AND_READ), text="喜" * 5000).status_code == 202


def test_owner_bound_token_submits_for_its_owner_alone(api: TokenMaker, model: Script):
    """Another owner in the body is 403; none, or its own, is filed under the token's owner."""
    client = api(*RUN_AND_READ, owner="ada")

    assert submit(client, owner="bob").status_code == 403
    assert submit(client).json()["owner"] == "ada"
    assert submit(client, owner="ada").json()["owner"] == "ada"


def test_other_owners_reflection_is_not_found(api: TokenMaker, model: Script):
    """Neither another owner's token nor another service's sees, deletes or learns of it."""
    location = submit(api(*RUN_AND_READ, owner="ada"))["Location"]

    for stranger in (
        api(*RUN_AND_READ, owner="bob"),
        api(*RUN_AND_READ, name="another service"),
    ):
        assert stranger.get(location).status_code == 404
        assert stranger.delete(location).status_code == 404
    assert Reflection.objects.count() == 1


def test_hit_never_tells_that_another_owner_wrote_the_same(api: TokenMaker, model: Script):
    """Stage 1 is cached by owner: the same words of somebody else are computed anew."""
    submit(api(*RUN_AND_READ, owner="ada"))
    tasks.run_next_job()

    response = submit(api(*RUN_AND_READ, owner="bob"))

    assert response.status_code == 202
    assert "X-Cache" not in response


def test_unknown_reflection_is_not_found(api: TokenMaker):
    """An id that nobody has is a problem with status 404."""
    response = api(*RUN_AND_READ).get(f"{URL}{uuid4()}/")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("enrich:run", {"post", "delete"}), ("enrich:read", {"get"}), ("cache:read", set())],
)
def test_each_method_needs_its_scope(api: TokenMaker, model: Script, scope, allowed):
    """A token does what its scope names and nothing else."""
    location = submit(api("enrich:run"))["Location"]
    client = api(scope)

    codes = {
        "get": client.get(location).status_code,
        "post": submit(client).status_code,
        "delete": client.delete(location).status_code,
    }

    assert {method for method, code in codes.items() if code != 403} == allowed


def test_submission_without_a_token_is_401(client: Client):
    """Nobody submits anonymously."""
    response = client.post(URL, {"text": TEXT}, content_type="application/json")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_text_in_danger_gets_the_safety_text_at_once_and_no_poem(api: TokenMaker, model: Script):
    """The first answer holds the safety text; no Stage 2 prompt is ever made for it."""
    client = api(*RUN_AND_READ)

    first = submit(client, text="I want to kill myself")
    tasks.run_next_job()
    finished = client.get(first["Location"]).json()
    again = submit(client, text="I want to kill myself")

    for body in (first.json(), finished, again.json()):
        assert body["risk"]["flagged"]
        assert body["stage2"]["outcome"] == "safety"
        assert body["stage2"]["cache"] == "bypass"
        assert body["stage2"]["help_lines"]
    assert finished["status"] == again.json()["status"] == Status.COMPLETE
    assert finished["stage1"]["outcome"] == "model"
    assert model.questions("/api/chat") == []
    assert not CacheEntry.objects.filter(cache_type="stage2_enrichment").exists()


def test_forgotten_reflection_leaves_no_bytes_behind(api: TokenMaker, model: Script):
    """After DELETE neither database nor its log holds the text, and its Stage 1 entry is gone."""
    secret = "zyxgrobble and my quiet morning of gratitude"
    client = api(*RUN_AND_READ)
    location = submit(client, text=secret)["Location"]
    tasks.run_next_job()
    assert CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()

    response = client.delete(location)

    assert response.status_code == 204
    assert client.get(location).status_code == 404
    assert not Job.objects.exists()
    assert not CacheEntry.objects.filter(cache_type="stage1_enrichment").exists()
    assert not [name for name in _database_files() if b"zyxgrobble" in content(name)]


def test_forgetting_spares_an_entry_that_another_reflection_holds(api: TokenMaker, model: Script):
    """Two reflections of the same words: deleting one leaves the other's entry in place."""
    client = api(*RUN_AND_READ)
    first = submit(client)["Location"]
    tasks.run_next_job()
    submit(client)

    client.delete(first)

    assert submit(client).status_code == 200


def test_reflection_deleted_while_it_is_worked_on_stays_forgotten(api: TokenMaker, model: Script):
    """A worker that finishes after the deletion writes nothing and leaves no entry."""
    client = api(*RUN_AND_READ)
    location = submit(client)["Location"]
    answer = model.generate

    def delete_meanwhile(body):
        if len(model.questions("/api/generate")) == 2:
            client.delete(location)
        return answer(body)

    model.generate = delete_meanwhile
    tasks.run_next_job()

    assert not Reflection.objects.exists()
    assert not CacheEntry.objects.exists()


def test_history_gives_averages_over_real_days(api: TokenMaker, model: Script):
    """Context counts the owner's earlier reflections by their own time stamps."""
    client = api(*RUN_AND_READ, owner="ada")
    for day in (1, 3, 20):
        submit(client, text=f"A calm day, number {day}", timestamp=f"2026-03-{day:02}T12:00:00Z")
        tasks.run_next_job()
    submit(client, timestamp="2026-03-21T10:00:00+01:00", timezone="Europe/Berlin")
    tasks.run_next_job()

    latest = Reflection.objects.order_by("-timestamp")[0]
    body = client.get(f"{URL}{latest.id}/").json()

    context = body["stage1"]["context"]
    assert context["phase"] == "morning"
    assert [(part["days"], part["count"]) for part in context["averages"]] == [
        (1, 1),
        (7, 1),
        (28, 3),
    ]


def test_full_queue_is_503_with_the_time_to_wait_and_keeps_nothing(
    api: TokenMaker, model: Script, settings: Settings
):
    """Beyond the depth a submission is refused; one that needs no work is not."""
    client = api("enrich:run", "enrich:read")
    submit(client)
    tasks.run_next_job()
    settings.QUEUE_DEPTH = 1
    assert submit(client, "Another day").status_code == 202

    refused = submit(client, "One more day")

    assert (refused.status_code, refused["Retry-After"]) == (503, "1")
    assert refused["Content-Type"] == "application/problem+json"
    assert Reflection.objects.count() == 2
    assert submit(client).status_code == 200
    assert submit(client, "A bulk day", priority="bulk").status_code == 503


def test_cancelled_and_retried_over_the_api(api: TokenMaker, model: Script):
    """Each answers the reflection as it is then, and 409 where there is nothing to do."""
    client = api("enrich:run", "enrich:read")
    place = submit(client)["Location"]

    assert client.post(f"{place}retry/").status_code == 409
    cancelled = client.post(f"{place}cancel/")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert client.post(f"{place}cancel/").status_code == 409
    again = client.post(f"{place}retry/")
    assert (again.status_code, again.json()["status"]) == (202, "queued")
    tasks.run_next_job()
    assert client.get(place).json()["status"] == "complete"


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_other_owners_work_is_not_found_to_be_changed(api: TokenMaker, model: Script, action: str):
    """Neither its existence nor its state is told."""
    place = submit(api("enrich:run", owner="ada"))["Location"]

    assert api("enrich:run", owner="bob").post(f"{place}{action}/").status_code == 404
    assert api("enrich:read", owner="ada").post(f"{place}{action}/").status_code == 403


def _database_files():
    for alias in ("default", "cache"):
        path = Path(connections[alias].settings_dict["NAME"])
        yield from path.parent.glob(f"{path.name}*")
