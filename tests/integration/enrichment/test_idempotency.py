"""Submissions that come again under the same Idempotency-Key."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIClient

from enrichment import idempotency, services, tasks
from enrichment.models import IdempotencyKey, Job, Reflection
from tests.conftest import TokenMaker
from tests.integration.enrichment.test_forgetting import (
    by_admin_action,
    by_admin_page,
    by_api,
    by_page,
)
from tests.pictures import encoded, halves
from tests.pruning import prune
from tests.standin import Script
from tests.traces import files_with

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
TEXT = "I'm feeling grateful for my sister today"
RUN_AND_READ = ("enrich:run", "enrich:read")
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


def submit(client: APIClient, key: str = KEY, text: str = TEXT, **fields: object) -> Response:
    body = {"text": text, **fields}
    return client.post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def assert_replay(again: Response, first: Response) -> None:
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert again.json()["id"] == first.json()["id"]


# Replays


def test_same_submission_again_is_the_first_one(api: TokenMaker, model: Script):
    """While it waits, the replay is what the first answer was: 202, where it is, when to ask."""
    client = api(*RUN_AND_READ)
    first, again = submit(client), submit(client)

    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotency-Replayed" not in first
    assert_replay(again, first)
    assert again.json() == first.json()
    assert again["Retry-After"]
    assert Reflection.objects.count() == Job.objects.count() == 1


def test_replay_shows_the_reflection_as_it_is_now(api: TokenMaker, model: Script):
    """Once it is finished the replay is 200 with both stages."""
    client = api(*RUN_AND_READ)
    first = submit(client)
    tasks.run_next_job()
    again = submit(client)

    assert again.status_code == 200
    assert "Retry-After" not in again
    assert_replay(again, first)
    assert again.json() == client.get(first["Location"]).json()


@pytest.mark.usefixtures("one_variant")
def test_replay_of_what_the_cache_answered_is_that_answer(api: TokenMaker, model: Script):
    """A hit is a reflection of its own, and its replay is that one and no further hit."""
    client = api(*RUN_AND_READ)
    submit(client, "first")
    tasks.run_next_job()
    hit, again = submit(client, "second"), submit(client, "second")

    assert (hit.status_code, again.status_code) == (200, 200)
    assert_replay(again, hit)
    assert Reflection.objects.count() == 2


def test_time_stamp_of_a_replay_is_the_first_ones(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """A body without one was written when it first came, and is the same body an hour later."""
    client = api(*RUN_AND_READ)
    first = submit(client)
    later = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    assert submit(client).json()["timestamp"] == first.json()["timestamp"]


def test_key_in_quotes_is_the_same_key(api: TokenMaker, model: Script):
    """As the draft writes it, and as most clients do."""
    client = api(*RUN_AND_READ)

    first = submit(client, KEY)

    assert_replay(submit(client, f'"{KEY}"'), first)


def test_fields_in_another_order_are_the_same_body(api: TokenMaker, model: Script):
    """What counts is what the body says; null says the same as nothing."""
    client = api(*RUN_AND_READ)
    first = submit(client, text=TEXT, priority="bulk")
    again = submit(client, priority="bulk", owner=None, text=TEXT)

    assert_replay(again, first)


def test_submissions_without_a_key_are_two(api: TokenMaker, model: Script):
    """Nobody who does not ask for it gets a replay."""
    client = api(*RUN_AND_READ)
    for _ in range(2):
        client.post(URL, {"text": TEXT}, format="json")

    assert Reflection.objects.count() == 2


def test_form_with_the_same_image_is_replayed_and_with_another_is_not(
    api: TokenMaker, seeing: Script
):
    """The image's bytes are part of the body."""
    client = api(*RUN_AND_READ)

    def send(image: bytes) -> Response:
        file = SimpleUploadedFile("a.jpg", image, "image/jpeg")
        return client.post(URL, {"image": file}, HTTP_IDEMPOTENCY_KEY=KEY)

    first = send(encoded(halves()))

    assert_replay(send(encoded(halves())), first)
    assert send(encoded(halves("red", "green"))).status_code == 422


# Whose keys


def test_key_belongs_to_who_submits(api: TokenMaker, person: User, model: Script):
    """Another service, another owner's token and another person may use it for something else."""
    signed_in = APIClient()
    signed_in.force_login(person)
    everybody = (
        api(*RUN_AND_READ),
        api(*RUN_AND_READ, owner="ada"),
        api(*RUN_AND_READ, owner="bob"),
        api(*RUN_AND_READ, name="another service"),
        signed_in,
    )
    for number, client in enumerate(everybody):
        answer = submit(client, text=f"Day {number} was good")
        assert answer.status_code == 202
        assert "Idempotency-Replayed" not in answer
    assert Reflection.objects.count() == len(everybody)


