"""Messages are written with what they tell of, and sent until they are taken or given up."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from enrichment import forgetting, hosts, jobs, services, tasks
from enrichment.again import queue_again
from enrichment.errors import ModelCannotSee
from enrichment.models import Job, Reflection, Status, WebhookDelivery, WebhookEndpoint
from enrichment.models.jobs import Priority
from enrichment.webhooks import endpoints, outbox
from enrichment.webhooks.sealing import SecretUnreadable
from enrichment.webhooks.sending import WHOLE_SECONDS, Failure, Outcome
from tests.apis import Api
from tests.conftest import TokenMaker
from tests.pruning import prune
from tests.standin import Script, as_json

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

Maker = Callable[..., WebhookEndpoint]
URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")
TAKEN = Outcome(failure=None, http_status=204, duration_ms=1.0)
FAILED = Outcome(failure=Failure.STATUS, http_status=500, duration_ms=1.0)


def make_job(**fields) -> Job:
    reflection = Reflection.objects.create(
        text="A quiet day", key_scope="site", timestamp=timezone.now()
    )
    job = jobs.create(reflection, priority=Priority.INTERACTIVE)
    Job.objects.filter(pk=job.pk).update(**fields)
    return job


def submit(client, text="I'm feeling grateful for my sister today") -> str:
    return client.post(URL, {"text": text}, format="json").json()["id"]


def told(reflection: str | None = None) -> list[tuple[str, str]]:
    """Events and statuses that messages were written of, in their order."""
    written = WebhookDelivery.objects.order_by("created_at", "event")
    if reflection:
        written = written.filter(reflection=reflection)
    return list(written.values_list("event", "reflection_status"))


def put(status: Status = Status.COMPLETE, *, look: bool = True) -> WebhookDelivery:
    """Write a message that tells of some reflection; return the newest."""
    outbox.put(make_job().reflection_id, status, look=look)
    return WebhookDelivery.objects.latest("created_at")


def make_due(delivery: WebhookDelivery) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())


# What is told


def test_each_stage_is_told_once(api: TokenMaker, model: Script, endpoint: Maker):
    """A worker's two commits write two messages."""
    endpoint()
    submit(api(*RUN_AND_READ))
    assert told() == []
    tasks.run_next_job()
    assert told() == [("stage1_complete", "stage1_complete"), ("complete", "complete")]


def test_what_the_cache_answers_at_once_is_told_too(
    api: TokenMaker, model: Script, endpoint: Maker
):
    """Whoever relies on messages need not read the answer of a submission."""
    client = api(*RUN_AND_READ)
    submit(client)
    tasks.run_next_job()
    endpoint()
    again = submit(client)
    assert told(again) == [("complete", "complete"), ("stage1_complete", "stage1_complete")]


def test_text_of_somebody_in_danger_is_told_like_any_other(
    api: TokenMaker, model: Script, endpoint: Maker
):
    """Its second stage was there first; nothing of a message tells that."""
    endpoint()
    submit(api(*RUN_AND_READ), "I want to kill myself tonight")
    tasks.run_next_job()
    assert told() == [("stage1_complete", "stage1_complete"), ("complete", "complete")]


def test_failure_is_told_when_it_is_final(
    api: TokenMaker, endpoint: Maker, monkeypatch: pytest.MonkeyPatch
):
    """An error that is tried again is nobody's affair; the last one is."""
    endpoint()
    monkeypatch.setattr(jobs, "MAX_ERRORS", 2)
    make_job()
    for before, after in (([], Status.QUEUED), ([], Status.FAILED)):
        assert told() == before
        Job.objects.update(available_at=timezone.now())
        job = jobs.claim()
        assert job is not None
        jobs.give_back(job, ValueError())
        assert Job.objects.get().status == after
    assert told() == [("failed", "failed")]


def test_quarantine_is_told_as_a_failure(endpoint: Maker):
    """With the status that tells it from others."""
    endpoint()
    make_job(attempts=jobs.MAX_CRASHES)
    assert jobs.claim() is None
    assert told() == [("failed", "quarantined")]


