"""One object of numbers behind API, command and overview."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from cachestats.cache import get_cache
from cachestats.models import LookupBatch
from enrichment import calls
from enrichment.inference.messages import Call
from enrichment.models import InferenceCall, WorkerHeartbeat
from perfsite.summary import summary
from tests.conftest import TokenMaker
from tests.standin import MODEL, Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/metrics/summary/"


@pytest.fixture
def reader(api: TokenMaker) -> APIClient:
    return api("cache:read")


@pytest.fixture
def used(model: Script) -> None:
    """A miss and a hit, and a call that failed; a worker that lives."""
    for _ in range(2):
        get_cache().get_or_compute({"text": "a"}, lambda: "one", cache_type="api")
    get_cache().flush()
    call = Call(host=model.url, model=MODEL, kind="chat", elapsed_ms=7.0, attempts=1, error="Busy")
    calls.record(call)
    calls.flush()
    WorkerHeartbeat.objects.create(name="here:1", at=timezone.now())


def without_age(told: dict[str, Any]) -> dict[str, Any]:
    """Leave out what goes on while one looks."""
    return {**told, "queue": {**told["queue"], "last_heartbeat_seconds": None}}


def test_summary_has_the_numbers_of_the_command(reader: APIClient, used: None):
    """What perf_metrics prints, with the cache's members in a place of their own."""
    out = StringIO()
    call_command("perf_metrics", "--window", "7d", "--json", stdout=out)
    printed = json.loads(out.getvalue())

    told = reader.get(URL, {"window": "7d"}).json()

    assert without_age({**told.pop("cache"), **told}) == without_age(printed)


def test_summary_tells_of_cache_calls_queue_and_model(reader: APIClient, used: None):
    """Each from its report."""
    told = reader.get(URL).json()

    assert told["cache"]["overall"]["hit_rate"] == 0.5
    assert told["inference"]["overall"]["failed"] == {"Busy": 1}
    assert (told["queue"]["workers_alive"], told["queue"]["depth"]) == (1, 0)
    assert [host["model"] for host in told["model"]["hosts"]] == [MODEL]
    assert told["cache"]["window_hours"] == told["inference"]["window_hours"] == 24


def test_overview_shows_the_same_object(client: Client, person: User, used: None):
    """A page and an endpoint can't disagree."""
    client.force_login(person)
    page = client.get("/").context
    found = summary()
    assert page["seen"].cache.overall == found.cache.overall
    assert page["seen"].cache.by_type == found.cache.by_type
    assert page["seen"].calls.overall == found.inference.overall
    assert page["now"].model == found.model


def test_summary_leaves_out_what_the_window_does_not_reach(reader: APIClient, used: None):
    """Look-ups and calls alike."""
    old = timezone.now() - timedelta(hours=25)
    LookupBatch.objects.update(at=old)
    InferenceCall.objects.update(at=old)
    day, longer = reader.get(URL).json(), reader.get(URL, {"window": "26h"}).json()
    counts = [
        (t["cache"]["overall"]["lookups"], t["inference"]["overall"]["calls"])
        for t in (day, longer)
    ]
    assert counts == [(0, 0), (2, 1)]


def test_summary_without_a_model_says_what_is_wrong(reader: APIClient):
    """The rest is still told."""
    told = reader.get(URL).json()
    [host] = told["model"]["hosts"]
    assert host["trouble"]
    assert told["cache"]["healthy"]


@pytest.mark.parametrize("wrong", ["", "soon", "0h", "31d"])
def test_summary_wrong_window_is_named(reader: APIClient, wrong: str):
    """With what is accepted."""
    answer = reader.get(URL, {"window": wrong})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["window"]


def test_summary_needs_its_scope(api: TokenMaker):
    """Reading reflections is another matter."""
    assert api("enrich:read").get(URL).status_code == 403
    assert APIClient().get(URL).status_code == 401
