"""Going back to the last release's tables, and forward again, with data in them."""

import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from cachestats.histograms import Histogram
from cachestats.models import CacheEntry, LookupBatch
from enrichment.models import Job, Reflection, StageResult
from enrichment.schema import schema_trouble
from perfsite import seeding
from perfsite.models import AccessToken
from tests.databases import leading_to
from tests.documented import block

# What docs/rollback.md says to run: (database, app, migration) of `migrate`.
BACK = re.findall(
    r"manage\.py migrate (?:--database (\w+) )?(\w+) (\d+)$",
    block("rollback.md", "To the version before", "migrate"),
    re.MULTILINE,
)
ALIASES = ("default", "cache")


@pytest.fixture(params=["sqlite", "postgresql"])
def copied(databases: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Both databases are such that no other test needs their tables."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            for alias in ALIASES:
                copy = tmp_path / f"{alias}.sqlite3"
                with connections[alias].cursor() as cursor:
                    cursor.execute("VACUUM INTO %s", [str(copy)])
                stack.enter_context(leading_to(f"sqlite:///{copy}", alias))
        else:
            server = request.getfixturevalue("postgres_url").rpartition("/")[0]
            with psycopg.connect(f"{server}/template1", autocommit=True) as connection:
                for alias in ALIASES:
                    connection.execute(f"CREATE DATABASE back_{alias}")
            for alias in ALIASES:
                stack.enter_context(leading_to(f"{server}/back_{alias}", alias))
                call_command("migrate", database=alias, verbosity=0)
        yield


def kept() -> list[list[tuple]]:
    """Return what people would miss: who they are, what they wrote, and what came of it."""
    rows = [
        User.objects.order_by("id").values_list("username", "password"),
        AccessToken.objects.order_by("digest").values_list("digest", "scopes", "expiry"),
        Reflection.objects.order_by("id").values_list("id", "text", "owner", "submitted_by"),
        StageResult.objects.order_by("id").values_list("reflection_id", "stage", "result"),
        CacheEntry.objects.order_by("digest").values_list("digest", "value"),
    ]
    return [list(some) for some in rows]


def test_tables_go_back_to_the_last_release_and_forward_again(copied: None):
    """Reflections, results, entries, people and tokens survive the way back, and the way there."""
    seeding.seed(reflections=20, entries=50, lookups=500, days=1, seed=1, now=timezone.now())
    AccessToken.objects.create(user=User.objects.create_user("ada"), name="own", owner=None)
    Job.objects.create(
        reflection=Reflection.objects.first(),
        purpose=Job.Purpose.COMPARE,
        available_at=timezone.now(),
    )
    # What a batch of the last release must have, and one of this has no more.
    batch = {"latencies": b"", "costs": b"", "count": 1, "latency_ms": 2.0}
    LookupBatch.objects.create(at=timezone.now(), cache_type="api", state="hit", **batch)
    before = kept()
    assert all(before)

    for alias, app, migration in BACK:
        call_command("migrate", app, migration, database=alias or "default", verbosity=0)
    assert "migrations are missing" in schema_trouble()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM enrichment_reflection")
        assert cursor.fetchone() == (20,)
        # What the last release counts meanwhile.
        cursor.execute(
            "INSERT INTO cachestats_lookupbatch (at, cache_type, model, state, reason, count,"
            " latency_ms, latencies_ms, costs_ms) VALUES (%s, 'api', '', 'hit', '', 2, 5, %s, %s)",
            [timezone.now(), struct.pack("<2f", 2, 3), b""],
        )
    for alias in ALIASES:
        call_command("migrate", database=alias, verbosity=0)

    assert schema_trouble() == ""
    assert kept() == before
    # The last release would take it for what the reflection waits for.
    assert not Job.objects.filter(purpose=Job.Purpose.COMPARE).exists()
    counted = LookupBatch.objects.get()
    assert (counted.count, Histogram.unpack(counted.latencies).count) == (2, 2)
