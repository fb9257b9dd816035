"""Calls added up: nothing twice, nothing lost, and the same numbers as from each call."""

import os
import subprocess
import sys
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from enrichment import call_rollups
from enrichment.call_reports import CallNumbers, call_report
from enrichment.call_rollups import roll_up
from enrichment.models import CallRollup, InferenceCall
from tests.call_rows import many, row
from tests.engines import ROOT
from tests.pruning import prune
from tests.threads import at_once

pytestmark = pytest.mark.usefixtures("main_database")

WEEK = timedelta(days=7)
LONG = 60.0
# Dies without a word where it marks calls, or deletes quarters, with the transaction open.
KILLED = """
import os, signal
import django
django.setup()
from django.db import connection
from enrichment import call_rollups
call_rollups.BATCH_ROWS = 40
seen = []
def die(execute, sql, *rest):
    seen.append(sql.startswith("{statement}"))
    if sum(seen) == {times}:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, *rest)
with connection.execute_wrapper(die):
    call_rollups.roll_up(budget_seconds=60)
"""


def exact(numbers: CallNumbers) -> dict:
    """Return what of some numbers is exact, rounded where floats are added in another order."""
    found = asdict(numbers)
    del found["elapsed"]
    for part in found["parts"].values():
        del part["median_ms"]
        part["total_seconds"] = round(part["total_seconds"], 6)
        part["share"] = part["share"] and round(part["share"], 9)
    for name in ("prompt_tokens_per_second", "generated_tokens_per_second"):
        found[name] = found[name] and round(found[name], 6)
    return found


def told() -> list[dict]:
    """Return what is exact in reports over windows that begin within a span of sums, and not."""
    windows = (
        timedelta(minutes=50),
        timedelta(hours=30),
        timedelta(days=3, minutes=7),
        timedelta(days=9),
        timedelta(days=35, minutes=7),
        WEEK * 7,
    )
    return [exact(call_report(window).overall) for window in windows]


@pytest.fixture
def weeks() -> None:
    """Calls of some weeks, of which the oldest are in sums of long spans."""
    many(timezone.now() - timedelta(seconds=1), WEEK * 6, 300)


def test_report_is_the_same_once_calls_are_added_up(weeks: None):
    """Counts, sums, shares and speeds; by model, host and kind too."""
    before, by_host = told(), call_report(WEEK * 7).by_host

    assert roll_up(budget_seconds=LONG) > 250

    assert told() == before
    after = call_report(WEEK * 7)
    assert {host: exact(found) for host, found in after.by_host.items()} == {
        host: exact(found) for host, found in by_host.items()
    }
    assert {*CallRollup.objects.values_list("hours", flat=True)} == {0, 1, 6, 24}


def test_percentiles_from_sums_are_close_to_those_of_each_call(weeks: None):
    """Within two in a hundred: a value is told by the middle of its bucket."""
    before = call_report(WEEK * 7).overall
    roll_up(budget_seconds=LONG)
    after = call_report(WEEK * 7).overall

    assert asdict(after.elapsed) == pytest.approx(asdict(before.elapsed), rel=0.02)
    medians = {name: part.median_ms for name, part in before.parts.items()}
    told_medians = {name: part.median_ms for name, part in after.parts.items()}
    assert told_medians == pytest.approx(medians, rel=0.02)


def test_adding_up_again_changes_nothing(weeks: None):
    """Nor does it write anything."""
    roll_up(budget_seconds=LONG)
    before = list(CallRollup.objects.order_by("pk").values())

    assert roll_up(budget_seconds=LONG) == 0
    assert list(CallRollup.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(("statement", "times"), [("UPDATE", 2), ("DELETE", 2)])
def test_killed_in_the_middle_nothing_is_lost_or_counted_twice(
    weeks: None, database_url: str, statement: str, times: int
):
    """While calls are added up, and while quarters are merged into hours."""
    before = told()
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "perfsite.settings",
        "DATABASE_URL": database_url,
    }
    script = KILLED.format(statement=statement, times=times)
    done = subprocess.run([sys.executable, "-c", script], env=env, cwd=ROOT, check=False)
    assert done.returncode == -9

    assert told() == before
    roll_up(budget_seconds=LONG)
    assert told() == before
    assert not InferenceCall.objects.filter(
        rolled_up=False, at__lt=timezone.now() - timedelta(hours=2)
    ).exists()


def test_workers_at_the_same_time_add_each_call_once(weeks: None, monkeypatch: pytest.MonkeyPatch):
    """They take turns, or different calls."""
    monkeypatch.setattr(call_rollups, "BATCH_ROWS", 40)
    before = told()

    for done in at_once(lambda: roll_up(budget_seconds=LONG), 3):
        done.result()

    assert told() == before
    assert sum(CallRollup.objects.values_list("calls", flat=True)) == (
        InferenceCall.objects.filter(rolled_up=True).count()
    )


def test_call_that_is_written_late_is_added_to_its_hour(weeks: None):
    """A process may write hours later what it noted, as when the database was away."""
    roll_up(budget_seconds=LONG)
    before = call_report(WEEK * 7).overall.calls
    InferenceCall.objects.bulk_create([row(at=timezone.now() - timedelta(days=4))])
    assert call_report(WEEK * 7).overall.calls == before + 1

    roll_up(budget_seconds=LONG)

    assert call_report(WEEK * 7).overall.calls == before + 1
    assert not InferenceCall.objects.filter(
        rolled_up=False, at__lt=timezone.now() - timedelta(days=3)
    ).exists()


def test_sums_outlive_their_calls_for_a_while():
    """Calls go after 90 days, and what they add up to after 400."""
    old = [row(at=timezone.now() - timedelta(days=days)) for days in (1, 100, 500)]
    InferenceCall.objects.bulk_create(old)

    prune(InferenceCall, CallRollup)

    assert InferenceCall.objects.count() == 1
    assert call_report(timedelta(days=1_000)).overall.calls == 2


@pytest.fixture
def database_url(main_database: None, request: pytest.FixtureRequest) -> str:
    """Where the main database is, for another process."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{connection.settings_dict['NAME']}"
    return request.getfixturevalue("main_postgres_url")
