"""What goes by itself: every table is bounded, by the same rules for command and schedule."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import DatabaseError, models
from django_q.models import Task
from pytest_django import Settings

from cachestats import retention
from cachestats.models import Audit, CacheEntry, ConfigRevision, LookupSpan
from cachestats.retention import Rule, keep, last_run
from cachestats.services import relist
from enrichment.models import (
    CallRollup,
    Comparison,
    IdempotencyKey,
    InferenceCall,
    Job,
    QueueSample,
    Reflection,
    SiteStart,
    TuningRun,
    WarmUp,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerHeartbeat,
)
from perfsite.models import AccessToken
from tests.call_rows import row
from tests.pages import listening
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("databases")

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
# What bounds a table that no rule is about.
BOUNDED = {
    "enrichment.StageResult": "goes with its reflection, which has two",
    "enrichment.ReflectionImage": "goes with its reflection, which has one",
    "enrichment.WarmUpEntry": "goes with its warm-up",
    "enrichment.Comparison": "goes with its job",
    "enrichment.InferenceTotal": "one row",
    "enrichment.HostState": "one of each address that was ever configured",
    "enrichment.WebhookEndpoint": "people make and delete them",
    "cachestats.EntryTotal": "one of each type",
    "cachestats.Generation": "one row",
    "cachestats.LookupTotal": "one of each type, model and state",
    "cachestats.LatencyTotal": "one of each type, state and bucket",
    "cachestats.WorthSnapshot": "one row",
    "cachestats.RetentionRun": "one row",
    "django_q.Success": "django-q2 keeps save_limit of them",
    "django_q.Schedule": "people make them; we have none",
    "django_q.OrmQ": "tickets, no more than jobs wait",
    "auth.Permission": "of the code",
    "auth.Group": "people make them",
    "auth.Group_permissions": "of the groups",
    "auth.User": "people",
    "auth.User_groups": "of people",
    "auth.User_user_permissions": "of people",
    "contenttypes.ContentType": "of the code",
}

UNFILLED = {"cachestats.LookupBatch", "cachestats.Failure", "cachestats.EntryUse"}


@pytest.fixture(autouse=True)
def kept(settings: Settings) -> Iterator[None]:
    """A site that keeps reflections for 30 days, and whose clock stands still."""
    settings.REFLECTIONS_KEPT_DAYS = 30
    with time_machine.travel(NOW, tick=False):
        yield


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def created(table: type[models.Model], at: datetime, field: str = "created_at", **fields: Any):
    """Make a row that says it was made then."""
    made = table._default_manager.create(**fields)
    table._default_manager.filter(pk=made.pk).update(**{field: at})
    return made


def reflection(at: datetime) -> Reflection:
    return created(Reflection, at, text="x", key_scope="site", timestamp=at)


def entry(number: int, expires: datetime) -> None:
    CacheEntry.objects.create(
        id=number, digest=number.to_bytes(32), cache_type="default", value=b"1", checksum=0,
        size_bytes=1, created_ms=0, expires_ms=int(expires.timestamp() * 1000),
    )  # fmt: skip


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind that goes by itself one row that is to go, and one or more that stay."""
    monkeypatch.setattr("enrichment.retention.Conf.SAVE_LIMIT", 1)
    monkeypatch.setattr("enrichment.warm_ups.RUNS_KEPT", 1)
    ada = User.objects.create_user("ada")
    endpoint = WebhookEndpoint.objects.create(url="https://a", events=[], sealed_secret="")
    for number, days in enumerate((500, 0)):
        at = ago(days=days)
        entry(number + 1, NOW + timedelta(days=1 - days))
        created(Audit, at, "at", actor="ada", deleted=1, freed_bytes=1)
        created(ConfigRevision, at)
        created(TuningRun, at, "at", host="h", model="m", budget_seconds=1, evidence={})
        created(LogEntry, at, "action_time", user=ada, action_flag=1)
        created(WarmUp, at, "at", source="lost", ended="done")
        created(IdempotencyKey, at, digest=str(number), token=endpoint.pk)
        WorkerHeartbeat.objects.create(name=str(number), at=at)
        Session.objects.create(session_key=str(number), expire_date=at + timedelta(days=14))
        SiteStart.objects.create(at=at, role="web", host="h")
        QueueSample.objects.create(
            at=at, seconds=86_400, waiting=0, running=0, done=0, failed=0, workers=0
        )
        CallRollup.objects.create(at=at, hours=24, host="h", model="m", kind="chat", calls=1)
        LookupSpan.objects.create(
            seconds=86_400, at=at, computed=False, count=1, latency_ms=1, latencies=b"", costs=b""
        )
        Task.objects.create(
            id=str(number), name="t", func="f", started=at, stopped=at, success=False
        )
        WebhookDelivery.objects.create(endpoint=endpoint, event="test", created_at=at, due_at=at)
        AccessToken.objects.create(user=ada, name="t", expiry=timedelta(days=1 - days))
        asked = reflection(at)
        Job.objects.create(reflection=asked, available_at=at, topic=None)
    InferenceCall.objects.bulk_create([row(at=ago(days=100), rolled_up=True), row(at=NOW)])
    compared = Job.objects.create(reflection=asked, purpose="compare", available_at=NOW)
    created(Comparison, ago(days=2), job=compared, digits="d", stage=1, old_value="1")
    relist()


def rows() -> Counter[str]:
    """Return how many rows each table has."""
    return Counter({table._meta.label: table._default_manager.count() for table in _tables()})


