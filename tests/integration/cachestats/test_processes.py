"""One cache file, several processes: what one does, the next look-up of another sees."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from cachestats.cache import PerfCache, get_cache
from cachestats.errors import StoreUnavailable
from cachestats.models import CacheEntry
from cachestats.services import PurgeFilter
from cachestats.stores import PostgresStore, SqliteStore
from tests.databases import cache_copied_to, leading_to

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}


def test_set_is_seen_elsewhere_at_once(bench: Any) -> None:
    """The next look-up of another process finds what this one stored."""
    elsewhere = bench.another()
    assert elsewhere.get(CONTENT) is None
    bench.cache.set(CONTENT, "stored")
    assert elsewhere.get(CONTENT) == "stored"


def test_purge_is_seen_elsewhere_at_once(bench: Any) -> None:
    """No process serves what was purged, though it served it before."""
    elsewhere = bench.another()
    bench.cache.set(CONTENT, "stored")
    assert elsewhere.get(CONTENT) == "stored"
    bench.cache.purge(PurgeFilter(all=True), "somebody")
    assert elsewhere.get(CONTENT) is None


def test_clear_expired_deletes_and_counts(bench: Any) -> None:
    """Only what is past its time goes."""
    bench.cache.set(CONTENT, 1, ttl=1)
    CacheEntry.objects.update(expires_ms=1)
    bench.now_ms = int(datetime.now(UTC).timestamp() * 1000)
    bench.cache.set({"text": "live"}, 1)
    assert bench.cache.clear_expired() == 1
    assert bench.cache.get({"text": "live"}) == 1


def test_get_cache_threads_that_come_first_share_one() -> None:
    """Two caches in one process would both compute the same key."""
    together = threading.Barrier(8)

    def come(_thread: int) -> PerfCache:
        together.wait()
        return get_cache()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(come, range(8)))) == 1
    finally:
        sys.setswitchinterval(interval)


FORKING = """
import os, sys, traceback
from pathlib import Path
from cachestats.errors import StoreUnavailable
from cachestats.stores import Row, SqliteStore

path = Path(sys.argv[1])
store = SqliteStore(path)
assert store.get(1) is None
inherited = store._thread.connection

def put(row_id):
    store.put(Row(row_id, bytes(32), "api", "", b"1", 0, 1, None, 1, 2))

def child():
    path.rename(f"{path}.away")
    for _ in range(2):
        try:
            store.get(1)
        except StoreUnavailable:
            pass
        else:
            raise AssertionError("read a file that is not there")
    Path(f"{path}.away").rename(path)
    put(1)
    assert store._thread.connection is not inherited
    assert store.get(1) is not None
    inherited.execute("SELECT 1")  # raises if the child has closed what is its parent's

pid = os.fork()
if pid == 0:
    try:
        child()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
put(2)
assert store._thread.connection is inherited
assert store.get(1) is not None
"""


def test_store_after_fork_opens_its_own_connection(tmp_path: Path) -> None:
    """A child never uses nor closes its parent's connection; both go on reading and writing."""
    # A copy: the child takes the file away for a moment, and the tests have theirs open.
    path = tmp_path / "cache.sqlite3"
    with cache_copied_to(path):
        pass
    child = subprocess.run(
        [sys.executable, "-c", FORKING, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr


LEADING = """
import sys, time
from pathlib import Path
from cachestats.stores import PostgresStore, SqliteStore

where = sys.argv[1]
store = PostgresStore(conninfo=where) if "://" in where else SqliteStore(Path(where))
assert store.lead(int(sys.argv[2]))
print("leads", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("key", [7, -(2**62) - 3])
def test_key_of_a_process_that_was_stopped_is_free(bench: Any, key: int) -> None:
    """Who was frozen while it computed keeps nobody waiting; who only takes long does."""
    store = bench.store()
    where = store._where["conninfo"] if isinstance(store, PostgresStore) else str(bench.path)
    command = [sys.executable, "-c", LEADING, where, str(key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "leads\n"
            assert not store.lead(key)
            other.send_signal(signal.SIGSTOP)
            os.waitpid(other.pid, os.WUNTRACED)
            assert store.lead(key)
        finally:
            other.kill()


def test_store_missing_file_is_never_made(tmp_path: Path) -> None:
    """A store reads and writes a file of ours; one without our tables helps nobody."""
    with pytest.raises(StoreUnavailable):
        SqliteStore(tmp_path / "none.sqlite3").get(1)
    assert not (tmp_path / "none.sqlite3").exists()


def test_page_missing_file_is_never_made(tmp_path: Path) -> None:
    """An empty file would have SQLite spoil the logs that other processes still have open."""
    path = tmp_path / "none.sqlite3"
    with leading_to(f"sqlite:///{path}", "cache"), pytest.raises(OperationalError):
        CacheEntry.objects.count()
    assert not path.exists()


def test_migrate_missing_file_is_made(tmp_path: Path) -> None:
    """An operator makes the file by the command that every Django site has."""
    path = tmp_path / "new.sqlite3"
    with leading_to(f"sqlite:///{path}", "cache"):
        call_command("migrate", database="cache", verbosity=0)
        assert CacheEntry.objects.count() == 0
    assert SqliteStore(path).get(1) is None


def test_migrate_no_folder_says_which_file(tmp_path: Path) -> None:
    """Where the file can't be made, one line names it."""
    path = tmp_path / "none" / "new.sqlite3"
    with leading_to(f"sqlite:///{path}", "cache"), pytest.raises(CommandError, match=str(path)):
        call_command("migrate", database="cache", verbosity=0)
