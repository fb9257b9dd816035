"""What monitors are told: whether the whole can take work, and how the queue does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from enrichment import jobs
from enrichment.models import Job, Reflection, Status, WorkerHeartbeat
from enrichment.models.jobs import Priority
from enrichment.queue_reports import STALLED_AFTER
from enrichment.schema import wait_for_schema
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
LONG_AGO = NOW - STALLED_AFTER - timedelta(seconds=1)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def worker() -> None:
    """A worker that gave a sign of life two seconds ago."""
    WorkerHeartbeat.objects.beat("here:1", NOW - timedelta(seconds=2))


def make_job(**fields) -> None:
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=NOW)
    job = jobs.create(reflection, priority=Priority.INTERACTIVE)
    Job.objects.filter(pk=job.pk).update(**fields)


def test_site_that_can_take_work_is_ready_and_tells_of_its_queue(
    client: Client, model: Script, worker: None
):
    """Depth, the oldest that waits, workers and their newest sign of life are numbers."""
    make_job(available_at=NOW - timedelta(seconds=7))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert set(answer.json()["checks"].values()) == {"ok"}
    assert answer.json()["queue"] == {
        "depth": 1,
        "running": 0,
        "oldest_waiting_seconds": 7.0,
        "throughput_per_minute": 0.0,
        "workers_alive": 1,
        "last_heartbeat_seconds": 2.0,
    }


def test_queue_that_looks_well_and_does_nothing_is_degraded(
    client: Client, model: Script, worker: None, person: User
):
    """Workers are alive, and nobody takes what waits: monitors and the overview say so."""
    make_job(available_at=LONG_AGO)
    make_job(status=Status.COMPLETE, started_at=LONG_AGO, finished_at=LONG_AGO)
    make_job(status=Status.COMPLETE, finished_at=NOW)
    make_job(status=Status.STAGE1_RUNNING, lease_until=LONG_AGO)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    wrong = {name: said for name, said in answer.json()["checks"].items() if said != "ok"}
    assert list(wrong) == ["queue"]
    assert "a job waits for 121 s" in wrong["queue"]
    assert "restart" in wrong["queue"]
    client.force_login(person)
    assert "The queue does nothing" in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("other", "waiting_since"),
    [
        ({"status": Status.STAGE2_RUNNING, "lease_until": NOW + jobs.LEASE}, LONG_AGO),
        ({"status": Status.COMPLETE, "started_at": LONG_AGO, "finished_at": NOW}, LONG_AGO),
        ({"status": Status.FAILED}, NOW - STALLED_AFTER),
        ({"status": Status.FAILED}, NOW + timedelta(seconds=1)),
    ],
    ids=["one-is-at-work", "one-was-completed", "not-for-long", "waits-out-a-back-off"],
)
def test_backlog_that_is_worked_through_is_ready(
    client: Client, model: Script, worker: None, other, waiting_since
):
    """A long wait alone is no fault, and a short one is none at all."""
    make_job(available_at=waiting_since)
    make_job(**other)

    assert client.get("/readyz").json()["status"] == "ready"


def test_site_without_a_worker_is_down_and_still_tells_of_its_queue(client: Client, model: Script):
    """How much waits, and since when nobody has lived, is what one wants to know then."""
    WorkerHeartbeat.objects.create(name="here:1", at=LONG_AGO)
    make_job(available_at=LONG_AGO)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer["Retry-After"]
    assert "manage.py qcluster" in answer.json()["checks"]["worker"]
    queue = answer.json()["queue"]
    assert (queue["depth"], queue["workers_alive"], queue["last_heartbeat_seconds"]) == (1, 0, 121)


def test_site_whose_model_loads_is_starting_however_long_jobs_wait(
    client: Client, settings: Settings, tmp_path: Path, worker: None
):
    """Jobs wait for the model then; that is no stuck queue."""
    settings.ENGINE_STARTING_FILE = tmp_path / "engine.starting"
    settings.ENGINE_STARTING_FILE.touch()
    make_job(available_at=LONG_AGO)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "starting")
    assert answer.json()["queue"]["depth"] == 1


def test_site_without_its_database_is_down_and_knows_nothing_of_its_queue(client: Client):
    """Unknown is null, not zero."""

    def broken(*_args: object) -> None:
        raise OperationalError("disk I/O error")

    with connection.execute_wrapper(broken):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "down",
        "checks": {"database": "disk I/O error"},
        "queue": None,
    }


def test_site_whose_workers_run_another_version_is_degraded_and_says_which(
    client: Client, model: Script, worker: None, person: User, caplog: pytest.LogCaptureFixture
):
    """Monitors, the pages and the log tell of it, the log once; who is gone does not count."""
    WorkerHeartbeat.objects.create(
        name="there:1", at=NOW, version="0.0.9", schema="enrichment.0005"
    )
    WorkerHeartbeat.objects.create(name="gone:1", at=LONG_AGO, version="0.0.8")

    answers = [client.get("/readyz") for _ in range(2)]

    for answer in answers:
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        said = answer.json()["checks"]["versions"]
        assert "workers run 0.0.9 (enrichment.0005), the site" in said
    assert [line for line in caplog.messages if "Versions differ" in line] == [
        f"[PERF] Versions differ: {said}"
    ]
    client.force_login(person)
    assert "1 of 2 workers run another version" in " ".join(
        client.get("/").content.decode().split()
    )


@pytest.fixture
def recorder() -> Iterator[MigrationRecorder]:
    """What tells which migrations a database has; no test's tables, so they are put back."""
    recorder = MigrationRecorder(connection)
    before = set(recorder.applied_migrations())
    yield recorder
    after = set(recorder.applied_migrations())
    for migration in after - before:
        recorder.record_unapplied(*migration)
    for migration in before - after:
        recorder.record_applied(*migration)


def test_site_whose_database_lacks_migrations_is_down(
    client: Client, model: Script, worker: None, recorder: MigrationRecorder
):
    """It says which command mends it, whatever else the tables would answer."""
    recorder.record_unapplied("enrichment", "0005_calls_images_tuning_and_warm_ups")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert answer.json()["checks"]["migrations"] == (
        "migrations are missing (1): manage.py migrate"
    )


def test_worker_waits_for_right_tables_and_says_so_once(
    recorder: MigrationRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """An older version on newer tables would do harm; once they are right it begins by itself."""
    recorder.record_applied("enrichment", "9999_of_the_future")
    looked = []

    def sleep(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            recorder.record_unapplied("enrichment", "9999_of_the_future")

    monkeypatch.setattr("time.sleep", sleep)

    with caplog.at_level("INFO"):
        wait_for_schema()

    assert len(looked) == 3
    waits, begins = caplog.messages
    assert "takes no jobs yet" in waits
    assert "newer version (enrichment.9999_of_the_future)" in waits
    assert "this worker begins" in begins