def prune(*given: str) -> dict[str, Any]:
    printed = StringIO()
    call_command("prune", "--json", *given, stdout=printed)
    return json.loads(printed.getvalue())


def _tables() -> list[type[models.Model]]:
    return [table for table in apps.get_models(include_auto_created=True) if table is not Task]


def test_every_table_is_bounded():
    """By a rule, or by what it is: a new table needs one or the other."""
    ruled = {rule.name for rule in retention.rules()}
    assert {table._meta.label for table in _tables()} == ruled | BOUNDED.keys()
    assert not ruled & BOUNDED.keys()


def test_dry_run_tells_what_goes_and_writes_nothing(main_database: None, old: None):
    """Each rule counts just what it then removes; what is young stays."""
    before = rows()
    told = prune("--dry-run")
    assert rows() == before
    assert not any(rule["removed"] for rule in told["rules"])
    due = {rule["table"] for rule in told["rules"] if rule["due"]}
    # What goes of these is tested where it comes from.
    assert {rule["table"] for rule in told["rules"]} - due == UNFILLED

    done = prune()

    assert [rule["removed"] for rule in done["rules"]] == [rule["due"] for rule in told["rules"]]
    left = rows()
    assert {table for table in due if not 0 < left[table] < before[table]} == set()
    assert not any(rule["due"] for rule in prune("--dry-run")["rules"])


def test_only_named_tables_are_pruned(old: None):
    """By their names, however they are written; an unknown one is said to be so, with 2."""
    before = rows()
    prune("--table", "sessions.session", "cachestats.Audit")
    changed = {table for table, count in rows().items() if count != before[table]}
    assert changed == {"sessions.Session", "cachestats.Audit"}
    with pytest.raises(CommandError, match=r"auth\.User: nothing goes by itself there") as refused:
        prune("--table", "auth.User")
    assert refused.value.returncode == 2


def test_what_is_in_force_stays_however_old():
    """The newest revision decides the configuration also when it is years old."""
    created(ConfigRevision, ago(days=900))
    newest = created(ConfigRevision, ago(days=800))
    prune()
    assert ConfigRevision.objects.get() == newest


def test_nothing_of_age_goes_where_things_are_kept_for_ever(old: None, settings: Settings):
    """0 switches the rule off."""
    settings.REFLECTIONS_KEPT_DAYS = settings.CALLS_KEPT_DAYS = settings.HISTORY_KEPT_DAYS = 0
    prune()
    kept = (Reflection, InferenceCall, Audit, ConfigRevision, TuningRun, LogEntry)
    assert [table.objects.count() for table in kept] == [2] * len(kept)


def test_reflections_that_are_kept_for_ever_keep_history_to_its_own_age(
    old: None, settings: Settings
):
    """The default: each setting is about its own tables."""
    settings.REFLECTIONS_KEPT_DAYS = 0
    history = (Audit, ConfigRevision, TuningRun, LogEntry)
    for table, at in zip(history, ("at", "created_at", "at", "action_time"), strict=True):
        table.objects.filter(**{at: NOW}).update(**{at: ago(days=1)})
    prune()
    assert Reflection.objects.count() == 2
    assert [table.objects.count() for table in history] == [1] * len(history)


def test_workers_prune_once_a_minute_one_at_a_time(main_database: None, old: None):
    """Of all that look one does it, which is told; after it died another one takes its place."""
    assert sorted(bool(done.result()) for done in at_once(lambda: keep(NOW), 4)) == [
        False, False, False, True,
    ]  # fmt: skip
    assert not any(rule["due"] for rule in prune("--dry-run")["rules"])
    told = last_run()
    assert (told.begun_at, told.removed["enrichment.Reflection"]) == (NOW, 1)
    assert keep(NOW + timedelta(seconds=59)) is None
    assert keep(NOW + timedelta(seconds=60)) == {}

    type(told).objects.update(seconds=None)
    assert keep(NOW + timedelta(minutes=9)) is None
    assert keep(NOW + timedelta(minutes=12)) == {}


def test_trouble_with_one_table_keeps_no_other_from_being_pruned(
    old: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """As where the cache's file is damaged: the command ends with 1, the schedule warns."""

    def fail(_now: datetime) -> Iterator[int]:
        raise DatabaseError("file is not a database")
        yield

    wrong = Rule(table=CacheEntry, why="damaged", count=lambda _now: 0, remove=fail)
    working = retention.rules()
    monkeypatch.setattr(retention, "rules", lambda: [wrong, *working])

    with pytest.raises(CommandError, match="CacheEntry: file is not a database") as failed:
        prune("--table", "cachestats.CacheEntry", "sessions.Session")
    assert failed.value.returncode == 1
    assert Session.objects.count() == 1
    assert keep(NOW)["cachestats.Audit"] == 1
    assert "damaged: not pruned: file is not a database" in caplog.text


def test_transactions_are_short_and_find_their_rows_by_an_index(
    old: None, monkeypatch: pytest.MonkeyPatch
):
    """Rows go batch by batch; no statement of a turn reads a big table through."""
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    Session.objects.bulk_create(
        Session(session_key=f"s{number}", expire_date=ago(days=1)) for number in range(5)
    )
    with listening() as asked:
        keep(NOW)
    assert Session.objects.count() == 1
    deletes = [sql for _, sql, _ in asked.statements if sql.startswith('DELETE FROM "django_sess')]
    assert len(deletes) == 3
    assert asked.reads_of_much() == []
