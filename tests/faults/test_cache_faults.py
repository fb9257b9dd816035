"""A broken cache file fails no request: the answer is computed, one warning is written.

Here nobody repairs it; that is `test_cache_repair`.
"""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachestats import health
from cachestats.cache import CacheState, PerfCache
from cachestats.config.schema import Caching
from cachestats.reports import cache_report
from cachestats.stores import SqliteStore, sqlite

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

STORED = {"text": "stored before the fault"}
ROOT = Path(__file__).resolve().parent.parent.parent


_stores: list[SqliteStore] = []


@pytest.fixture
def cache_file(cache_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the cache's database that may be broken; no connection to it is open."""
    # A file that was replaced is noticed at the next look-up, not within a second.
    monkeypatch.setattr(sqlite, "LOOK_SECONDS", 0)
    # And what fails again at once is a new incident.
    monkeypatch.setattr(health, "CALM_SECONDS", 0)
    _as_after_start(cache_file).set(STORED, "stored")
    _close()
    yield cache_file
    _close()


def _as_after_start(path: Path) -> PerfCache:
    """The cache of a process that has opened nothing yet, and repairs nothing."""
    _close()
    _stores.append(SqliteStore(path))
    return PerfCache(_stores[-1], b"of the tests", Caching)


def _close() -> None:
    """Close all connections; the last one out takes the write-ahead log with it."""
    connections["cache"].close()
    while _stores:
        _stores.pop().drop()


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records]
    return [message for message in messages if "Working without the cache" in message]


def _remove(path: Path) -> None:
    path.unlink()


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _truncate(size: int) -> Callable[[Path], None]:
    def truncate(path: Path) -> None:
        with path.open("r+b") as file:
            file.truncate(size)

    return truncate


def _halve(path: Path) -> None:
    _truncate(path.stat().st_size // 2)(path)


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _fill_with_garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def _zero_all_but_header(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(len(content) - 100))


def _drop_table(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE cachestats_cacheentry")
    connection.close()


def _damage_schema(path: Path) -> None:
    """Put a byte that is no UTF-8 into the schema: SQLite's message will quote it."""
    before = b'CREATE TABLE "cachestats_cacheentry" ('
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, before[:-2] + b"\xff("))


def _rename_column(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE cachestats_cacheentry RENAME COLUMN digest TO sum")
    connection.close()


FAULTS = [
    *(_remove, _replace_by_folder, _halve, _truncate(0), _truncate(100), _truncate(4096)),
    *(_zero, _fill_with_garbage, _zero_all_but_header, _damage_schema, _drop_table, _rename_column),
]
IDS = [
    *("missing", "a-folder", "halved", "emptied", "header-alone", "one-page"),
    *("zeroed", "garbage", "zeroed-pages", "damaged-schema", "no-table", "another-column"),
]
unreadable = pytest.mark.parametrize("fault", FAULTS, ids=IDS)
uncountable = pytest.mark.parametrize("fault", FAULTS[:-1], ids=IDS[:-1])


def _mend(path: Path, good: Path) -> None:
    """Put the good file back, as an operator would; the cache itself is told nothing."""
    connections["cache"].close()
    if path.is_dir():
        path.rmdir()
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    shutil.copy(good, path)


@unreadable
def test_get_or_compute_file_broken_computes_and_warns_once(
    cache_file: Path, caplog: pytest.LogCaptureFixture, fault: Callable[[Path], None]
) -> None:
    """Every look-up is a miss with the computed answer; the incident is told once."""
    fault(cache_file)
    cache = _as_after_start(cache_file)
    for number in range(3):
        for content in (STORED, {"text": number}):
            found = cache.get_or_compute(content, lambda: "computed")
            assert (found.value, found.state, found.stored) == ("computed", CacheState.MISS, False)
    assert len(_complaints(caplog)) == 1


@unreadable
def test_cache_file_broken_each_call_goes_on(
    cache_file: Path, fault: Callable[[Path], None]
) -> None:
    """Every other call does without the cache too, and a flush loses counts alone."""
    hit = _as_after_start(cache_file).peek(STORED)
    _close()
    fault(cache_file)
    cache = _as_after_start(cache_file)
    assert cache.get(STORED, default="none") == "none"
    assert cache.peek(STORED) is None
    assert cache.set(STORED, "again") is False
    cache.count(hit)
    cache.flush()


@unreadable
def test_get_or_compute_file_mended_works_again(
    cache_file: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Path], None],
) -> None:
    """When the fault ends so does the trouble, without a restart; the next one is told again."""
    good = shutil.copy(cache_file, tmp_path / "good.sqlite3")
    fault(cache_file)
    cache = _as_after_start(cache_file)
    assert cache.get_or_compute(STORED, lambda: "computed").state is CacheState.MISS

    _mend(cache_file, good)

    assert cache.get_or_compute(STORED, lambda: "computed").value == "stored"
    assert cache.get_or_compute({"text": "new"}, lambda: "new").stored
    _remove(cache_file)
    assert cache.get_or_compute(STORED, lambda: "computed").value == "computed"
    assert len(_complaints(caplog)) == 2


