"""The cache's promises under faults, races and kills: the short runs; `make proofs` has the long.

Several processes use one file, without rights; a wrong answer is always seen. How long a repair
takes is measured there and not asserted here: this machine may be busy.
"""

import os
import signal

import pytest

from tests.faults import cache_flights, cache_kills, cache_matrix, cache_purges

# Processes that each may tell of an incident: two readers, a writer, and two that come later.
WORKERS = 5


@pytest.mark.parametrize("fault", cache_matrix.FAULTS)
def test_cache_file_faulty_processes_go_on(fault: str) -> None:
    """No call raises, no answer is wrong, each process tells once at most; soon all is well."""
    if fault == cache_matrix.FULL_DISK and not cache_matrix.can_mount():
        pytest.skip("A small disk to fill can't be mounted here.")
    outcome = cache_matrix.prove(fault)
    assert outcome.errors == []
    assert outcome.wrong == []
    assert len(outcome.reports) == WORKERS
    assert max(outcome.complaints) <= 1
    assert outcome.restored_seconds is not None


def test_cache_index_truncated_kills_but_spoils_nothing() -> None:
    """Who touches the emptied mapping dies of SIGBUS; who takes its place is served rightly."""
    ended, outcome = cache_matrix.prove_truncated_index()
    assert set(ended) <= {None, -signal.SIGBUS}
    assert outcome.errors == []
    assert outcome.wrong == []
    assert outcome.restored_seconds is not None


def test_get_or_compute_many_threads_and_processes_computes_once() -> None:
    """Of 1,000 identical look-ups in 16 threads of 4 processes one computes; all get its answer."""
    outcome = cache_flights.prove_one_computes(processes=4, threads=4, look_ups=1_000)
    assert outcome.computed == "W"
    assert outcome.errors == {}
    assert outcome.states.total() >= 1_000
    assert outcome.states["miss"] == 1
    assert outcome.states["collapsed"] > 0
    assert set(outcome.states) == {"miss", "collapsed", "hit"}


def test_get_or_compute_computing_process_killed_another_takes_over() -> None:
    """One of those who waited computes, once, and the others wait for it."""
    outcome = cache_flights.prove_takeover(processes=3, threads=3)
    assert outcome.computed == "LW"
    assert outcome.errors == {}
    assert outcome.states["miss"] == 1
    assert outcome.states.total() == 9
    assert outcome.stored


def test_get_or_compute_computation_raises_waiters_get_its_error() -> None:
    """All who waited get the same error without computing, and nothing is stored."""
    outcome = cache_flights.prove_failure(processes=3, threads=3)
    assert outcome.computed == "L"
    assert outcome.states == {}
    assert outcome.errors == {"Refused('no model', 7)": 10}
    assert not outcome.stored


def test_set_writers_killed_serves_no_corrupt_value() -> None:
    """Kill -9 at any moment: no wrong answer, a sound file, and totals that are true."""
    outcome = cache_kills.prove(kills=12)
    for report in outcome.reports:
        assert report.hits > 0
        assert report.errors == []
        assert report.wrong == []
    assert outcome.books.pages == "ok"
    assert outcome.books.counted == outcome.books.there


def test_purge_racing_look_ups_serves_nothing_from_before() -> None:
    """What was stored, or was being computed, when a purge began is not served after it."""
    races = cache_purges.prove_coherence(purges=300)
    assert races.errors == []
    assert races.stale == []
    assert races.hits > 0


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="A purge and its readers share a core")
def test_purge_many_entries_holds_no_reader_up() -> None:
    """The longest look-up during a large purge is far shorter than the purge."""
    purged = cache_purges.prove_purge(entries=30_000)
    assert purged.entries >= 30_000
    assert purged.longest_read_ms < purged.purge_ms / 4
