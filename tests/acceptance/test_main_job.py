"""The whole main job: a real site, a real worker, a real model behind a real socket."""

import json
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.engines import ROOT
from tests.sites import Site, running_site, wait_until_finished

pytestmark = pytest.mark.engine

TEXT = "I'm feeling grateful for my sister today"
# A process writes what it counted every second, when it gets to it.
COUNTED_SECONDS = 20
SCOPES = ("enrich:run", "enrich:read", "cache:read", "cache:purge")


def submit_twice(site: Site) -> tuple[dict, dict, dict]:
    """Submit a text, wait for both stages, submit it again.

    Returns:
        The first answer once finished, the second answer, and the second's headers.

    Raises:
        AssertionError: the second did not come back at once, from the cache, and equal.
    """
    with site.client(*SCOPES) as client:
        first = client.post("/api/v1/reflections/", json={"text": TEXT})
        assert first.status_code == 202
        cold = wait_until_finished(client, first.headers["Location"])
        second = client.post("/api/v1/reflections/", json={"text": TEXT})
    assert [cold[stage]["cache"] for stage in ("stage1", "stage2")] == ["miss", "miss"]
    assert [cold[stage]["outcome"] for stage in ("stage1", "stage2")] == ["model", "model"]
    warm = second.json()
    assert second.status_code == 200, "the second went through the queue"
    assert [warm[stage]["cache"] for stage in ("stage1", "stage2")] == ["hit", "hit"]
    for stage in ("stage1", "stage2"):
        assert json.dumps(warm[stage]["result"]) == json.dumps(cold[stage]["result"])
    return cold, warm, dict(second.headers)


def tuned(directory: Path, **caching) -> str:
    """Return a tuning file as it is delivered, but with one variant of each text."""
    tuning = json.loads((ROOT / "config" / "perf_config.json").read_text())
    tuning["inference"]["variants"] = 1
    tuning["caching"] |= caching
    config = directory / "perf_config.json"
    config.write_text(json.dumps(tuning))
    return str(config)


def counted(site: Site, lookups: int) -> dict:
    """Return the cache's numbers once so many look-ups are counted: processes write them later."""
    deadline = time.monotonic() + COUNTED_SECONDS
    while True:
        stats = json.loads(site.manage("cache_stats", "--json"))
        if stats["overall"]["lookups"] >= lookups or time.monotonic() > deadline:
            return stats


def test_same_text_twice_is_a_miss_then_an_equal_hit(tmp_path: Path, engine_url: str):
    """Through API, queue, worker and model once; then at once, equal, faster, and it says HIT."""
    with running_site(tmp_path, OLLAMA_HOST=engine_url, PERF_CONFIG=tuned(tmp_path)) as site:
        cold, warm, headers = submit_twice(site)
        stats = counted(site, lookups=4)

    assert headers["x-cache"] == "HIT"
    assert headers["cache-status"].count("perfsite; hit") == 2
    assert cold["stage1"]["result"]["wheel"]["primary"] == "joyful"
    for stage in ("stage1", "stage2"):
        assert warm[stage]["duration_ms"] < cold[stage]["duration_ms"]
    assert (stats["overall"]["hit_count"], stats["overall"]["miss_count"]) == (2, 2)
    assert stats["overall"]["time_saved_seconds"] > 0


def test_acceptance_fails_when_the_cache_is_switched_off(tmp_path: Path, engine_url: str):
    """The check above is honest: without the cache it does not pass."""
    config = tuned(tmp_path, enabled=False)
    with running_site(tmp_path, OLLAMA_HOST=engine_url, PERF_CONFIG=config) as site:
        with pytest.raises(AssertionError):
            submit_twice(site)
        stats = json.loads(site.manage("cache_stats", "--json"))

    assert stats["entries"] == 0
    assert stats["overall"]["hit_count"] == 0


def test_purged_answer_is_computed_again(tmp_path: Path, engine_url: str):
    """After `purge_cache` in another process the same text is a miss."""
    with running_site(tmp_path, OLLAMA_HOST=engine_url, PERF_CONFIG=tuned(tmp_path)) as site:
        submit_twice(site)
        purged = json.loads(site.manage("purge_cache", "--all", "--no-input", "--json"))
        with site.client(*SCOPES) as client:
            again = client.post("/api/v1/reflections/", json={"text": TEXT})

    assert purged["deleted"] == 2
    assert again.status_code == 202


def test_fresh_machine_gets_the_embedded_model_and_ctrl_c_ends_everything(tmp_path: Path):
    """Where no Ollama answers, `serve` starts the engine; Ctrl-C leaves no process behind."""
    with running_site(tmp_path) as site:
        with site.client(*SCOPES) as client:
            location = client.post("/api/v1/reflections/", json={"text": TEXT}).headers["Location"]
            body = wait_until_finished(client, location)
        family = site.family()
        site.process.send_signal(signal.SIGINT)
        code = site.process.wait(15)
        _gone, alive = psutil.wait_procs(family, timeout=2)

    output = (tmp_path / "output.txt").read_text()
    assert body["stage2"]["outcome"] in {"model", "fallback"}
    assert body["stage1"]["outcome"] == "model"
    assert code == 0
    assert alive == []
    assert "http://127.0.0.1:" in output
    assert "Login" in output
    assert "smollm2:135m" in output
    assert TEXT not in output


def test_child_that_is_killed_is_started_again(tmp_path: Path, engine_url: str):
    """The supervisor brings web and worker back after kill -9, and work goes on."""
    with running_site(tmp_path, OLLAMA_HOST=engine_url) as site:
        for child in psutil.Process(site.process.pid).children():
            child.kill()
        deadline = time.monotonic() + 30
        body = None
        while body is None and time.monotonic() < deadline:
            try:
                with site.client(*SCOPES) as client:
                    accepted = client.post("/api/v1/reflections/", json={"text": TEXT})
                    body = wait_until_finished(client, accepted.headers["Location"])
            except OSError:
                time.sleep(0.2)
            except Exception as exc:
                if "Connect" not in type(exc).__name__:
                    raise
                time.sleep(0.2)

    assert body is not None
    assert body["status"] == "complete"


def test_busy_port_is_a_clear_error(tmp_path: Path, engine_url: str):
    """A port that is taken ends the start with what to do, and without a traceback."""
    with running_site(tmp_path, OLLAMA_HOST=engine_url) as site:
        port = site.url.rpartition(":")[2]
        with pytest.raises(subprocess.CalledProcessError) as failure:
            site.manage("serve", "--port", port)

    error = failure.value.stderr
    assert f"Port {port} is in use" in error
    assert f"PORT={int(port) + 1}" in error
    assert "Traceback" not in error


def test_unusable_cache_file_is_kept_aside_at_the_start(tmp_path: Path, engine_url: str):
    """The site starts with a new cache, and the old file is still there to look at."""
    var = tmp_path / "var"
    var.mkdir()
    (var / "cache.sqlite3").write_bytes(b"no database " * 1000)
    (var / "engine.starting").touch()

    with running_site(tmp_path, OLLAMA_HOST=engine_url, PERF_CONFIG=tuned(tmp_path)) as site:
        submit_twice(site)

    (aside,) = var.glob("cache.sqlite3.unusable-*")
    assert aside.read_bytes().startswith(b"no database")
    assert "unusable" in (tmp_path / "output.txt").read_text()
