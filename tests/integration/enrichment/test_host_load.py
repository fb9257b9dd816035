"""How busy hosts are, as several processes count it in one file."""

import multiprocessing
import os
import signal
import threading
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from enrichment.host_load import PLACES, HostLoad

URL, OTHER = "http://a:11434", "http://b:11434"
SPAWN = multiprocessing.get_context("spawn")


def hold(path: Path, count: int, said: Connection) -> None:
    """Hold so many places in a process of its own until told to give them back."""
    load = HostLoad(path)
    with ExitStack() as questions:
        for _ in range(count):
            questions.enter_context(load.asking(URL))
        said.send("held")
        said.recv()
    said.send("given back")
    said.recv()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hosts.lock"


def started(path: Path, count: int) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    mine, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(path, count, theirs), daemon=True)
    process.start()
    assert mine.recv() == "held"
    return process, mine


def test_questions_of_all_processes_count_until_they_end(path: Path) -> None:
    """Ours and another process's are seen together, host by host, and are over when they end."""
    load = HostLoad(path)
    process, other = started(path, 3)
    with load.asking(URL), load.asking(OTHER):
        assert (load.outstanding(URL), load.outstanding(OTHER)) == (4, 1)
        # Looking does not give anything back.
        assert load.outstanding(URL) == 4
    assert load.outstanding(URL) == 3
    other.send("end")
    assert other.recv() == "given back"
    assert load.outstanding(URL) == 0
    process.kill()


def test_questions_of_a_process_that_was_killed_are_over(path: Path) -> None:
    """A host is not thought busy with what nobody waits for."""
    load = HostLoad(path)
    process, _ = started(path, 3)
    assert load.outstanding(URL) == 3
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert load.outstanding(URL) == 0


def test_threads_hold_places_of_their_own(path: Path) -> None:
    """Twenty threads at once are twenty questions, and none when all are through."""
    load = HostLoad(path)
    inside = threading.Barrier(21)
    counted = threading.Event()

    def ask() -> None:
        with load.asking(URL):
            inside.wait(10)
            counted.wait(10)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert load.outstanding(URL) == 20
    counted.set()
    for thread in threads:
        thread.join()
    assert load.outstanding(URL) == 0


def test_more_questions_than_places_are_asked_uncounted(path: Path) -> None:
    """The count is a help, never a limit."""
    load = HostLoad(path)
    with ExitStack() as questions:
        for _ in range(PLACES + 5):
            questions.enter_context(load.asking(URL))
        assert load.outstanding(URL) == PLACES
    assert load.outstanding(URL) == 0


def test_file_that_cannot_be_made_leaves_all_hosts_alike(tmp_path: Path) -> None:
    """Without its file nothing is refused and no host is preferred."""
    load = HostLoad(tmp_path / "missing" / "hosts.lock")
    with load.asking(URL):
        assert load.outstanding(URL) == load.outstanding(OTHER)
