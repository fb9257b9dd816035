"""Warm-ups by real workers: they keep nobody waiting, and their death is seen.

One worker, so that whatever it does is in the way of all else.
"""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.queues import Model, submit, until
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin

URL = "/api/v1/cache/warm/"


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with standin() as script:
        yield Model(script)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(model: Model, folder: Path) -> Iterator[Site]:
    config = folder / "perf_config.json"
    config.write_text(json.dumps({"inference": {"variants": 1}}))
    named = {"OLLAMA_HOST": model.script.url, "PERF_CONFIG": str(config)}
    with running_site(folder, "--workers", "1", **named) as running:
        yield running


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client("enrich:run", "enrich:read", "cache:read", "cache:purge") as http:
        yield http


@pytest.fixture
def lost(client: httpx.Client, model: Model, folder: Path) -> Iterator[str]:
    """A text whose answers were hit and whose time is over."""
    model.let_through.set()
    text, location = submit(client)
    wait_until_finished(client, location)
    assert client.post("/api/v1/reflections/", json={"text": text}).status_code == 200
    with closing(sqlite3.connect(folder / "var" / "cache.sqlite3", timeout=20)) as cache:
        stage1 = "FROM cachestats_entryuse WHERE cache_type = 'stage1_enrichment'"
        last = f"SELECT id, hits {stage1} ORDER BY used_ms DESC"
        until(lambda: cache.execute(last).fetchone()[1] > 0)
        # Of what earlier tests lost nothing is to be computed again.
        kept = cache.execute(last).fetchone()[0]
        forget = "UPDATE cachestats_entryuse SET hits = 0 WHERE cache_type = ? AND id != ?"
        cache.execute(forget, ["stage1_enrichment", kept])
        for table in ("cacheentry", "entryuse"):
            cache.execute(f"UPDATE cachestats_{table} SET expires_ms = 1")
        cache.commit()
    yield text
    model.let_through.set()


def state(client: httpx.Client, address: str) -> str:
    return str(client.get(address).json()["state"])


def wait_until_done(client: httpx.Client, address: str) -> dict[str, Any]:
    """Wait until a warm-up is done, and return what became of it."""
    warm_up: dict[str, Any] = client.get(address).json()

    def over() -> bool:
        warm_up.update(client.get(address).json())
        return warm_up["state"] not in {"waiting", "working"}

    until(over)
    assert warm_up["state"] == "done", warm_up
    return warm_up


def held_up(client: httpx.Client, model: Model, text: str) -> str:
    """Begin a warm-up whose first question the model does not answer; return its address."""
    before = model.times_asked(text)
    model.let_through.clear()
    accepted = client.post(URL)
    assert accepted.status_code == 202
    until(lambda: model.times_asked(text) > before)
    return accepted.headers["Location"]


def test_worker_warms_what_was_lost(client: httpx.Client, lost: str) -> None:
    """In the background, and the next submission is answered at once."""
    address = client.post(URL).headers["Location"]
    assert wait_until_done(client, address)["computed"] >= 1
    assert client.post("/api/v1/reflections/", json={"text": lost}).status_code == 200


def test_person_who_comes_takes_the_model_from_a_warm_up(
    client: httpx.Client, model: Model, lost: str
) -> None:
    """The only worker is in the middle of a question; it lets go of that and does the job."""
    address = held_up(client, model, lost)
    assert state(client, address) == "working"
    assert client.post(URL).status_code == 409

    text, location = submit(client)

    # The model still holds back what it was asked first.
    until(lambda: model.times_asked(text) == 1)
    assert state(client, address) == "people"
    model.let_through.set()
    assert wait_until_finished(client, location)["stage1"]["outcome"] == "model"


def test_killed_worker_leaves_an_interrupted_warm_up(
    client: httpx.Client, model: Model, lost: str, folder: Path
) -> None:
    """At once; then another may begin, and new workers carry it out, whoever else still falls."""
    address = held_up(client, model, lost)
    main = folder / "var" / "perfsite.sqlite3"
    with closing(sqlite3.connect(main, timeout=20)) as database:
        newest = "SELECT name FROM enrichment_workerheartbeat ORDER BY at DESC"
        (name,) = database.execute(newest).fetchone()
    psutil.Process(int(name.rpartition(":")[2])).kill()
    until(lambda: state(client, address) == "interrupted")

    model.let_through.set()
    again = client.post(URL)
    assert again.status_code == 202
    wait_until_done(client, again.headers["Location"])


def test_end_of_the_site_interrupts_a_warm_up(
    site: Site, client: httpx.Client, model: Model, lost: str, folder: Path
) -> None:
    """In time, and written down; the model is not waited for. (The last: the site is gone then.)"""
    held_up(client, model, lost)
    began = time.monotonic()
    site.process.send_signal(signal.SIGTERM)
    site.process.wait(20)
    assert time.monotonic() - began < 20
    with closing(sqlite3.connect(folder / "var" / "perfsite.sqlite3")) as database:
        ended = database.execute("SELECT ended FROM enrichment_warmup ORDER BY id DESC").fetchone()
    assert ended == ("interrupted",)
