"""What one machine does, and what it keeps of it: `python -m tests.benchmarks.capacity`.

On each kind of servers: a backlog of new texts, worked off by the workers with a model that answers
at once (so what is measured is ours, not the model's); then the same text again and again, which
the web server answers from the cache; then what the databases keep of all that, by row.
docs/scaling.md sizes machines by these numbers.
"""

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import psycopg

from tests.benchmarks.cache import machine
from tests.benchmarks.http.load import as_fast_as_possible, message
from tests.engines import ROOT
from tests.servers import running_postgres, running_redis
from tests.sites import Site, end_site, free_port, start_site
from tests.standin import standin

WORKERS = 2
CONNECTIONS = 8
REFLECTIONS = "/api/v1/reflections/"
# What is kept of one thing, and what counts these things.
KEPT = {
    "reflection, with job and results": (
        ("enrichment_reflection", "enrichment_stageresult", "enrichment_job"),
        "enrichment_reflection",
    ),
    "cache entry": (("cachestats_cacheentry", "cachestats_entryuse"), "cachestats_cacheentry"),
    "call to a model": (("enrichment_inferencecall",), "enrichment_inferencecall"),
}
UNLIMITED = "100000000/min"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reflections", type=int, default=2000, help="new ones (default: 2000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of hits (default: 10)")
    options = parser.parse_args()
    for name, value in machine().items():
        print(f"{name:<10}{value}")
    for name, servers in SERVERS.items():
        print(f"\n{name}")
        with servers() as urls:
            for what, number in measured(urls, options.reflections, options.seconds):
                print(f"  {what:<44}{number:>10,.0f}")


def measured(urls: dict[str, str], reflections: int, seconds: float) -> Iterator[tuple[str, float]]:
    """Yield what one kind of servers reaches, and bytes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = stack.enter_context(standin())
        tuning = folder / "perf_config.json"
        tuning.write_text('{"inference": {"variants": 1}}')
        site = stack.enter_context(
            taking_work(
                folder,
                OLLAMA_HOST=model.url,
                PERF_CONFIG=str(tuning),
                DEBUG="0",
                SECRET_KEY="of the benchmark, the same all the time",
                PERF_CACHE_PEPPER="of the benchmark as well, and another",
                QUEUE_DEPTH="1000000",
                THROTTLE_SUBMISSION=UNLIMITED,
                THROTTLE_READ=UNLIMITED,
                LOG_LEVEL="WARNING",
                **urls,
            )
        )
        client = stack.enter_context(site.client("enrich:run", "enrich:read", "cache:read"))
        yield "submissions taken a second", submit_all(client, reflections)
        yield f"jobs a second, {WORKERS} workers", worked_off(site, client, reflections)
        hit = json.dumps({"text": text_of(0)}).encode()
        token = client.headers["Authorization"].removeprefix("Bearer ")
        asked = message("POST", f"{site.url}{REFLECTIONS}", token, hit)
        yield (
            "hits a second, whole",
            asyncio.run(as_fast_as_possible(asked, CONNECTIONS, seconds)).rate,
        )
        sizes = of_postgres(urls) if urls else of_sqlite(folder / "var")
    for what, (tables, counted) in KEPT.items():
        stored = sum(sizes.get(table, (0, 0))[0] for table in tables)
        yield f"bytes a {what}", stored / max(1, sizes[counted][1])


@contextmanager
def taking_work(folder: Path, **env: str) -> Iterator[Site]:
    """Start a web server alone, which is never ready as long as nobody works."""
    site = start_site(folder, free_port(), "--no-worker", "--no-engine", **env)
    try:
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"{site.url}/healthz", trust_env=False).is_success:
                    break
            time.sleep(0.1)
        yield site
    finally:
        end_site(site)


def text_of(number: int) -> str:
    """Return a new text, as long as people's are."""
    return (
        f"Entry {number}: I am grateful for my friends, who came by this evening with soup. "
        "We talked about work and about the winter, and I slept well for once."
    )


def submit_all(client: httpx.Client, reflections: int) -> float:
    """Submit new texts; return how many a second were taken."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        sent = pool.map(
            lambda number: client.post(REFLECTIONS, json={"text": text_of(number)}),
            range(reflections),
        )
        assert {answer.status_code for answer in sent} == {202}
    return reflections / (time.perf_counter() - began)


def worked_off(site: Site, client: httpx.Client, reflections: int) -> float:
    """Start workers; return how many jobs a second they did once they were at it."""

    def waiting() -> int:
        queue = client.get("/readyz").json()["queue"]
        return int(queue["depth"] + queue["running"])

    command = [sys.executable, "manage.py", "qcluster"]
    env = {**site.env, "QCLUSTER_WORKERS": str(WORKERS)}
    workers = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        while waiting() > 0.95 * reflections:
            time.sleep(0.05)
        began, left = time.perf_counter(), waiting()
        while waiting():
            time.sleep(0.05)
        return left / (time.perf_counter() - began)
    finally:
        workers.terminate()
        workers.wait(30)


def of_sqlite(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the bytes of each table with its indexes, and its rows."""
    sizes = {}
    for name in ("perfsite.sqlite3", "cache.sqlite3"):
        with closing(sqlite3.connect(folder / name)) as database:
            owners = dict(database.execute("SELECT name, tbl_name FROM sqlite_master"))
            stored: dict[str, int] = {}
            for part, size in database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1"):
                owner = owners.get(part, part)
                stored[owner] = stored.get(owner, 0) + size
            for table, size in stored.items():
                if not table.startswith("sqlite_"):
                    rows = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
                    sizes[table] = (size, rows)
    return sizes


def of_postgres(urls: dict[str, str]) -> dict[str, tuple[int, int]]:
    """Return the bytes of each table with its indexes, and its rows."""
    with psycopg.connect(urls["DATABASE_URL"]) as database:
        found = database.execute(
            "SELECT relname, relid::regclass::text, pg_total_relation_size(relid)"
            " FROM pg_stat_user_tables"
        ).fetchall()
        return {
            name: (size, database.execute(f"SELECT count(*) FROM {place}").fetchone()[0])
            for name, place, size in found
        }


@contextmanager
def nothing() -> Iterator[dict[str, str]]:
    """One machine by itself."""
    yield {}


@contextmanager
def both() -> Iterator[dict[str, str]]:
    """As on many machines."""
    with running_postgres() as postgres, running_redis() as redis:
        yield {"DATABASE_URL": postgres, "REDIS_URL": redis}


SERVERS = {"SQLite": nothing, "PostgreSQL and Redis": both}

if __name__ == "__main__":
    main()
