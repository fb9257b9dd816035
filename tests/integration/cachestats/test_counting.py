"""What look-ups leave behind: samples and uses, buffered and flushed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections

from cachestats import metrics, services
from cachestats.config.schema import Caching
from cachestats.histograms import Histogram
from cachestats.keys import make_key
from cachestats.models import CacheEntry, CacheState, EntryUse, LookupBatch
from cachestats.services import PurgeFilter
from cachestats.stores import Use
from tests.engines import ROOT
from tests.queues import until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}
PARAMS = {"model": "small"}


def test_flush_writes_one_batch_for_each_kind_of_look_up(bench: Any) -> None:
    """Look-ups of one type, model, state and reason are one row; never a key or a text."""
    for _ in range(3):
        bench.cache.get_or_compute(CONTENT, lambda: 1, PARAMS, cache_type="api")
    bench.cache.get({"text": "none"}, PARAMS)
    bench.tuning = Caching(enabled=False)
    bench.cache.get_or_compute(CONTENT, lambda: 1)
    bench.cache.get(CONTENT)

    bench.cache.flush()

    seen = LookupBatch.objects.values_list("cache_type", "model", "state", "reason", "count")
    assert sorted(seen) == [
        ("api", "small", "hit", "", 2),
        ("api", "small", "miss", "first_seen", 1),
        ("default", "", "bypass", "bypassed", 1),
        ("default", "", "bypass", "bypassed", 1),
        ("default", "small", "miss", "first_seen", 1),
    ]
    computed = LookupBatch.objects.exclude(costs=b"").values_list("cache_type", "state")
    assert sorted(computed) == [("api", "miss"), ("default", "bypass")]
    hits = LookupBatch.objects.get(state="hit")
    kept_ms = sum(value * count for value, count in Histogram.unpack(hits.latencies))
    assert kept_ms == pytest.approx(hits.latency_ms, rel=0.01)


def test_flush_writes_the_use_of_each_entry_once(bench: Any) -> None:
    """Hits are added up in memory and upserted: one row an entry, over any flushes."""
    other = {"text": "other"}
    bench.cache.set(CONTENT, 1)
    bench.cache.set(other, 1)
    for content in [CONTENT, CONTENT, other, CONTENT]:
        bench.cache.get(content)
    bench.cache.flush()
    bench.cache.get(CONTENT)
    bench.cache.flush()
    hits = dict(EntryUse.objects.values_list("id", "hits"))
    assert hits == {
        make_key(b"pepper", CONTENT).row_id: 4,
        make_key(b"pepper", other).row_id: 1,
    }


def test_flush_again_writes_nothing_twice(bench: Any) -> None:
    """What was flushed is not flushed again."""
    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    bench.cache.flush()
    bench.cache.flush()
    assert LookupBatch.objects.get().count == 1
    assert EntryUse.objects.get().hits == 1


def test_flush_use_of_a_purged_entry_is_dropped(bench: Any) -> None:
    """A count that comes after the purge leaves no trace of what was purged."""
    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    bench.cache.purge(PurgeFilter(all=True), "somebody")
    bench.cache.flush()
    assert not EntryUse.objects.exists()
    assert services.count_entries() == services.count_bytes() == 0


def test_flush_keeps_the_newest_use(bench: Any) -> None:
    """Flushes of several processes may come in any order: the last use is the latest."""
    bench.cache.set(CONTENT, 1)
    bench.cache.flush()
    row_id = CacheEntry.objects.get().id
    newest = bench.now_ms + 2_000
    for used_ms in (newest, bench.now_ms + 1_000):
        bench.store().note([], [Use(row_id, 1, used_ms)])
    assert EntryUse.objects.get().used_ms == newest


def test_flush_look_ups_lost_still_writes_uses(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Counts that can't be written are dropped with a warning; the rest is not held up."""

    def broken(_batches: Any) -> None:
        raise OperationalError("disk I/O error")

    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    monkeypatch.setattr(LookupBatch.objects, "bulk_create", broken)
    bench.cache.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "[PERF] The counts of 1 look-ups were lost: disk I/O error"
    ]
    assert EntryUse.objects.get().hits == 1