def test_better_results_than_fallbacks_are_told(api: TokenMaker, model: Script, endpoint: Maker):
    """Who was told of the fallbacks hears that others took their place."""
    endpoint(events=["complete", "failed"])
    whole = model.generate, model.chat
    model.generate = model.chat = lambda _body: as_json({"error": "broken"}, 500)
    submit(api(*RUN_AND_READ))
    tasks.run_next_job()
    assert told() == [("complete", "complete")]
    model.generate, model.chat = whole
    hosts.forget_client()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM enrichment_hoststate")
    assert queue_again() == 1
    again = jobs.claim()
    assert again is not None
    services.run_job(again)
    assert told() == [("complete", "complete")] * 2


def test_work_that_is_nobodys_submission_is_not_told(endpoint: Maker):
    """Texts made ahead begin and end in silence, and so do vain tries for better answers."""
    endpoint()
    for purpose in (Job.Purpose.VARIANTS, Job.Purpose.AGAIN):
        for end in (jobs.finish, lambda job: jobs.give_back(job, ModelCannotSee())):
            job = make_job(purpose=purpose)
            job.refresh_from_db()
            end(job)
    assert told() == []


def test_cancelling_is_not_told(endpoint: Maker):
    """Whoever did it knows."""
    endpoint()
    make_job()
    jobs.cancel(Job.objects.all())
    assert told() == []


def test_only_who_wants_to_know_is_told(endpoint: Maker):
    """By event, and not who is switched off."""
    wanting, _other, off = endpoint(), endpoint(events=["failed"]), endpoint()
    endpoints.change(off, {"enabled": False})
    assert put().endpoint == wanting
    assert WebhookDelivery.objects.count() == 1


def test_work_that_is_undone_is_not_told(endpoint: Maker):
    """A message is written with what it tells of, or neither is."""
    endpoint()
    job = make_job()
    with pytest.raises(RuntimeError), transaction.atomic():
        jobs.finish(job)
        raise RuntimeError
    assert told() == []
    assert Job.objects.get().status == Status.QUEUED


def test_endpoint_deleted_in_the_same_moment_harms_no_work(
    endpoint: Maker, monkeypatch: pytest.MonkeyPatch
):
    """A process that did not know yet writes a message for nobody, which is swept."""
    monkeypatch.setattr(outbox, "KNOWN_SECONDS", 60)
    gone = endpoint()
    put(look=False)
    WebhookEndpoint.objects.filter(pk=gone.pk).delete()
    put(look=False)
    assert WebhookDelivery.objects.count() == 1
    assert outbox.claim(()) is None
    assert prune(WebhookDelivery) == 1
    assert WebhookDelivery.objects.count() == 0


def test_submission_that_is_finished_at_once_asks_once_a_second(
    endpoint: Maker, monkeypatch: pytest.MonkeyPatch
):
    """Many of them cost one look; a worker's commit hears of a new endpoint at once."""
    monkeypatch.setattr(outbox, "KNOWN_SECONDS", 60)
    job = make_job()
    outbox.forget()
    with CaptureQueriesContext(connection) as asked:
        for _ in range(5):
            outbox.put(job.reflection_id, Status.COMPLETE, look=False)
    assert len(asked) == 1
    endpoint()
    outbox.put(job.reflection_id, Status.COMPLETE)
    assert len(told()) == 1


def test_look_for_what_is_due_needs_no_walk_through_the_table(endpoint: Maker):
    """It is made every two seconds, mostly for nothing."""
    with CaptureQueriesContext(connection) as asked:
        outbox.claim(())
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]['sql']}")
        plan = str(cursor.fetchall())
    assert len(asked) == 1
    assert "webhook_due" in plan


def test_forgotten_reflections_messages_go_with_it(endpoint: Maker):
    """Those that wait and those that were sent."""
    endpoint()
    delivery = put()
    forgetting.forget(delivery.reflection)
    assert WebhookDelivery.objects.count() == 0


# What is sent, and when again


def test_claimed_message_is_one_workers_until_its_lease_ends(endpoint: Maker):
    """Then another sends it, under the same id; the first one's word counts no more."""
    endpoint()
    put()
    first = outbox.claim(())
    assert first is not None
    assert outbox.claim(()) is None
    with time_machine.travel(timezone.now() + outbox.LEASE + timedelta(seconds=1)):
        second = outbox.claim(())
        assert second is not None
        assert second.pk == first.pk
        assert second.attempts == 2
        assert outbox.message(first).headers["webhook-id"] == str(second.pk)
        assert outbox.message(first).body == outbox.message(second).body
        outbox.record(first, FAILED)
        second.refresh_from_db()
        assert second.error == ""
        outbox.record(second, TAKEN)
    second.refresh_from_db()
    assert second.status == WebhookDelivery.Status.DELIVERED