def test_new_token_of_the_same_submitter_gets_the_replay(api: TokenMaker, model: Script):
    """A token that was renewed in between is still the same submitter's."""
    first = submit(api(*RUN_AND_READ, owner="ada"))

    assert_replay(submit(api(*RUN_AND_READ, owner="ada")), first)


# What is no replay


@pytest.mark.parametrize("fields", [{"text": "Another day"}, {"priority": "bulk"}])
def test_key_with_another_body_is_422(api: TokenMaker, model: Script, fields: dict[str, str]):
    """A key stands for one body; the answer shows nothing of the first."""
    client = api(*RUN_AND_READ)
    first = submit(client)
    answer = submit(client, **fields)

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert "Idempotency-Key" in answer.json()["detail"]
    assert first.json()["id"] not in answer.content.decode()
    assert Reflection.objects.count() == 1


def test_key_whose_first_request_is_at_work_is_409(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """Who sends it again too soon is told to wait, and gets the replay afterwards."""
    client = api(*RUN_AND_READ)
    meanwhile: list[Response] = []

    def look(*_args: object, **_options: object) -> int:
        if not meanwhile:
            meanwhile.append(submit(client))
        return 0

    monkeypatch.setattr(services, "seconds_until_room", look)
    first = submit(client)

    assert meanwhile[0].status_code == 409
    assert int(meanwhile[0]["Retry-After"]) > 0
    assert first.status_code == 202
    assert_replay(submit(client), first)


def test_header_that_is_no_key_is_named(api: TokenMaker, model: Script):
    """400 says which header, and what is accepted; nothing is stored."""
    answer = submit(api(*RUN_AND_READ), "two words")

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "Idempotency-Key"
    assert "255" in error["message"]
    assert not Reflection.objects.exists()


# Refusals and faults free the key


def test_refused_submission_frees_its_key(api: TokenMaker, model: Script, settings: Settings):
    """A wrong field, another's owner, a full queue: the mended request may use the key."""
    client = api(*RUN_AND_READ, owner="ada")
    assert submit(client, timezone="Mars/Olympus").status_code == 400
    assert submit(client, owner="bob").status_code == 403
    settings.QUEUE_DEPTH = 0
    assert submit(client).status_code == 503
    assert not IdempotencyKey.objects.exists()
    settings.QUEUE_DEPTH = 10

    assert submit(client).status_code == 202


def test_submission_that_nothing_was_cached_for_frees_its_key(api: TokenMaker, model: Script):
    """504: `only-if-cached` kept nothing, so the same key may then have it computed."""
    client = api(*RUN_AND_READ)
    wish = {"HTTP_IDEMPOTENCY_KEY": KEY, "HTTP_CACHE_CONTROL": "only-if-cached"}
    assert client.post(URL, {"text": TEXT}, format="json", **wish).status_code == 504
    assert not IdempotencyKey.objects.exists()

    made = submit(client)

    assert (made.status_code, "Idempotency-Replayed" in made) == (202, False)
    tasks.run_next_job()
    assert_replay(submit(client), made)


def test_submission_that_failed_half_way_leaves_neither_reflection_nor_key(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """A fault after the link undoes the link too."""
    client = api(*RUN_AND_READ)
    with monkeypatch.context() as patch:
        patch.setattr(services.jobs, "create", None)
        assert submit(client).status_code == 500
    assert not Reflection.objects.exists()
    assert not IdempotencyKey.objects.exists()

    assert submit(client).status_code == 202


def test_submission_whose_commit_was_not_confirmed_is_replayed(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """The database committed and the connection broke before it said so: what is there counts."""
    client = api(*RUN_AND_READ)
    submit_for_real = services.submit

    def lost(*args: object, **options: object) -> None:
        submit_for_real(*args, **options)
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(services, "submit", lost)
        assert submit(client).status_code >= 500

    again = submit(client)
    assert again.status_code == 202
    assert again["Idempotency-Replayed"] == "true"
    assert Reflection.objects.count() == 1


# Processes that die


@pytest.fixture
def dead(api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch) -> APIClient:
    """A client whose first request died with its process, after the claim."""
    client = api(*RUN_AND_READ)
    with monkeypatch.context() as patch:
        patch.setattr(idempotency.Claim, "release", lambda _claim: None)
        patch.setattr(services.jobs, "create", None)
        submit(client)
    assert IdempotencyKey.objects.get().reflection is None
    return client


def test_dead_requests_key_is_taken_over_when_its_lease_has_run_out(dead: APIClient):
    """Until then 409; then the next request does what the first did not."""
    assert submit(dead).status_code == 409
    IdempotencyKey.objects.update(lease_until=timezone.now())
    answer = submit(dead)

    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer
    assert_replay(submit(dead), answer)
    assert Reflection.objects.count() == 1


def test_request_that_was_given_up_writes_nothing_when_it_wakes(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """It slept beyond its lease, another took over and finished: still one reflection."""
    client = api(*RUN_AND_READ)
    taken_over: list[Response] = []

    def sleep(*_args: object, **_options: object) -> int:
        if not taken_over:
            IdempotencyKey.objects.update(lease_until=timezone.now())
            taken_over.append(None)  # the other one goes straight on
            taken_over[0] = submit(client)
        return 0

    monkeypatch.setattr(services, "seconds_until_room", sleep)
    late = submit(client)

    assert taken_over[0].status_code == 202
    assert late.status_code == 409
    assert_replay(submit(client), taken_over[0])
    assert Reflection.objects.count() == 1


# Forgetting


@pytest.mark.parametrize("delete", [by_api, by_page, by_admin_page, by_admin_action])
def test_forgotten_reflections_key_keeps_nothing_and_answers_410(
    api: TokenMaker, model: Script, delete: Callable[[Reflection, TokenMaker], None]
):
    """However it was deleted: no byte of the fingerprint stays, and no replay brings it back."""
    client = api(*RUN_AND_READ)
    submit(client)
    fingerprint = IdempotencyKey.objects.get().fingerprint
    assert files_with(fingerprint, site_settings.VAR_DIR)

    delete(Reflection.objects.get(), api)

    assert files_with(fingerprint, site_settings.VAR_DIR) == []
    for text in (TEXT, "Another day"):
        answer = submit(client, text=text)
        assert answer.status_code == 410
        assert answer["Content-Type"] == "application/problem+json"
    assert not Reflection.objects.exists()


def test_reflection_deleted_while_it_is_replayed_is_410(
    api: TokenMaker, model: Script, monkeypatch: pytest.MonkeyPatch
):
    """The key said which, and then it was gone."""
    client = api(*RUN_AND_READ)
    submit(client)
    monkeypatch.setattr(idempotency, "_take", lambda *_args: uuid.uuid4())

    assert submit(client).status_code == 410


def test_reflection_cannot_be_deleted_in_a_way_that_keeps_the_fingerprint(
    api: TokenMaker, model: Script
):
    """The database refuses a deletion that goes past the forgetting."""
    submit(api(*RUN_AND_READ))
    with pytest.raises(IntegrityError):
        Reflection.objects.get().delete()


def test_nothing_of_text_or_key_stands_in_the_row(api: TokenMaker, model: Script):
    """Only HMACs, which prove neither a text nor a key without the pepper."""
    word = f"zq{uuid.uuid4().hex}"
    submit(api(*RUN_AND_READ), key=word, text=f"A day with {word}")
    Reflection.objects.all().update(text="")

    assert word not in str(IdempotencyKey.objects.values().get())


def test_fingerprints_of_one_body_under_two_keys_differ(api: TokenMaker, model: Script):
    """The rows do not tell that the same was written twice."""
    client = api(*RUN_AND_READ)
    submit(client, "first")
    submit(client, "second")
    first, second = IdempotencyKey.objects.values_list("fingerprint", flat=True)

    assert first != second


def test_pruning_deletes_keys_of_yesterday_alone(api: TokenMaker, model: Script):
    """A key is remembered for a day; then it may be used anew."""
    client = api(*RUN_AND_READ)
    submit(client, "old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24))
    recent = submit(client, "recent")

    prune(IdempotencyKey)

    assert_replay(submit(client, "recent"), recent)
    assert "Idempotency-Replayed" not in submit(client, "old")


# Cost


def _queries(client: APIClient, **headers: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.post(URL, {"text": TEXT}, format="json", **headers)
    said = [query["sql"] for query in queries.captured_queries]
    return [sql for sql in said if sql not in {"BEGIN IMMEDIATE", "COMMIT"}]


def test_key_costs_three_queries_and_its_replay_writes_nothing(api: TokenMaker, model: Script):
    """Look, claim and link; without the header nothing is asked of the keys."""
    client = api(*RUN_AND_READ)
    _queries(client)
    plain = _queries(client)
    keyed = _queries(client, HTTP_IDEMPOTENCY_KEY=KEY)
    replay = _queries(client, HTTP_IDEMPOTENCY_KEY=KEY)

    of_keys = [sql for sql in keyed if "idempotencykey" in sql]
    assert not [sql for sql in plain if "idempotencykey" in sql]
    assert [sql.split()[0] for sql in of_keys] == ["SELECT", "INSERT", "UPDATE"]
    assert len(keyed) == len(plain) + 3
    assert len([sql for sql in replay if "idempotencykey" in sql]) == 1
    assert {sql.split()[0] for sql in replay} == {"SELECT"}