def test_get_file_missing_again_is_told_again(
    cache_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A hit ends the incident, though nothing is written in between."""
    good = shutil.copy(cache_file, tmp_path / "good.sqlite3")
    cache = _as_after_start(cache_file)
    for told in (1, 2):
        _remove(cache_file)
        assert cache.get(STORED) is None
        assert len(_complaints(caplog)) == told
        _mend(cache_file, good)
        assert cache.get(STORED) == "stored"


@unreadable
def test_get_or_compute_file_broken_under_an_open_connection_answers(
    cache_file: Path, fault: Callable[[Path], None]
) -> None:
    """A process that has the file open answers rightly too: from what it still reads, or anew."""
    cache = _as_after_start(cache_file)
    assert cache.get(STORED) == "stored"
    fault(cache_file)
    for number in range(3):
        for content in (STORED, {"text": number}):
            assert cache.get_or_compute(content, lambda: "stored").value == "stored"
    cache.flush()


@uncountable
def test_cache_report_file_broken_says_so(
    cache_file: Path, api: Any, fault: Callable[[Path], None]
) -> None:
    """Report, endpoint and command tell the trouble instead of having it."""
    client = api("cache:read")
    fault(cache_file)

    connections["cache"].close()
    report = cache_report()
    assert (report.healthy, report.entries, report.bytes) == (False, 0, 0)
    assert report.trouble

    connections["cache"].close()
    response = client.get("/api/v1/cache/stats/")
    assert (response.status_code, response.json()["healthy"]) == (200, False)

    connections["cache"].close()
    out = StringIO()
    call_command("cache_stats", stdout=out)
    assert "It can't be read: " in out.getvalue()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_get_or_compute_any_bit_flipped_gives_the_right_answer(
    cache_file: Path, tmp_path: Path, place: float, bit: int
) -> None:
    """Wherever the file is damaged, an answer is what was stored or is computed again."""
    content = bytearray(cache_file.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    damaged = tmp_path / "damaged.sqlite3"
    for leftover in tmp_path.glob("damaged.sqlite3*"):
        leftover.unlink()
    damaged.write_bytes(content)
    cache = _as_after_start(damaged)
    assert cache.get_or_compute(STORED, lambda: "stored").value == "stored"
    _close()


# A file that can be read but not written


@pytest.fixture
def locked(cache_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another connection is in the middle of an exclusive transaction."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.01)
    other = sqlite3.connect(cache_file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other
    other.close()


def test_get_or_compute_file_locked_computes_and_warns_once(
    locked: sqlite3.Connection, cache_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who can't write goes on unstored, and tells once, though reading works all the time."""
    cache = _as_after_start(cache_file)
    for number in range(3):
        found = cache.get_or_compute({"text": number}, lambda: "computed")
        assert (found.value, found.state, found.stored) == ("computed", CacheState.MISS, False)
    assert len(_complaints(caplog)) == 1
    assert "locked" in _complaints(caplog)[0]


def test_get_file_locked_still_hits(locked: sqlite3.Connection, cache_file: Path) -> None:
    """A writer does not stop readers."""
    assert _as_after_start(cache_file).get(STORED) == "stored"


def test_get_or_compute_file_unlocked_stores_again(
    locked: sqlite3.Connection, cache_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When the lock goes the next answer is stored, and the next lock is told again."""
    cache = _as_after_start(cache_file)
    for expected in (False, True):
        assert cache.set({"text": "new"}, "new") is expected
        locked.execute("ROLLBACK" if locked.in_transaction else "BEGIN EXCLUSIVE")
    assert cache.set({"text": "new"}, "new") is False
    assert len(_complaints(caplog)) == 2


def test_get_or_compute_missing_after_locked_is_told_too(
    locked: sqlite3.Connection, cache_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be read at all is worse than what can't be written, and another incident."""
    cache = _as_after_start(cache_file)
    cache.get_or_compute({"text": "new"}, lambda: "computed")
    locked.execute("ROLLBACK")
    cache_file.unlink()
    for _ in range(2):
        assert cache.get_or_compute(STORED, lambda: "computed").state is CacheState.MISS
    assert len(_complaints(caplog)) == 2


def test_get_damaged_entry_in_a_locked_file_is_a_miss(
    locked: sqlite3.Connection, cache_file: Path
) -> None:
    """An entry that can't be deleted is not served either."""
    locked.execute("UPDATE cachestats_cacheentry SET checksum = 1")
    locked.execute("COMMIT")
    locked.execute("BEGIN EXCLUSIVE")
    cache = _as_after_start(cache_file)
    assert cache.get_or_compute(STORED, lambda: "computed").value == "computed"


def test_flush_file_locked_loses_counts_alone(locked: sqlite3.Connection, cache_file: Path) -> None:
    """Uses that can't be written are dropped, and hits go on."""
    cache = _as_after_start(cache_file)
    assert cache.get(STORED) == "stored"
    cache.flush()
    assert cache.get(STORED) == "stored"


# Rights: the super-user has them all, so a process without any looks the answers up.

WITHOUT_RIGHTS = """
import json, logging, os, sys
from pathlib import Path
import django
django.setup()
from cachestats.cache import PerfCache
from cachestats.config.schema import Caching
from cachestats.stores import SqliteStore

def look_up():
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logging.getLogger("cachestats").addHandler(handler)
    cache = PerfCache(SqliteStore(Path(sys.argv[1])), b"pepper", Caching)
    found = [cache.get_or_compute({"text": number}, lambda: "computed") for number in range(3)]
    return {
        "found": [[one.value, one.state, one.stored] for one in found],
        "complaints": len([text for text in messages if "Working without" in text]),
    }

if os.fork() == 0:
    NOBODY = 65534
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        print(json.dumps(look_up()), flush=True)
    finally:
        os._exit(0)
os.wait()
"""


@pytest.fixture
def open_folder(cache_file: Path) -> Iterator[Path]:
    """A folder that everybody can get to, unlike pytest's, with the cache's file in it."""
    folder = Path(tempfile.mkdtemp(prefix="perfsite-tests-"))
    shutil.copy(cache_file, folder / "cache.sqlite3")
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"),
    [(0o555, 0o444), (0o555, 0o666), (0o777, 0o444), (0o777, 0o000), (0o000, 0o666)],
    ids=["all-read-only", "folder-read-only", "file-read-only", "file-closed", "folder-closed"],
)
def test_get_or_compute_without_rights_computes_and_warns_once(
    open_folder: Path, folder_mode: int, file_mode: int
) -> None:
    """A file or folder that may not be written or read is a miss, told once."""
    file = open_folder / "cache.sqlite3"
    file.chmod(file_mode)
    open_folder.chmod(folder_mode)
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(child.stdout) == {
        "found": [["computed", "miss", False]] * 3,
        "complaints": 1,
    }, child.stderr
