"""A site under load is backed up, restored elsewhere and gone on with there; by docs' commands."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psycopg
import pytest

from enrichment.schema import newest
from tests.documented import block, blocks
from tests.engines import ROOT
from tests.queues import until
from tests.servers import find, running_postgres
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin

REFLECTIONS = "/api/v1/reflections/"
TEXT = "I am grateful for my sister."
WITHIN_SECONDS = 1.0
REFLECTION_IDS = "SELECT id FROM enrichment_reflection"
BACKUP = block("operations.md", "Backup and restore", " backup ")
RESTORE = block("operations.md", "Backup and restore", " restore ")


def shell(command: str, env: dict[str, str], **places: Path | str) -> subprocess.CompletedProcess:
    """Run what a document says, at our places instead of those that it names."""
    command = command.replace(".venv/bin/python", sys.executable)
    for name, place in (
        ("/srv/perfsite-$(date +%F)", "backup"),
        ("/srv/perfsite-2026-11-29", "backup"),
        ("/srv/perfsite.dump", "dump"),
    ):
        command = command.replace(name, str(places.get(place, name)))
    return subprocess.run(
        ["bash", "-ec", command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


@dataclass
class Crowd:
    """Somebody who goes on submitting texts, and knows which were taken when."""

    client: httpx.Client
    taken: list[str] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.enough.is_set():
            # The same again are hits, so that the queue stays short and much is written.
            body = {"text": f"Today is day {len(self.taken) % 4} of my journey."}
            answer = self.client.post(REFLECTIONS, json=body)
            assert answer.status_code in {200, 202}
            self.taken.append(answer.json()["id"].replace("-", ""))


@dataclass(frozen=True)
class Kept:
    """A backup of a site that went on: what it must have, what it can't have, where all is."""

    site: Site
    tuning: Path
    folder: Path
    before: list[str]
    after: list[str]
    done: str  # was complete before


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A site that somebody writes to, and a backup that was taken meanwhile."""
    place = tmp_path_factory.mktemp("kept")
    tuning = place / "perf_config.json"
    settings = json.loads((ROOT / "config" / "perf_config.json").read_text())
    settings["inference"]["variants"] = 1
    tuning.write_text(json.dumps(settings, indent=2))
    # No secrets either: as in development, they are kept in files.
    env = {"PERF_CONFIG": str(tuning), "SECRET_KEY": "", "PERF_CACHE_PEPPER": ""}
    with contextlib.ExitStack() as stack:
        script = stack.enter_context(standin())
        site = stack.enter_context(running_site(place, OLLAMA_HOST=script.url, **env))
        with site.client("enrich:run", "enrich:read") as client:
            location = client.post(REFLECTIONS, json={"text": TEXT}).headers["Location"]
            done = wait_until_finished(client, location)["id"].replace("-", "")
            crowd = Crowd(client)
            writer = threading.Thread(target=crowd.run)
            writer.start()
            try:
                until(lambda: len(crowd.taken) > 3)
                before = list(crowd.taken)
                made = shell(BACKUP, site.env, backup=place / "backup")
                after = len(crowd.taken) + 1
                until(lambda: len(crowd.taken) > after + 3)
            finally:
                crowd.enough.set()
                writer.join()
        assert made.returncode == 0, made.stderr
        yield Kept(site, tuning, place / "backup", before, crowd.taken[after:], done)


def rows(file: Path, question: str) -> list[tuple]:
    """Ask a file that no process of ours uses."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def test_backup_of_a_site_under_load_is_one_moment_of_it(kept: Kept) -> None:
    """All that was taken before is in it, nothing that came after; and only its owner may read."""
    found = {row[0] for row in rows(kept.folder / "perfsite.sqlite3", REFLECTION_IDS)}

    assert {kept.done, *kept.before} <= found
    assert not found & set(kept.after)
    jobs = rows(kept.folder / "perfsite.sqlite3", "SELECT reflection_id FROM enrichment_job")
    assert {row[0] for row in jobs} == found


def test_no_backup_is_restored_under_a_running_site(kept: Kept) -> None:
    """It says what to do instead, and the site goes on."""
    done = shell(RESTORE, kept.site.env, backup=kept.folder)

    assert done.returncode == 1
    assert "stop them first" in done.stderr
    assert httpx.get(f"{kept.site.url}/readyz", trust_env=False).status_code == 200


