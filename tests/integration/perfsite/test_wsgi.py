"""The process of a web server, and the signals that it is sent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# The server has a handler for each; the interpreter tells us beside it.
PROCESS = """
import os, signal
import perfsite.wsgi
from enrichment.api import waiting

def send(name, seconds):
    number = getattr(signal, name)
    signal.signal(number, lambda *_: None)
    os.kill(os.getpid(), number)
    print(name, waiting._ending.wait(seconds))

send("SIGUSR1", 0.2)
send("SIGHUP", 0.2)
send("{name}", 30)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_signals_that_end_the_process_end_the_waits_and_no_others(tmp_path: Path, name: str):
    """Others, such as those that tell a server to log anew, come before and change nothing."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "perfsite.settings", "VAR_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS.format(name=name)],
        env=env,
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    assert done.stdout.decode().splitlines() == ["SIGUSR1 False", "SIGHUP False", f"{name} True"]


def test_site_that_starts_without_its_tables_says_so_in_one_line(tmp_path: Path):
    """Whoever forgot `migrate` need not guess from errors in every answer."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "perfsite.settings", "VAR_DIR": str(tmp_path)}
    wait = "[thread.join() for thread in threading.enumerate() if thread.name == 'start']"
    done = subprocess.run(
        [sys.executable, "-c", f"import threading, perfsite.wsgi; {wait}"],
        env=env,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    (said,) = done.stderr.splitlines()
    assert "This site is not ready: migrations are missing" in said
