"""What the site's own system checks find, and that they find nothing where all is well."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.checks.registry import registry
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from cachestats.models import ConfigRevision
from enrichment.models import SiteStart, WorkerHeartbeat
from tests.databases import leading_to
from tests.engines import ROOT

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

DATABASES = ("default", "cache")
RANDOM = "k3Xw0ZrJ8vTq5LmN2bYc7HsD4fGa9PuE1iRo6WtKx2Mv7Bq0Js"


def found(databases: tuple[str, ...] | None = None, *, deploy: bool = True) -> list[CheckMessage]:
    """Return what the checks of this site say."""
    ours = [check for check in registry.get_checks(deploy) if check.__module__ == "perfsite.checks"]
    return [told for check in ours for told in check(app_configs=None, databases=databases)]


def ids(*how: Any, **named: Any) -> list[str]:
    return [told.id.removeprefix("perfsite.") for told in found(*how, **named)]


@pytest.fixture(autouse=True)
def well(settings: Settings) -> None:
    """As production should be."""
    settings.PERF_CACHE_PEPPER = RANDOM


@pytest.fixture
def postgresql(databases: None, main_postgres_url: str) -> Iterator[None]:
    """The main database in PostgreSQL."""
    with leading_to(main_postgres_url, "default"):
        yield


def mounted(monkeypatch: pytest.MonkeyPatch, *mounts: tuple[str, str]) -> None:
    """Have the machine mount these, by place and kind."""
    table = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts]
    monkeypatch.setattr("perfsite.checks.psutil.disk_partitions", lambda **_: table)


@pytest.mark.parametrize("databases", [None, DATABASES])
def test_where_all_is_well_nothing_is_said(databases: tuple[str, ...] | None) -> None:
    """On this machine, with its real mounts and clock."""
    assert ids(databases) == []


@pytest.mark.parametrize("pepper", ["short", "ab" * 40, "same as the key"])
def test_weak_pepper_is_w001(settings: Settings, pepper: str) -> None:
    """Too short, of few characters, or known to whoever knows the other; in production alone."""
    settings.PERF_CACHE_PEPPER = pepper
    if pepper.startswith("same"):
        settings.PERF_CACHE_PEPPER = settings.SECRET_KEY = RANDOM
    assert ids() == ["W001"]
    assert ids(deploy=False) == []


def test_development_for_others_is_w002(settings: Settings) -> None:
    """Without --deploy too: who forgets DEBUG=1 does not ask for checks of production."""
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["localhost", "site.example"]
    assert ids(deploy=False) == ["W002"]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert ids(deploy=False) == []


def test_any_host_is_w003(settings: Settings) -> None:
    """A name of the site that anybody chooses."""
    settings.ALLOWED_HOSTS = ["*"]
    assert ids() == ["W003"]


def test_turn_longer_than_the_queue_lets_it_be_is_w004(settings: Settings, tmp_path: Path) -> None:
    """By the tuning file; by a revision over it only where the database may be asked."""
    settings.PERF_CONFIG = tmp_path / "tuning.json"
    settings.PERF_CONFIG.write_text('{"networking": {"timeout_read": 300}}')
    (told,) = found()
    assert told.id == "perfsite.W004"
    assert "more than 3780" in str(told.hint)
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "timeout": 3781, "retry": 8062}
    assert ids() == []

    overlay = {"networking": {"timeout_read": 600}}
    ConfigRevision.objects.create(number=1, overlay=overlay)
    assert ids() == []
    assert ids(DATABASES) == ["W004"]


def test_ticket_that_waits_longer_than_its_retry_is_w004(settings: Settings) -> None:
    """It would be handed out while the first is still to be worked on."""
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 2 * settings.Q_CLUSTER["timeout"]}
    assert ids() == ["W004"]


def test_broken_tuning_file_is_left_to_its_own_check(settings: Settings, tmp_path: Path) -> None:
    """One fault is told once."""
    settings.PERF_CONFIG = tmp_path / "gone.json"
    assert ids() == []


def test_sqlite_on_a_network_is_w005(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The nearest mount counts, for each of both files, wherever links lead."""
    share, disk = tmp_path / "share", tmp_path / "share" / "disk"
    disk.mkdir(parents=True)
    (tmp_path / "link").symlink_to(share)
    mounted(monkeypatch, ("/", "ext4"), (str(share), "nfs4"), (str(disk), "xfs"))

    def with_files(main: Path, cache: Path) -> list[CheckMessage]:
        for alias, path in zip(DATABASES, (main, cache), strict=True):
            monkeypatch.setitem(connections[alias].settings_dict, "NAME", str(path))
        return found()

    assert with_files(disk / "a.sqlite3", tmp_path / "b.sqlite3") == []
    (told,) = with_files(disk / "a.sqlite3", tmp_path / "link" / "b.sqlite3")
    assert told.id == "perfsite.W005"
    assert f"{share / 'b.sqlite3'} (cache)" in told.msg
    assert len(with_files(share / "a.sqlite3", share / "b.sqlite3")) == 2


