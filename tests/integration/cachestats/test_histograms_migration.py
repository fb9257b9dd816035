"""Look-ups that an earlier version counted are still counted after `migrate`."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from cachestats.batches import compact
from cachestats.reports import cache_report
from tests.databases import leading_to


@pytest.mark.usefixtures("databases")
def test_batches_of_before_become_histograms(tmp_path: Path) -> None:
    """Counts stay exact, and percentiles and costs within 1 %, whether or not all were kept."""
    with leading_to(f"sqlite:///{tmp_path / 'old.sqlite3'}", "default"):
        call_command("migrate", "cachestats", "0003_api", verbosity=0)
        state = MigrationExecutor(connection).loader.project_state([("cachestats", "0003_api")])
        batches: Any = state.apps.get_model("cachestats", "LookupBatch").objects
        fields = {"cache_type": "api", "model": "m", "at": datetime.now(UTC) - timedelta(hours=1)}
        values = struct.pack("<3f", 100, 200, 300)
        # Ten look-ups, of which three were kept.
        batches.create(
            **fields, state="miss", count=10, latency_ms=2000, latencies_ms=values, costs_ms=values
        )
        batches.create(
            **fields,
            state="hit",
            count=1,
            latency_ms=2,
            latencies_ms=struct.pack("<f", 2),
            costs_ms=b"",
        )
        call_command("migrate", "cachestats", verbosity=0)
        compact()
        found = cache_report().overall
    assert (found.hit_count, found.miss_count) == (1, 10)
    assert (found.hits.count, found.misses.count) == (1, 10)
    assert found.hits.p50_ms == pytest.approx(2, rel=0.01)
    assert found.misses.p50_ms == pytest.approx(200, rel=0.01)
    assert found.time_saved_seconds == pytest.approx(0.198, rel=0.01)