def test_lease_is_longer_than_an_attempt():
    """Or each slow receiver would get everything twice."""
    assert outbox.LEASE.total_seconds() >= 2 * WHOLE_SECONDS


def test_claim_that_loses_its_race_takes_the_next_message(endpoint: Maker):
    """Two workers that look at the same time both find work."""
    endpoint()
    lost, other = put(), put()
    raced: list[bool] = []

    def overtake(execute, sql, *rest):
        if sql.startswith("UPDATE") and not raced:
            raced.append(True)
            WebhookDelivery.objects.filter(pk=lost.pk).update(token=uuid.uuid4())
        return execute(sql, *rest)

    with connection.execute_wrapper(overtake):
        assert outbox.claim(()) == other


def test_claim_that_loses_all_its_races_looks_again(endpoint: Maker):
    """Others took the whole choice; there is more behind it."""
    endpoint()
    messages = [put() for _ in range(outbox.CLAIM_CHOICE + 1)]
    raced: list[bool] = []

    def overtake(execute, sql, *rest):
        if sql.startswith("UPDATE") and not raced:
            raced.append(True)
            lost = [message.pk for message in messages[:-1]]
            later = timezone.now() + outbox.LEASE
            WebhookDelivery.objects.filter(pk__in=lost).update(token=uuid.uuid4(), due_at=later)
        return execute(sql, *rest)

    with connection.execute_wrapper(overtake):
        assert outbox.claim(()) == messages[-1]


def test_busy_endpoints_keep_no_other_waiting(endpoint: Maker):
    """However much is due for them before."""
    busy = endpoint("/busy", events=["complete"])
    for _ in range(outbox.CLAIM_CHOICE + 1):
        put()
    free = endpoint("/free", events=["failed"])
    put(Status.FAILED)
    claimed = outbox.claim([busy.pk])
    assert claimed is not None
    assert claimed.endpoint == free
    assert outbox.claim([busy.pk, free.pk]) is None


def test_failures_wait_longer_each_time_and_end(endpoint: Maker):
    """By 5 s, 30 s, 2 min, 10 min, 1 h and 6 h, and up to half as long again; then no more."""
    endpoint()
    delivery = put()
    waits = []
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due(delivery)
        claimed = outbox.claim(())
        assert claimed is not None
        now = timezone.now()
        outbox.record(claimed, FAILED)
        delivery.refresh_from_db()
        waits.append((delivery.due_at - now).total_seconds())
    for wait, expected in zip(waits[:-1], (5, 30, 120, 600, 3600, 21600), strict=True):
        assert expected <= wait <= 1.5 * expected + 1
    assert delivery.status == WebhookDelivery.Status.FAILED
    assert (delivery.error, delivery.http_status, delivery.attempts) == ("status", 500, 7)
    make_due(delivery)
    assert outbox.claim(()) is None


@pytest.mark.parametrize(
    ("asked", "low", "high"), [(100, 100, 101), (1, 5, 8.5), (10**9, 21600, 21601)]
)
def test_receivers_wish_to_wait_is_followed_within_bounds(
    endpoint: Maker, asked: float, low: float, high: float
):
    """Longer than we would wait, but no longer than our longest."""
    endpoint()
    put()
    claimed = outbox.claim(())
    assert claimed is not None
    now = timezone.now()
    outbox.record(claimed, Outcome(failure=Failure.STATUS, retry_after_seconds=asked))
    claimed.refresh_from_db()
    assert low <= (claimed.due_at - now).total_seconds() <= high


def test_gone_switches_the_endpoint_off(endpoint: Maker):
    """What waits for it is given up, and nothing more is written for it."""
    gone = endpoint()
    first, second = put(), put()
    claimed = outbox.claim(())
    assert claimed == first
    outbox.record(claimed, Outcome(failure=Failure.GONE, http_status=410))
    put()
    gone.refresh_from_db()
    assert (gone.enabled, gone.disabled_because) == (False, "gone")
    found = dict(WebhookDelivery.objects.values_list("pk", "error"))
    assert found == {first.pk: "gone", second.pk: "disabled"}
    assert not WebhookDelivery.objects.exclude(status="failed").exists()


