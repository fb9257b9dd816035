"""The same site with its data in PostgreSQL, and with its tickets in Redis."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