def test_record_before_a_fork_is_flushed_by_the_parent_alone(bench: Any) -> None:
    """A child does not write its parent's counts a second time."""
    bench.cache.get(CONTENT)
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            bench.cache.flush()
        except BaseException:
            # Or the child would go on with the tests, and tell the same runner of them.
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not LookupBatch.objects.exists()
    bench.cache.flush()
    assert LookupBatch.objects.get().count == 1


def test_peek_counts_nothing_until_told(bench: Any) -> None:
    """A look that may come to nothing is not a look-up; `count` makes it one."""
    bench.cache.set(CONTENT, 1)
    found = bench.cache.peek(CONTENT)
    assert bench.cache.peek({"text": "none"}) is None
    bench.cache.flush()
    assert not LookupBatch.objects.exists()

    bench.cache.count(found)
    bench.cache.flush()
    assert LookupBatch.objects.get().state == CacheState.HIT
    assert EntryUse.objects.get().hits == 1


def test_record_many_at_once_are_written_before_the_time_is_up(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many counts wake the thread that writes them, whatever its interval."""
    monkeypatch.setattr(metrics, "FLUSH_AT", 20)
    cache = bench.another(flush_seconds=3600)
    for _ in range(30):
        cache.get(CONTENT)
    until(LookupBatch.objects.exists)
    cache.close()
    assert sum(LookupBatch.objects.values_list("count", flat=True)) == 30


def test_record_is_written_in_time(bench: Any) -> None:
    """Nobody has to flush."""
    cache = bench.another(flush_seconds=0.05)
    cache.get(CONTENT)
    until(LookupBatch.objects.exists)
    cache.close()


def test_max_bytes_lowered_live_evicts(bench: Any) -> None:
    """Once less is allowed the thread evicts the least recently used, without a restart."""
    cache = bench.another(flush_seconds=0.05)
    for number in range(4):
        bench.now_ms += 1000
        cache.set({"text": number}, "v" * 400_000)
    cache.get({"text": "none"})
    until(lambda: services.count_entries() == 4)
    bench.tuning = Caching(max_bytes=1024**2)
    until(lambda: services.count_bytes() <= 1024**2)
    cache.close()
    kept = [number for number in range(4) if bench.cache.get({"text": number})]
    assert kept == [2, 3]


EXIT = """
import django
django.setup()
from cachestats.cache import get_cache

def count():
    get_cache().get({"text": "looked up at the last moment"})

if "%s" == "process":
    from multiprocessing import get_context
    child = get_context("fork").Process(target=count)
    child.start()
    child.join()
else:
    count()
"""


@pytest.mark.parametrize("kind", ["program", "process"])
def test_record_is_written_at_exit(databases: None, kind: str, tmp_path: Path) -> None:
    """A program that ends, and a worker of multiprocessing, write what they counted."""
    names = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{names['default']}",
        "CACHE_DATABASE_URL": f"sqlite:///{names['cache']}",
    }
    subprocess.run([sys.executable, "-c", EXIT % kind], env=env, cwd=ROOT, check=True)
    assert LookupBatch.objects.get().count == 1


def test_get_stats_is_the_report_that_everybody_sees(bench: Any) -> None:
    """The object shows the numbers of page, API and command."""
    bench.cache.get_or_compute(CONTENT, lambda: "four", cache_type="api")
    bench.cache.get_or_compute(CONTENT, lambda: "four", cache_type="api")
    bench.cache.flush()
    report = bench.cache.get_stats()
    assert (report.entries, report.bytes, report.entries_by_type) == (1, 6, {"api": 1})
    assert (report.overall.hit_rate, report.by_type["api"].lookups) == (0.5, 2)