@pytest.fixture(scope="module")
def elsewhere(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Another folder in which the backup was restored."""
    place = tmp_path_factory.mktemp("elsewhere")
    env = {**kept.site.env, "VAR_DIR": str(place)}
    done = shell(RESTORE, env, backup=kept.folder)
    assert done.returncode == 0, done.stderr
    assert "perfsite.sqlite3, cache.sqlite3, secret_key, perf_cache_pepper" in done.stdout
    return replace(kept.site, env=env)


def test_restored_rows_are_those_of_the_backup(kept: Kept, elsewhere: Site) -> None:
    """Elsewhere the same is read, and the cache answers: its keys go by the pepper."""
    place = Path(elsewhere.env["VAR_DIR"])

    for name, question in (
        ("perfsite.sqlite3", "SELECT * FROM enrichment_reflection ORDER BY id"),
        ("perfsite.sqlite3", "SELECT * FROM perfsite_accesstoken"),
        ("cache.sqlite3", "SELECT * FROM cachestats_cacheentry ORDER BY id"),
    ):
        restored = rows(place / name, question)
        assert restored
        assert restored == rows(kept.folder / name, question)
    enriched = json.loads(elsewhere.manage("enrich", TEXT, "--json"))
    assert [enriched[stage]["cache"] for stage in ("stage1", "stage2")] == ["hit", "hit"]


def test_worker_before_the_migration_takes_no_jobs_and_begins_after_it(elsewhere: Site) -> None:
    """As in an upgrade whose worker was started too early; the documented commands mend it."""
    place = Path(elsewhere.env["VAR_DIR"])
    workers = "SELECT name FROM enrichment_workerheartbeat"
    before = rows(place / "perfsite.sqlite3", workers)
    elsewhere.manage("migrate", "enrichment", "0007")
    output = place / "worker.txt"
    with output.open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"],
            cwd=ROOT,
            env=elsewhere.env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(lambda: "takes no jobs yet: migrations are missing" in output.read_text())
        assert rows(place / "perfsite.sqlite3", workers) == before
        upgrade = block("operations.md", "Upgrade", "migrate").splitlines()
        for command in (line for line in upgrade if " migrate" in line):
            assert shell(command, elsewhere.env).returncode == 0
        schemas = "SELECT schema FROM enrichment_workerheartbeat"
        until(lambda: (newest(),) in rows(place / "perfsite.sqlite3", schemas))
    finally:
        worker.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(20)
        worker.kill()
    assert output.read_text().count("takes no jobs yet") == 1


def test_cache_is_switched_off_by_one_line_while_the_site_goes_on(kept: Kept) -> None:
    """By the file and over the API alike: within a second answers bypass it, and back again."""
    by_file, by_api = blocks("rollback.md", "Without the cache")
    by_file = by_file.replace("config/perf_config.json", str(kept.tuning))
    by_api = by_api.replace("http://127.0.0.1:8000", kept.site.url)
    scopes = ("enrich:run", "enrich:read", "cache:read", "config:write")
    with kept.site.client(*scopes) as client:
        env = {**kept.site.env, "TOKEN": client.headers["Authorization"].removeprefix("Bearer ")}

        def how() -> str:
            answer = client.post(REFLECTIONS, json={"text": TEXT}, params={"wait": 30})
            assert answer.status_code == 200
            return str(answer.json()["stage1"]["cache"])

        assert how() == "hit"
        for switch in (by_file, by_api):
            before = kept.tuning.read_text()
            assert shell(switch, env).returncode == 0
            time.sleep(WITHIN_SECONDS)
            assert how() == "bypass"
            ready = client.get("/readyz")
            assert ready.status_code == 200
            assert client.get("/api/v1/cache/stats/").json()["enabled"] is False
            kept.tuning.write_text(before)
            client.patch("/api/v1/config/", json={"reset": ["caching.enabled"]})
            time.sleep(WITHIN_SECONDS)
            assert how() == "hit"


def test_postgresql_is_backed_up_and_restored_by_its_own_tools(tmp_path: Path) -> None:
    """Both schemas are back in a new database, rows and all."""
    dump, restore = (
        block("operations.md", "With PostgreSQL", word) for word in ("pg_dump", "pg_restore")
    )
    tools = os.pathsep.join([str(Path(find("pg_restore")).parent), os.environ["PATH"]])
    with running_postgres() as url:
        env = {**os.environ, "PATH": tools, "DATABASE_URL": url}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE again")
            connection.execute("CREATE SCHEMA perfsite_cache CREATE TABLE entry (value bytea)")
            connection.execute("INSERT INTO perfsite_cache.entry VALUES ('answer')")
            connection.execute("CREATE TABLE reflection AS SELECT 'a day' AS text")
        assert shell(dump, env, dump=tmp_path / "dump").returncode == 0
        there = {**env, "DATABASE_URL": f"{url.rpartition('/')[0]}/again"}
        for _ in range(2):
            done = shell(restore, there, dump=tmp_path / "dump")
            assert done.returncode == 0, done.stderr
        with psycopg.connect(there["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT text FROM reflection").fetchall() == [("a day",)]
            entries = connection.execute("SELECT value FROM perfsite_cache.entry").fetchall()
            assert entries == [(b"answer",)]


def test_functions_go_on_without_our_decorator() -> None:
    """The lines that stand in for it leave each function as it was, plain or not."""
    names: dict = {}
    exec(block("rollback.md", "Without Perfsite", "def cached", "python"), names)
    cached = names["cached"]

    @cached("vision", ttl=60, params={"model": "m"}, content=lambda text: {"text": text})
    def shout(text: str) -> str:
        return text.upper()

    @cached()
    async def whisper(text: str) -> str:
        return text.lower()

    assert shout("a") == shout.uncached("a") == "A"
    with pytest.raises(StopIteration, match="b"):
        whisper("B").send(None)
