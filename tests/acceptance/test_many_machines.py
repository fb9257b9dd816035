"""Two web and three worker machines, two models, one PostgreSQL and one Redis: one of each dies."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.engines import ROOT
from tests.hosts import Host, network
from tests.servers import postgres_server, redis_server
from tests.sites import DONE_SECONDS, READY_SECONDS
from tests.standin import Answer, Script, feeling, standin

PORT = 8000
WEBS = ("web1", "web2")
WORKERS = ("worker1", "worker2", "worker3")
REFLECTIONS = 24
# Long enough for a kill in the middle of many.
ANSWER_SECONDS = 0.4
MANAGE = (sys.executable, "manage.py")
TUNING = {
    "inference": {"variants": 1},
    "networking": {"timeout_connect": 2, "timeout_read": 10},
}


@dataclass(frozen=True)
class Site:
    """Machines by name, two models that can be ended, and who asks at each web machine."""

    hosts: dict[str, Host]
    models: list[ExitStack]
    clients: dict[str, httpx.Client]


def slow(_body: object) -> Answer:
    time.sleep(ANSWER_SECONDS)
    return feeling({"grateful": -0.5, "happy": -1.5, "calm": -3.0})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        net = stack.enter_context(network(tmp_path, *WEBS, *WORKERS))
        postgres = stack.enter_context(postgres_server(host=net.address, trusted=net.mask))
        redis = stack.enter_context(redis_server(net.address))
        models = [stack.enter_context(ExitStack()) for _ in range(2)]
        scripts = [
            model.enter_context(standin(Script(generate=slow), host=net.address))
            for model in models
        ]
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE cache")
        tuning = tmp_path / "perf_config.json"
        tuning.write_text(json.dumps(TUNING))
        env = {
            "DJANGO_SETTINGS_MODULE": "perfsite.settings",
            "DEBUG": "0",
            "HTTPS": "0",
            "SECRET_KEY": "the same on all machines, " * 3,
            "PERF_CACHE_PEPPER": "the same on all machines, too, " * 3,
            "ALLOWED_HOSTS": ",".join(net.hosts[name].address for name in WEBS),
            "DATABASE_URL": postgres.url,
            "CACHE_DATABASE_URL": f"{postgres.url.rpartition('/')[0]}/cache",
            "REDIS_URL": redis.url,
            "OLLAMA_HOST": ",".join(script.url.removeprefix("http://") for script in scripts),
            "PERF_CONFIG": str(tuning),
            "QCLUSTER_WORKERS": "1",
        }
        # All at once: whoever comes first prepares the databases.
        for name in WEBS:
            here = net.hosts[name]
            serve = ("serve", "--host", here.address, "--port", str(PORT))
            here.start(*MANAGE, *serve, "--no-worker", "--no-engine", env=env)
        urls = {name: f"http://{net.hosts[name].address}:{PORT}" for name in WEBS}
        for name, url in urls.items():
            wait_until_up(url, net.hosts[name])
        for name in WORKERS:
            net.hosts[name].start(*MANAGE, "qcluster", env=env)
        headers = {"Authorization": f"Bearer {token(tmp_path, env)}"}
        clients = {
            name: stack.enter_context(
                httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)
            )
            for name, url in urls.items()
        }
        yield Site(net.hosts, models, clients)


def wait_until_up(url: str, host: Host) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"the web machine did not start: {host.said}")


def token(folder: Path, env: dict[str, str]) -> str:
    """Return a new token, made on the machine that runs the tests."""
    command = [*MANAGE, "create_token", "web", "--json"]
    everything = {**os.environ, **env, "VAR_DIR": str(folder / "var")}
    made = subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, check=True)
    return str(json.loads(made.stdout)["token"])


def wait_until_enriched(client: httpx.Client, location: str) -> None:
    """Wait until a model answered both stages: what was filled in without one is done again."""
    deadline = time.monotonic() + DONE_SECONDS
    while True:
        body = client.get(location).json()
        outcomes = {(body[stage] or {}).get("outcome") for stage in ("stage1", "stage2")}
        if outcomes == {"model"}:
            return
        assert time.monotonic() < deadline, body
        time.sleep(0.1)


def test_one_machine_of_each_kind_dies_and_nothing_is_lost(site: Site) -> None:
    """Each reflection that was taken is enriched by a model; what one computed others find."""
    web1, web2 = site.clients.values()
    turns = itertools.cycle((web1, web2))
    texts = [f"I am grateful for friend number {number}." for number in range(REFLECTIONS)]
    taken = {}
    for number, text in enumerate(texts):
        if number == REFLECTIONS // 2:
            site.hosts["web1"].pull_the_plug()
            site.hosts["worker1"].pull_the_plug()
            site.models[0].close()
            turns = itertools.cycle((web2,))
        answer = next(turns).post("/api/v1/reflections/", json={"text": text})
        assert answer.status_code == 202, answer.text
        taken[text] = answer.headers["Location"]

    for location in taken.values():
        wait_until_enriched(web2, location)

    again = [web2.post("/api/v1/reflections/", json={"text": text}) for text in taken]
    assert {(answer.status_code, answer.headers["X-Cache"]) for answer in again} == {(200, "HIT")}
