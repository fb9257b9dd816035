"""The command: its port, its file, its end. Each test runs its own process."""

import os
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command

from tests.engines import running_engine

pytestmark = [pytest.mark.engine, pytest.mark.enable_socket]

MODEL = "smollm2:135m"
# Greedy and unpenalised, the model counts on for half a minute or more.
ENDLESS = {"temperature": 0, "repeat_penalty": 1}


def resident_mib(process: subprocess.Popen[bytes]) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_command_writes_its_url_privately_and_removes_it_at_the_end(tmp_path):
    with running_engine(tmp_path) as engine:
        assert httpx.get(engine.url, trust_env=False).text == "Ollama is running"
        assert stat.S_IMODE(engine.url_file.stat().st_mode) == 0o600

    assert engine.process.returncode == 0
    assert not engine.url_file.exists()
    assert [entry.name for entry in tmp_path.iterdir() if "engine.url" in entry.name] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_ends_cleanly_and_soon_in_mid_generation(tmp_path, number):
    body = {"model": MODEL, "prompt": "1, 2, 3,", "raw": True, "options": ENDLESS}
    with (
        running_engine(tmp_path) as engine,
        httpx.stream(
            "POST", f"{engine.url}/api/generate", json=body, timeout=60, trust_env=False
        ) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        started = time.monotonic()

        engine.process.send_signal(number)

        assert engine.process.wait(10) == 0
        assert time.monotonic() - started < 4.5


def test_command_ends_soon_although_a_request_came_before_the_preload(tmp_path):
    body = {"model": MODEL, "prompt": "1, 2, 3,", "raw": True, "options": ENDLESS}
    with (
        running_engine(tmp_path, wait_for_model=False) as engine,
        httpx.stream(
            "POST", f"{engine.url}/api/generate", json=body, timeout=60, trust_env=False
        ) as response,
    ):
        lines = response.iter_lines()
        next(lines)

        engine.process.terminate()

        assert engine.process.wait(10) == 0


def test_command_frees_the_memory_when_the_model_is_unloaded(tmp_path):
    with running_engine(tmp_path) as engine:
        loaded = resident_mib(engine.process)
        httpx.post(
            f"{engine.url}/api/generate", json={"model": MODEL, "keep_alive": 0}, trust_env=False
        )

        assert loaded - resident_mib(engine.process) > 120


def test_command_with_no_threads_is_refused():
    with pytest.raises(CommandError, match="--threads"):
        call_command("serve_model", threads=0, port=0)


def test_command_on_a_taken_port_names_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CommandError, match=str(port)):
            call_command("serve_model", port=port)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::"])
def test_command_on_another_host_than_loopback_is_refused(host):
    with pytest.raises(CommandError, match="loopback"):
        call_command("serve_model", host=host, port=0)


@pytest.mark.parametrize("port", [70000, -5])
def test_command_on_an_impossible_port_is_refused(port):
    with pytest.raises(CommandError, match=str(port)):
        call_command("serve_model", port=port)