def test_redis_that_is_away_is_w007_where_servers_may_be_asked(settings: Settings) -> None:
    """A build machine without a network checks the rest."""
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert ids() == []
    assert ids(DATABASES) == ["W007"]


def test_rows_from_the_future_are_w008() -> None:
    """A worker's clock that is ahead, or this machine's that was put back."""
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="gpu1:17", at=now + timedelta(minutes=3))
    WorkerHeartbeat.objects.create(name="gpu2:18", at=now + timedelta(seconds=2))
    SiteStart.objects.create(at=now + timedelta(days=2), role="web", host="web1")

    told = [message.msg for message in found(DATABASES)]

    assert [words.partition(" is from the future")[0] for words in told] == [
        "The sign of life of the worker gpu1:17",
        "A start on web1",
    ]
    assert ids() == []


@pytest.mark.parametrize(("ahead", "way"), [(60, "behind"), (-60, "ahead of")])
def test_clock_that_differs_from_the_databases_is_w008(
    postgresql: None, monkeypatch: pytest.MonkeyPatch, ahead: int, way: str
) -> None:
    """Of PostgreSQL, which has a clock of its own."""
    assert ids(DATABASES, deploy=False) == []
    now = timezone.now().timestamp()
    monkeypatch.setattr("perfsite.checks.time.time", lambda: now + ahead)
    (told,) = found(DATABASES, deploy=False)
    assert told.id == "perfsite.W008"
    assert f"60 s {way} this machine's" in told.msg


def test_more_workers_than_postgresql_takes_are_w009(postgresql: None) -> None:
    """Of all machines: those that are alive."""
    now = timezone.now()
    beats = [WorkerHeartbeat(name=f"far{number}:7", at=now) for number in range(40)]
    WorkerHeartbeat.objects.bulk_create(beats)
    (told,) = found(DATABASES, deploy=False)
    assert told.id == "perfsite.W009"
    assert "takes 397 connections, and 40 workers" in told.msg
    assert ids(deploy=False) == []
    WorkerHeartbeat.objects.filter(name__startswith="far1").update(at=now - timedelta(minutes=1))
    assert ids(DATABASES, deploy=False) == []


def test_cache_of_each_machine_is_w006(postgresql: None) -> None:
    """With PostgreSQL there may be several machines, and here each has a file for its cache."""
    assert ids() == ["W006"]
    assert ids(deploy=False) == []


def test_each_check_stands_in_the_documentation() -> None:
    """By its number, with what to do."""
    page = (ROOT / "docs" / "operations.md").read_text()
    code = (ROOT / "perfsite" / "checks.py").read_text()
    numbers = {f"perfsite.W{number:03}" for number in range(1, 10)}
    assert all(f'id="{number}"' in code and f"`{number}`" in page for number in numbers)
    assert "perfsite.W010" not in code
