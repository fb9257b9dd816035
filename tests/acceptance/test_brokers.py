"""The same site with its data in PostgreSQL, and with its tickets in Redis."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from perfsite import checks
from perfsite.management.commands.serve import THREADS
from tests.queues import WORKERS, Model, settled_family, submit, until
from tests.servers import find, running_postgres, running_redis
from tests.sites import Site, running_site, wait_until_finished
from tests.standin import standin


@pytest.fixture(params=["postgresql", "redis"])
def where(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What is set for a site: its database, and beside it its broker."""
    with ExitStack() as servers:
        urls = {"DATABASE_URL": servers.enter_context(running_postgres())}
        if request.param == "redis":
            urls["REDIS_URL"] = servers.enter_context(running_redis())
        yield urls


def forget_tickets(where: dict[str, str]) -> None:
    """Lose all that Redis holds, as a restart without its file does."""
    if url := where.get("REDIS_URL"):
        subprocess.run([find("redis-cli"), "-u", url, "flushall"], check=True, capture_output=True)


def test_jobs_and_cache_hold_on_other_servers(tmp_path: Path, where: dict[str, str]) -> None:
    """Workers die and tickets vanish: each reflection is enriched; the same text again is a hit."""
    with standin() as script:
        model = Model(script)
        model.let_through.clear()
        with running_site(tmp_path, OLLAMA_HOST=script.url, **where) as site:
            sent = enrich_under_fire(site, model, where)
            with site.client("enrich:run", "cache:read") as client:
                again = client.post("/api/v1/reflections/", json={"text": sent})
                assert (again.status_code, again.headers["X-Cache"]) == (200, "HIT")
                stats = client.get("/api/v1/cache/stats/").json()
                assert stats["entries"] > 0
            assert_few_connections(site, where["DATABASE_URL"])


def assert_few_connections(site: Site, database: str) -> None:
    """No process has more of them than the check of PostgreSQL's limit counts with."""
    port = urlsplit(database).port
    members = site.family()
    counts = {
        member.pid: sum(bool(one.raddr) and one.raddr.port == port for one in connections)
        for member in members
        for connections in [member.net_connections(kind="tcp")]
    }
    workers = [settled_family(site)[f"worker {number}"].pid for number in range(WORKERS)]
    assert all(0 < counts[pid] <= checks.WORKER_CONNECTIONS for pid in workers), counts
    [web] = [member for member in members if counts[member.pid] and is_web(member)]
    most = checks.WEB_CONNECTIONS + THREADS * checks.WEB_THREAD_CONNECTIONS
    assert counts[web.pid] <= most, counts


def is_web(member: psutil.Process) -> bool:
    return "granian" in " ".join(member.cmdline())


def enrich_under_fire(site: Site, model: Model, where: dict[str, str]) -> str:
    """Submit more than there are workers, kill these in mid-inference, lose all tickets."""
    with site.client("enrich:run", "enrich:read") as client:
        sent = [submit(client) for _ in range(3 * WORKERS)]
        until(lambda: sum(model.times_asked(text) for text, _ in sent) == WORKERS)
        members = settled_family(site)
        for number in range(WORKERS):
            members[f"worker {number}"].kill()
        forget_tickets(where)
        model.let_through.set()
        for _, location in sent:
            body = wait_until_finished(client, location)
            assert body["stage1"]["outcome"] == "model"
    return sent[0][0]
