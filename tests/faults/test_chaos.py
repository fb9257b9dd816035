"""A short, seeded run of the faults on each broker; `make chaos` does them at length."""

import pytest

from tests.faults import chaos
from tests.faults.cache_matrix import can_mount
from tests.faults.chaos_faults import FAULTS, Kill

SEED = 7
# The long ones, and those that another broker's run has as well, are left to `make chaos`.
SHORT = {
    "sqlite": [fault.name for fault in FAULTS if fault.kill is not Kill.NONE]
    + ["model down", "disk full, 5 s"],
    "postgresql": [
        *("PostgreSQL crashes", "no connection left, 5 s", "kill -9: busy worker", "model lies"),
    ],
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
