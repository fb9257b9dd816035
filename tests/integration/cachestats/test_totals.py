"""Look-ups added up for monitors: exact, for ever, and from however many processes."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from cachestats import totals
from cachestats.batches import LOOKUP_DAYS
from cachestats.config.schema import Caching
from cachestats.models import LatencyTotal, LookupBatch, LookupTotal
from cachestats.services import sweep
from cachestats.totals import Added, latencies, lookup_counts

pytestmark = pytest.mark.usefixtures("databases")

CONTENT = {"text": "Rain on the roof."}
SMALL = {"model": "small"}


def added(*latencies_ms: float, answered: bool = True, **kind: str) -> Added:
    values = {"cache_type": "api", "model": "small", "state": "hit", **kind}
    return Added(**values, latencies_ms=sorted(latencies_ms), answered=answered)


def counted() -> dict[str, int]:
    """Return the counts by type, model and state."""
    return {
        f"{found.cache_type} {found.model} {found.state}": found.count for found in lookup_counts()
    }


def reached(cache_type: str = "api", state: str = "hit") -> dict[float, int]:
    [found] = [f for f in latencies() if (f.cache_type, f.state) == (cache_type, state)]
    return dict(found.at_most)


def test_flush_adds_look_ups_to_their_totals(bench: Any) -> None:
    """By type, model and state, over any flushes; a reason makes no series of its own."""
    for _ in range(3):
        bench.cache.get_or_compute(CONTENT, lambda: 1, SMALL, cache_type="api")
    bench.cache.flush()
    bench.cache.get_or_compute(CONTENT, lambda: 1, SMALL, cache_type="api")
    bench.cache.get_or_compute(CONTENT, lambda: 1, {"model": "large"}, cache_type="api")
    bench.tuning = Caching(enabled=False)
    bench.cache.get(CONTENT)
    bench.cache.flush()
    assert counted() == {
        "api large miss": 1,
        "api small hit": 3,
        "api small miss": 1,
        "default  bypass": 1,
    }


def test_look_up_that_found_nothing_has_no_latency(bench: Any) -> None:
    """It counts as a miss, but gave no answer: a miss's latency is that of computing."""
    bench.cache.get(CONTENT, cache_type="api")
    bench.cache.get_or_compute(CONTENT, lambda: 1, cache_type="api")
    bench.cache.flush()
    assert counted() == {"api  miss": 2}
    assert reached(state="miss")[inf] == 1


def test_latency_totals_agree_with_the_batches(bench: Any) -> None:
    """The same look-ups make both."""
    bench.cache.set(CONTENT, 1)
    for _ in range(20):
        bench.cache.get(CONTENT)
    bench.cache.flush()
    [found] = latencies()
    batch = LookupBatch.objects.get()
    assert (found.cache_type, found.state) == ("default", "hit")
    assert found.at_most[-1] == (inf, 20)
    assert found.total_seconds * 1000 == pytest.approx(batch.latency_ms)


def test_totals_stay_when_look_ups_are_forgotten(bench: Any) -> None:
    """A counter that fell would be taken for one that began anew."""
    bench.cache.get(CONTENT)
    bench.cache.flush()
    old = datetime.now(UTC) - timedelta(days=LOOKUP_DAYS + 1)
    LookupBatch.objects.update(at=old)
    sweep()
    assert not LookupBatch.objects.exists()
    assert counted() == {"default  miss": 1}


def test_bounds_are_reached_as_prometheus_counts_them(main_database: None) -> None:
    """Each bound has what did not exceed it, itself included; the last has all."""
    totals.add([added(0.0, 0.05, 0.051, 1.0, 299_999.0, 300_000.0, 300_001.0, 10_000_000.0)])
    found = reached()
    assert (found[0.00005], found[0.0001], found[0.001]) == (2, 3, 4)
    assert (found[120.0], found[300.0], found[inf]) == (4, 6, 8)
    assert list(found.values()) == sorted(found.values())
    assert latencies()[0].total_seconds == pytest.approx(10_900.001101)


def test_totals_add_up_whoever_adds(main_database: None) -> None:
    """Threads that add to the same rows, in any order, at once: none is lost, and none waits for
    another that waits for it.
    """
    kinds = [added(0.1, 20.0, cache_type=name, model=name) for name in ("api", "vision", "default")]
    failed: list[BaseException] = []

    def write(turn: int) -> None:
        try:
            for number in range(10):
                with transaction.atomic():
                    totals.add(kinds[(turn + number) % 3 :] + kinds[: (turn + number) % 3])
        except BaseException as exc:
            failed.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[turn]) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert set(counted().values()) == {80}
    assert {found.at_most[-1][1] for found in latencies()} == {80}


def test_flush_that_breaks_adds_nothing(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Batches and totals are written both or neither, so that they never disagree."""

    def breaks_late(execute: Any, sql: str, *rest: Any) -> Any:
        if "latencytotal" in sql:
            raise OperationalError("disk I/O error")
        return execute(sql, *rest)

    bench.cache.set(CONTENT, 1)
    bench.cache.get(CONTENT)
    with connection.execute_wrapper(breaks_late):
        bench.cache.flush()
    assert "[PERF] The counts of 1 look-ups were lost: disk I/O error" in caplog.messages
    assert not LookupBatch.objects.exists()
    assert not LookupTotal.objects.exists()


def test_flush_takes_as_many_statements_for_a_million_look_ups(
    bench: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """A transaction, the batches and two totals: it is the main database that everybody writes."""
    for number in range(500):
        bench.cache.get({"text": number})
        bench.cache.get_or_compute({"text": number}, lambda: 1)
    with django_assert_num_queries(5):
        bench.cache.flush()
    assert counted() == {"default  miss": 1000}


def test_label_that_no_database_takes_is_made_to_fit(main_database: None, bench: Any) -> None:
    """A NUL in a model's name would cost the counts of all look-ups of its flush."""
    bench.cache.get(CONTENT, {"model": "sm\0all"})
    bench.cache.get(CONTENT)
    bench.cache.flush()
    assert counted() == {"default  miss": 1, "default small miss": 1}
    assert Counter(LookupBatch.objects.values_list("model", flat=True)) == {"small": 1, "": 1}


def test_totals_have_a_row_a_bound_that_was_reached(main_database: None) -> None:
    """What never happened takes no room."""
    totals.add([added(0.1), added(0.1, model="large"), added(7.0, state="miss")])
    assert LatencyTotal.objects.count() == 2
