"""Whatever process of the queue is killed, and whenever it is told to end: no job is lost or hangs.

The whole site, as `manage.py serve` runs it, with a scripted model that answers when it may.
"""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.queues import (
    PATIENCE_SECONDS,
    WORKERS,
    Model,
    alive,
    settled_family,
    submit,
    until,
)
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with standin() as script:
        yield Model(script)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(model: Model, folder: Path) -> Iterator[Site]:
    with running_site(folder, "--workers", str(WORKERS), OLLAMA_HOST=model.script.url) as running:
        yield running


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client("enrich:run", "enrich:read") as http:
        yield http


@pytest.fixture(autouse=True)
def going_on(model: Model) -> Iterator[None]:
    yield
    model.let_through.set()


def site_database(folder: Path) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(folder / "var" / "perfsite.sqlite3"))


def jobs(folder: Path, location: str) -> tuple[str, int, int]:
    """Status, attempts and errors of a reflection's job, as they are stored."""
    identity = location.rstrip("/").rpartition("/")[2].replace("-", "")
    with site_database(folder) as connection:
        found: tuple[str, int, int] = connection.execute(
            "SELECT status, attempts, errors FROM enrichment_job WHERE reflection_id = ?",
            (identity,),
        ).fetchone()
    return found


def test_busy_worker_killed_its_job_is_done_by_another(
    site: Site, client: httpx.Client, model: Model, folder: Path
) -> None:
    """The job of a worker that died is claimed again at once, and that death is counted."""
    members = settled_family(site)
    model.let_through.clear()
    text, location = submit(client)
    until(lambda: model.times_asked(text) == 1)
    with site_database(folder) as connection:
        (name,) = connection.execute(
            "SELECT claimed_by FROM enrichment_job WHERE claimed_by != ''"
        ).fetchone()
    [busy] = [member for member in members.values() if name.endswith(f":{member.pid}")]
    busy.kill()
    until(lambda: model.times_asked(text) == 2)
    model.let_through.set()
    assert wait_until_finished(client, location)["stage1"]["outcome"] == "model"
    assert jobs(folder, location) == ("complete", 2, 0)


def test_job_cancelled_in_mid_inference_frees_its_worker(
    site: Site, client: httpx.Client, model: Model, folder: Path
) -> None:
    """The call is broken off, nothing is written, and the workers take other work."""
    settled_family(site)
    model.let_through.clear()
    held = [submit(client) for _ in range(WORKERS)]
    until(lambda: all(model.times_asked(text) == 1 for text, _ in held))
    for _, location in held:
        cancelled = client.post(f"{location}cancel/")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    text, location = submit(client)
    # The model still holds back what it was asked first; only a free worker can ask it this.
    until(lambda: model.times_asked(text) == 1)
    model.let_through.set()
    assert wait_until_finished(client, location)["status"] == "complete"
    for _, location in held:
        assert client.get(location).json()["stage1"] is None
        assert client.post(f"{location}cancel/").status_code == 409
        assert client.post(f"{location}retry/").status_code == 202
        assert wait_until_finished(client, location)["stage1"]["outcome"] == "model"


def test_worker_stopped_for_long_is_replaced(
    site: Site, client: httpx.Client, model: Model
) -> None:
    """Workers under SIGSTOP, which may hold the queue's lock, are ended; work goes on."""
    members = settled_family(site)
    for role in ("worker 0", "worker 1"):
        members[role].suspend()
    _, location = submit(client)
    assert wait_until_finished(client, location)["status"] == "complete"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_stop_under_load_gives_running_work_back(tmp_path: Path, how: signal.Signals) -> None:
    """Nothing is left running, no attempt is charged, and the next start does the work."""
    with standin() as script:
        model = Model(script)
        model.let_through.clear()
        with running_site(tmp_path, OLLAMA_HOST=script.url) as site:
            with site.client("enrich:run", "enrich:read") as client:
                running = [submit(client) for _ in range(WORKERS)]
                waiting = submit(client)
                until(lambda: all(model.times_asked(text) == 1 for text, _ in running))
            members = site.family()
            site.process.send_signal(how)
            site.process.wait(PATIENCE_SECONDS)
            assert not any(map(alive, members))
        for _, location in [*running, waiting]:
            assert jobs(tmp_path, location) == ("queued", 0, 0)
        model.let_through.set()
        with running_site(tmp_path, OLLAMA_HOST=script.url):
            for _, location in [*running, waiting]:
                until(lambda: jobs(tmp_path, location) == ("complete", 1, 0))  # noqa: B023
