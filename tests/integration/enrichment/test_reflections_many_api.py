"""Retry and cancel of many reflections over HTTP."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from enrichment import jobs
from enrichment.api.selections import MAX_IDS
from enrichment.models import Job, Reflection, Status
from tests.conftest import TokenMaker

pytestmark = pytest.mark.usefixtures("databases")

RETRY = "/api/v1/reflections/retry/"
CANCEL = "/api/v1/reflections/cancel/"


def make(status: Status, count: int = 1, **fields: Any) -> list[str]:
    """Return the ids of new reflections whose submission is in a status."""
    now = timezone.now()
    reflections = [
        Reflection(text="A day", key_scope="site", timestamp=now, **fields) for _ in range(count)
    ]
    Reflection.objects.bulk_create(reflections)
    Job.objects.bulk_create(
        Job(reflection=reflection, status=status, available_at=now) for reflection in reflections
    )
    return [str(reflection.pk) for reflection in reflections]


def statuses(ids: list[str]) -> list[str]:
    found = dict(Job.objects.values_list("reflection_id", "status"))
    return [found[reflection_id] for reflection_id in sorted(found) if str(reflection_id) in ids]


@pytest.fixture
def owner(api: TokenMaker):
    """A client whose token is bound to the owner ada."""
    return api("enrich:run", owner="ada")


def test_retry_by_ids_queues_what_ended_badly_with_tickets(owner):
    """Of those that are named and there, those that can be are queued again."""
    ended = make(Status.FAILED, 2, owner="ada") + make(Status.QUARANTINED, owner="ada")
    done = make(Status.COMPLETE, owner="ada")

    answer = owner.post(RETRY, {"ids": [*ended, *done, str(uuid4())]}, format="json")

    assert (answer.status_code, answer.json()) == (200, {"matched": 4, "queued": 3})
    assert statuses(ended) == ["queued"] * 3
    assert statuses(done) == ["complete"]
    assert OrmQ.objects.count() == 3


def test_retry_by_status_takes_just_these(owner):
    """What was cancelled on purpose stays so unless it is named."""
    make(Status.FAILED, 2, owner="ada")
    make(Status.QUARANTINED, owner="ada")
    cancelled = make(Status.CANCELLED, owner="ada")

    answer = owner.post(RETRY, {"status": ["failed", "quarantined"]}, format="json")

    assert answer.json() == {"matched": 3, "queued": 3}
    assert statuses(cancelled) == ["cancelled"]


def test_cancel_by_status_takes_just_these(owner):
    """What is worked on goes on when only what waits is named."""
    waiting, running = make(Status.QUEUED, 2, owner="ada"), make(Status.STAGE1_RUNNING, owner="ada")

    answer = owner.post(CANCEL, {"status": ["queued"], "ids": None}, format="json")

    assert (answer.status_code, answer.json()) == (200, {"matched": 2, "cancelled": 2})
    assert statuses(waiting) == ["cancelled"] * 2
    assert statuses(running) == ["stage1_running"]


def test_cancel_by_ids_ends_also_the_search_for_better_answers(owner):
    """All unfinished work on a reflection ends, as with a single one."""
    (reflection_id,) = make(Status.COMPLETE, owner="ada")
    again = Job.objects.create(
        reflection_id=reflection_id, purpose=Job.Purpose.AGAIN, available_at=timezone.now()
    )

    answer = owner.post(CANCEL, {"ids": [reflection_id]}, format="json")

    assert answer.json() == {"matched": 1, "cancelled": 1}
    again.refresh_from_db()
    assert again.status == Status.CANCELLED


def test_status_is_the_one_that_the_reflection_shows(owner):
    """A complete reflection that is enriched again is no queued one."""
    (reflection_id,) = make(Status.COMPLETE, owner="ada")
    Job.objects.create(
        reflection_id=reflection_id, purpose=Job.Purpose.AGAIN, available_at=timezone.now()
    )

    answer = owner.post(CANCEL, {"status": ["queued"]}, format="json")

    assert answer.json() == {"matched": 0, "cancelled": 0}


@pytest.mark.parametrize(
    ("url", "status", "done"), [(RETRY, "failed", "queued"), (CANCEL, "queued", "cancelled")]
)
@pytest.mark.parametrize("by", ["ids", "status"])
def test_others_reflections_are_neither_touched_nor_told_of(
    api: TokenMaker, url: str, status: str, done: str, by: str
):
    """By ids or by status: an owner's token reaches the owner's, another what it submitted."""
    clients = {"ada": api("enrich:run", owner="ada"), "web": api("enrich:run", name="web")}
    web = User.objects.get(username="web")
    ids = {
        "ada": make(Status(status), owner="ada"),
        "web": make(Status(status), submitted_by=web, owner="cy"),
        "nobody": make(Status(status), owner="bob"),
    }
    everything = [each for some in ids.values() for each in some]
    body = {"ids": everything} if by == "ids" else {"status": [status]}

    for name, client in clients.items():
        assert client.post(url, body, format="json").json() == {"matched": 1, done: 1}, name

    assert statuses(ids["nobody"]) == [status]


def test_service_whose_account_may_change_any_job_reaches_all(api: TokenMaker):
    """The same permission as in the admin and on the pages."""
    client = api("enrich:run", name="chief")
    change = Permission.objects.get(codename="change_job")
    User.objects.get(username="chief").user_permissions.add(change)
    make(Status.FAILED, 2, owner="ada")

    answer = client.post(RETRY, {"status": ["failed"]}, format="json")

    assert answer.json() == {"matched": 2, "queued": 2}


SOME_ID = str(uuid4())


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"ids", "status"}),
        ({"ids": None, "status": None}, {"ids", "status"}),
        ({"ids": [SOME_ID], "status": ["failed"]}, {"ids", "status"}),
        ({"ids": []}, {"ids"}),
        ({"ids": SOME_ID}, {"ids"}),
        ({"ids": {SOME_ID: True}}, {"ids"}),
        ({"ids": [SOME_ID, "no-uuid"]}, {"ids"}),
        ({"ids": [SOME_ID, 7]}, {"ids"}),
        ({"ids": [SOME_ID, None]}, {"ids"}),
        ({"ids": [[SOME_ID]]}, {"ids"}),
        ({"ids": [SOME_ID] * (MAX_IDS + 1)}, {"ids"}),
        ({"status": []}, {"status"}),
        ({"status": "failed"}, {"status"}),
        ({"status": ["failed", "complete"]}, {"status"}),
        ({"status": ["failed", {}]}, {"status"}),
        ({"status": ["queued"]}, {"status"}),
        ({"ids": [SOME_ID], "colour": "red"}, {"colour"}),
        ({"ids": [], "colour": "red"}, {"ids", "colour"}),
    ],
)
def test_wrong_body_is_named_field_by_field_and_changes_nothing(owner, body, wrong: set[str]):
    """Each wrong field is named with what is accepted."""
    failed = make(Status.FAILED, owner="ada")

    answer = owner.post(RETRY, body, format="json")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    messages = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert set(messages) == wrong
    accepted = {
        "ids": "1 to 1,000 UUIDs",
        "status": "failed, cancelled, quarantined",
        "colour": "ids, status",
    }
    assert all(accepted[field] in message for field, message in messages.items())
    assert statuses(failed) == ["failed"]


def test_cancel_names_the_statuses_that_it_accepts(owner):
    """They are others than those of retry."""
    answer = owner.post(CANCEL, {"status": ["failed"]}, format="json")

    (error,) = answer.json()["errors"]
    accepted = "queued, stage1_running, stage1_complete, stage2_running"
    assert (answer.status_code, error["field"]) == (400, "status")
    assert accepted in error["message"]


def test_most_ids_that_are_accepted_are_acted_on(owner):
    """The limit itself is legal; an id that is named twice counts once."""
    ids = make(Status.FAILED, MAX_IDS - 1, owner="ada")

    answer = owner.post(RETRY, {"ids": [*ids, ids[0]]}, format="json")

    assert answer.json() == {"matched": MAX_IDS - 1, "queued": MAX_IDS - 1}


@pytest.mark.parametrize(("url", "status"), [(RETRY, "failed"), (CANCEL, "queued")])
def test_thousands_change_in_few_queries(owner, url: str, status: str):
    """How many there are does not matter, and tickets are bounded."""
    make(Status(status), 2000, owner="ada")

    with CaptureQueriesContext(connection) as captured:
        answer = owner.post(url, {"status": [status]}, format="json")

    assert answer.json()["matched"] == 2000
    tickets = sum("django_q_ormq" in query["sql"] for query in captured)
    assert tickets <= jobs.TICKETS_AT_ONCE
    # The token's two, the count, the update, the mark that a cancelled one loses, and the
    # transaction's two.
    assert len(captured) - tickets <= 7
