"""What look-ups leave behind: samples and uses, buffered and flushed."""

import os
from typing import Any

import pytest
from django.db import OperationalError

from cachestats import metrics
from cachestats.config.schema import Caching
from cachestats.keys import make_key
from cachestats.models import CacheEntry, EntryUse, Sample
from cachestats.models.samples import CacheState
from cachestats.services import PurgeFilter
from cachestats.stores import SqliteStore, Use

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}
PARAMS = {"model": "small"}


def test_flush_writes_one_sample_for_each_look_up(bench: Any) -> None:
    """Each look-up is one sample of its state, type, model and times; never its key or text."""
    bench.cache.get_or_compute(CONTENT, lambda: 1, PARAMS, cache_type="api")
    bench.cache.get_or_compute(CONTENT, lambda: 1, PARAMS, cache_type="api")
    bench.cache.get({"text": "none"}, PARAMS)
    bench.tuning = Caching(enabled=False)
    bench.cache.get_or_compute(CONTENT, lambda: 1)
    bench.cache.get(CONTENT)

    bench.cache.flush()

    seen = Sample.objects.order_by("pk").values_list("cache_type", "model", "state")
    assert list(seen) == [
        ("api", "small", "miss"),
        ("api", "small", "hit"),
        ("default", "small", "miss"),
        ("default", "", "bypass"),
        ("default", "", "bypass"),
    ]
    has_cost = [sample.cost_ms is not None for sample in Sample.objects.order_by("pk")]
    assert has_cost == [True, False, False, True, False]


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
    assert Sample.objects.count() == 1
    assert EntryUse.objects.get().hits == 1


def test_flush_use_of_a_purged_entry_is_dropped(bench: Any) -> None:
    """A count that comes after the purge leaves no trace of what was purged."""
    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    bench.cache.purge(PurgeFilter(all=True), "somebody")
    bench.cache.flush()
    assert not EntryUse.objects.exists()


def test_flush_keeps_the_newest_use(bench: Any) -> None:
    """Flushes of several processes may come in any order: the last use is the latest."""
    bench.cache.set(CONTENT, 1)
    row_id = CacheEntry.objects.get().id
    for used_ms in (2_000, 1_000):
        SqliteStore(bench.path).add_uses([Use(row_id, 1, used_ms)])
    assert EntryUse.objects.get().used_ms == 2_000


def test_flush_samples_lost_still_writes_uses(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Samples that can't be written are dropped with a warning; the rest is not held up."""

    def broken(_samples: Any) -> None:
        raise OperationalError("disk I/O error")

    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    monkeypatch.setattr(Sample.objects, "bulk_create", broken)
    bench.cache.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "[PERF] 1 samples were lost: disk I/O error"
    ]
    assert EntryUse.objects.get().hits == 1


def test_record_before_a_fork_is_flushed_by_the_parent_alone(bench: Any) -> None:
    """A child does not write its parent's counts a second time."""
    bench.cache.get(CONTENT)
    child = os.fork()
    if child == 0:
        os._exit(len(metrics._buffer.take()[0]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    bench.cache.flush()
    assert Sample.objects.count() == 1


def test_peek_counts_nothing_until_told(bench: Any) -> None:
    """A look that may come to nothing is not a look-up; `count` makes it one."""
    bench.cache.set(CONTENT, 1)
    found = bench.cache.peek(CONTENT)
    assert bench.cache.peek({"text": "none"}) is None
    bench.cache.flush()
    assert not Sample.objects.exists()

    bench.cache.count(found)
    bench.cache.flush()
    assert Sample.objects.get().state == CacheState.HIT
    assert EntryUse.objects.get().hits == 1


def test_record_beyond_the_buffer_is_dropped(bench: Any, monkeypatch: Any) -> None:
    """A burst is bounded in memory: samples beyond it are lost, answers are not."""
    monkeypatch.setattr(metrics, "BUFFER_SAMPLES", 2)
    for _ in range(5):
        bench.cache.get(CONTENT)
    bench.cache.flush()
    assert Sample.objects.count() == 2


def test_get_stats_is_the_report_that_everybody_sees(bench: Any) -> None:
    """The object shows the numbers of page, API and command."""
    bench.cache.get_or_compute(CONTENT, lambda: "four", cache_type="api")
    bench.cache.get_or_compute(CONTENT, lambda: "four", cache_type="api")
    bench.cache.flush()
    report = bench.cache.get_stats()
    assert (report.entries, report.bytes, report.entries_by_type) == (1, 6, {"api": 1})
    assert (report.overall.hit_rate, report.by_type["api"].lookups) == (0.5, 2)
