"""Starts the embedded model as a process behind a real socket."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from enrichment.inference.engine.availability import missing

ROOT = Path(__file__).resolve().parent.parent

READY_SECONDS = 60
END_SECONDS = 10


@dataclass(frozen=True)
class RunningEngine:
    """A `serve_model` process whose model is loaded."""

    url: str
    url_file: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running_engine(
    directory: Path, *, threads: int = 1, wait_for_model: bool = True
) -> Iterator[RunningEngine]:
    """Start `manage.py serve_model` in its own session, and end it afterwards.

    One thread by default: two that share their cores with the tests are far slower than one.
    """
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    url_file = directory / "engine.url"
    command = [sys.executable, "manage.py", "serve_model", "--port", "0", "--url-file", url_file]
    command += ["--threads", str(threads)]
    environment = {**os.environ, "DEBUG": "1", "VAR_DIR": str(directory / "var")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        yield RunningEngine(_wait_until_ready(process, url_file, wait_for_model), url_file, process)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    process: subprocess.Popen[bytes], url_file: Path, wait_for_model: bool
) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"serve_model ended with {process.returncode} before it was ready")
        if url_file.exists():
            url = url_file.read_text()
            if not wait_for_model:
                return url
            if httpx.get(f"{url}/api/ps", timeout=READY_SECONDS, trust_env=False).json()["models"]:
                return url
        time.sleep(0.005)
    pytest.fail("serve_model was not ready in time")
