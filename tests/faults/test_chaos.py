"""A short, seeded run of each long proof; `make chaos` does them at length."""

import pytest

from tests.faults import chaos, chaos_crowd, chaos_stops
from tests.faults.cache_matrix import can_mount
from tests.faults.chaos_faults import FAULTS, Kill

SEED = 7
# The long ones, and those that another broker's run has as well, are left to `make chaos`.
SHORT = {
    "sqlite": [fault.name for fault in FAULTS if fault.kill is not Kill.NONE]
    + ["model down", "disk full, 5 s"],
    "postgresql": ["PostgreSQL crashes", "kill -9: busy worker", "model lies"],
    "redis": ["Redis flushed", "Redis killed", "kill -9: all workers, busy", "model hangs"],
}


@pytest.mark.parametrize("broker", SHORT)
def test_nothing_is_lost_repeated_or_wrong_whatever_is_killed(broker: str) -> None:
    """Each reflection is complete, once, with what the model said, and no inference is wasted."""
    # Only the super-user may mount the small disk.
    names = [name for name in SHORT[broker] if name != chaos.DISK_FULL or can_mount()]
    outcome = chaos.prove(broker, faults=len(names), jobs=30, seed=SEED, only=names)
    chaos.report(outcome)
    found = outcome.audit
    assert set(outcome.recoveries) == set(names)
    assert (found.lost, found.stuck, found.committed_twice, found.wrong) == ([], [], [], [])
    assert (outcome.wasted, outcome.waiting_for_model, outcome.left_behind) == ([], 0, 0)


def test_site_that_is_told_to_end_under_load_ends_in_time_and_charges_nothing() -> None:
    """Whether the model answers, dawdles or hangs: within 10 s, and each job is as it was."""
    stops = chaos_stops.prove(times=3, seed=SEED)
    assert max(stops.seconds) <= chaos_stops.LONGEST_SECONDS
    assert (stops.left_running, stops.charged) == (0, 0)


def test_one_text_submitted_by_very_many_at_once_is_inferred_once() -> None:
    """All of them get the same answer, and the model was asked once for each stage."""
    crowd = chaos_crowd.prove(submissions=1_000)
    assert (crowd.accepted, crowd.complete, crowd.different) == (1_000, 1_000, 1)
    assert crowd.inferences == (1, 1)