def test_gone_of_an_old_url_leaves_the_new_one_on(endpoint: Maker, receiver: Api):
    """Who moved the receiver has said so already."""
    moved = endpoint("/old")
    put()
    claimed = outbox.claim(())
    assert claimed is not None
    endpoints.change(moved, {"url": f"{receiver.url}/new"})
    outbox.record(claimed, Outcome(failure=Failure.GONE, http_status=410))
    moved.refresh_from_db()
    assert moved.enabled


def test_message_for_an_endpoint_switched_off_meanwhile_is_given_up(endpoint: Maker):
    """It was written by a process that did not know yet."""
    off = endpoint()
    delivery = put()
    WebhookEndpoint.objects.filter(pk=off.pk).update(enabled=False)
    assert outbox.claim(()) is None
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("failed", "disabled")


def test_message_that_ends_each_of_its_senders_is_given_up(endpoint: Maker):
    """It may not end all of them for ever; a few kills are not held against it."""
    endpoint()
    delivery = put()
    for attempts, claimable in ((outbox.MAX_ATTEMPTS + 5, True), (outbox.MAX_CLAIMS, False)):
        WebhookDelivery.objects.update(attempts=attempts, due_at=timezone.now())
        assert bool(outbox.claim(())) == claimable
    delivery.refresh_from_db()
    assert (delivery.status, delivery.error) == ("failed", "lost")


def test_sweep_keeps_the_table_bounded(endpoint: Maker, monkeypatch: pytest.MonkeyPatch):
    """Old ones go, and of each endpoint all but the newest; the oldest of too many are given up."""
    monkeypatch.setattr(outbox, "MOST_FINISHED", 3)
    monkeypatch.setattr(outbox, "MOST_PENDING", 2)
    crowded, quiet = endpoint("/crowded"), endpoint("/quiet")
    now = timezone.now()

    def row(to: WebhookEndpoint, minutes: int, **fields) -> WebhookDelivery:
        at = now - timedelta(minutes=minutes)
        return WebhookDelivery(endpoint=to, event="test", created_at=at, due_at=at, **fields)

    done = {"status": "delivered", "finished_at": now}
    WebhookDelivery.objects.bulk_create(
        [
            *(row(crowded, minutes, **done) for minutes in range(5)),
            *(row(crowded, 100 + minutes) for minutes in range(3)),
            row(quiet, 1),
            row(quiet, 60 * 24 * 31),
        ]
    )

    prune(WebhookDelivery)

    found = WebhookDelivery.objects.order_by("-created_at")
    assert found.filter(endpoint=quiet).count() == 1
    assert found.filter(endpoint=crowded, finished_at=None).count() == 2
    # Of the given-up one the age is the event's: it went with the others that are too many.
    assert found.filter(endpoint=crowded, status="delivered").count() == 3


def test_sweep_walks_no_whole_table(endpoint: Maker):
    """Each of its statements finds the messages by an index."""
    endpoint()
    put()

    with CaptureQueriesContext(connection) as captured:
        prune(WebhookDelivery)

    statements = [query["sql"] for query in captured if "webhookdelivery" in query["sql"]]
    assert statements
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            steps = [row[-1] for row in cursor.fetchall()]
            # By an index from its beginning, for the first alone, is no walk.
            assert all("USING" in step for step in steps if step.startswith("SCAN")), statement


def test_message_tells_ids_and_statuses_alone(endpoint: Maker):
    """Its type, its time and whom it is about."""
    endpoint()
    at = "2026-01-02T03:04:05.678Z"
    with time_machine.travel(at, tick=False):
        delivery = put(Status.STAGE1_COMPLETE)
    body = outbox.message(delivery).body.decode()
    data = f'{{"id":"{delivery.reflection_id}","status":"stage1_complete"}}'
    assert body == f'{{"type":"reflection.stage1_complete","timestamp":"{at}","data":{data}}}'


def test_secret_of_another_key_fails_the_message(endpoint: Maker, settings: Settings):
    """After a change of SECRET_KEY, whoever looks sees why nothing arrives."""
    endpoint()
    delivery = put()
    settings.SECRET_KEY = "another"
    with pytest.raises(SecretUnreadable):
        outbox.message(WebhookDelivery.objects.select_related("endpoint").get(pk=delivery.pk))
