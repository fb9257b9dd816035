"""manage.py cache_stats and perf_metrics: the numbers of page and API, as text or JSON."""

import json
from dataclasses import asdict
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from cachestats.models import LookupBatch
from cachestats.reports import cache_report

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

BOTH = pytest.mark.parametrize("command", ["cache_stats", "perf_metrics"])


def _printed(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def used(bench: Any) -> None:
    """Three look-ups of two types, one of them a hit."""
    for _ in range(2):
        bench.cache.get_or_compute({"text": "a"}, lambda: "one", cache_type="api")
    bench.cache.get_or_compute({"text": "b"}, lambda: "two", cache_type="vision")
    bench.cache.flush()


@BOTH
def test_command_json_is_the_report_alone(used: None, command: str) -> None:
    """Both print the object that page and API show; perf_metrics adds what is no cache's affair."""
    printed = json.loads(_printed(command, "--json"))
    beside = {name for name in ("inference", "queue", "model") if printed.pop(name, None)}
    assert len(beside) == (3 if command == "perf_metrics" else 0)
    assert printed == asdict(cache_report())


@BOTH
def test_command_json_of_an_empty_cache_has_no_made_up_zeros(command: str) -> None:
    """Without look-ups rates and percentiles are null."""
    body = json.loads(_printed(command, "--json"))
    assert (body["entries"], body["overall"]["hit_rate"]) == (0, None)
    assert body["overall"]["hits"] == {"count": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}


@BOTH
def test_command_window_reaches_further_back(used: None, command: str) -> None:
    """A day unless a window is asked for."""
    for batch in LookupBatch.objects.all():
        batch.at -= timedelta(hours=25)
        batch.save()
    assert json.loads(_printed(command, "--json"))["overall"]["lookups"] == 0
    assert json.loads(_printed(command, "--json", "--window", "7d"))["overall"]["lookups"] == 3


@BOTH
def test_command_wrong_window_is_a_usage_error(command: str) -> None:
    """The option is named with what is accepted; the exit code is 2."""
    with pytest.raises(CommandError, match="--window: must be a number") as caught:
        _printed(command, "--window", "soon")
    assert caught.value.returncode == 2


def test_cache_stats_prints_a_line_for_each_type(used: None) -> None:
    """People get a table: all, then each type, with look-ups and hit rate."""
    lines = _printed("cache_stats").splitlines()
    assert lines[0] == "The cache is on. 2 entries, 10 bytes."
    assert [line.split()[:3] for line in lines[4:7]] == [
        ["all", "3", "33%"],
        ["api", "2", "50%"],
        ["vision", "1", "0%"],
    ]


def test_cache_stats_tells_why_look_ups_were_no_hits(used: None) -> None:
    """Each reason with its number, its share and what would help."""
    last = _printed("cache_stats").splitlines()[-1]
    assert last.split()[:5] == ["2", "100%", "never", "seen", "before."]
    assert last.endswith("would answer these.")


def test_cache_stats_tells_of_trouble_and_of_damaged_files(cache_file: Path) -> None:
    """Whoever operates the site reads what is the matter, and what is kept of it."""
    kept = cache_file.with_name(f"{cache_file.name}.unusable-20260101T000000000000")
    kept.touch()

    def fails(*_anything: Any) -> None:
        raise OperationalError("disk I/O error")

    with connections["cache"].execute_wrapper(fails):
        printed = _printed("cache_stats")
    assert "It can't be read: disk I/O error." in printed
    assert kept.name in printed
    assert "0 entries" not in printed


def test_perf_metrics_prints_hits_and_cold_answers_of_each_type(used: None) -> None:
    """Two lines each: what a hit takes, and what it takes without; a dash where there was none."""
    lines = _printed("perf_metrics").splitlines()[1:7]
    assert [line.split()[-5:-3] for line in lines] == [
        ["hit", "1"],
        ["cold", "2"],
        ["hit", "1"],
        ["cold", "1"],
        ["hit", "0"],
        ["cold", "1"],
    ]
    assert [line.split()[0] for line in lines[::2]] == ["all", "api", "vision"]
    assert lines[4].split()[-3:] == ["–"] * 3
