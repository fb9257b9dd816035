"""What Prometheus is told, read back by the parser of its own client."""

import re
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from cachestats.cache import get_cache, make_cache
from cachestats.models import LookupBatch
from cachestats.services import PurgeFilter
from enrichment import jobs
from enrichment.models import Job, Reflection, Status, WorkerHeartbeat
from enrichment.models.jobs import Priority
from tests.conftest import TokenMaker

pytestmark = pytest.mark.usefixtures("databases")

URL = "/metrics"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture
def scraper(api: TokenMaker) -> APIClient:
    return api("cache:read", name="prometheus")


def families(scraper: APIClient):
    return list(text_string_to_metric_families(scraper.get(URL).content.decode()))


def samples(scraper: APIClient) -> dict[str, float]:
    """Return each sample's value by its name and its labels' values, these by their names."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families(scraper)
        for sample in family.samples
    }


def make_job(status: Status = Status.QUEUED, **fields) -> None:
    now = timezone.now()
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=now)
    job = jobs.create(reflection, priority=Priority.INTERACTIVE)
    Job.objects.filter(pk=job.pk).update(status=status, **fields)


def test_every_status_has_its_number_of_jobs_zero_too(scraper: APIClient):
    """A status that nothing has is 0: a series that comes and goes can't be alerted on."""
    make_job()
    make_job(Status.FAILED)
    make_job(Status.FAILED)

    told = samples(scraper)

    counted = {status: told[f"perfsite_jobs {status}"] for status in Status}
    assert counted == {**dict.fromkeys(Status, 0), Status.QUEUED: 1, Status.FAILED: 2}


def test_queue_and_workers_are_told_as_the_overview_tells_them(scraper: APIClient):
    """Depth, age, work and signs of life come from the report."""
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="here:1", at=now - timedelta(seconds=4))
    make_job(available_at=now - timedelta(seconds=90))
    make_job(Status.STAGE1_RUNNING, lease_until=now + timedelta(seconds=30))
    make_job(Status.COMPLETE, started_at=now, finished_at=now)

    told = samples(scraper)

    assert told["perfsite_queue_depth"] == 1
    assert told["perfsite_jobs_running"] == 1
    assert told["perfsite_jobs_recently_completed"] == 1
    assert told["perfsite_workers_alive"] == 1
    assert told["perfsite_queue_oldest_waiting_seconds"] == pytest.approx(90, abs=10)
    assert told["perfsite_worker_heartbeat_age_seconds"] == pytest.approx(4, abs=10)


def test_what_is_made_ahead_is_told_apart(scraper: APIClient):
    """It counts as background work, and neither as a reflection's job nor as one that waits."""
    make_job(purpose=Job.Purpose.VARIANTS)

    told = samples(scraper)

    assert told["perfsite_background_jobs"] == 1
    assert told["perfsite_queue_depth"] == 0
    assert told[f"perfsite_jobs {Status.QUEUED}"] == 0


def test_idle_queue_has_no_age_and_no_worker_no_sign_of_life(scraper: APIClient):
    """The age of what waits is 0 when nothing does; that of no heartbeat is absent, not 0."""
    told = samples(scraper)

    assert told["perfsite_queue_oldest_waiting_seconds"] == 0
    assert told["perfsite_workers_alive"] == 0
    assert "perfsite_worker_heartbeat_age_seconds" not in told


def test_bytes_of_the_cache_are_told_while_it_can_be_read(scraper: APIClient):
    """Without the cache the queue's numbers are still there, and the bytes are absent, not 0."""
    get_cache().set({"text": "a"}, "0123456789")
    get_cache().flush()
    assert samples(scraper)["perfsite_cache_bytes"] == len('"0123456789"')

    def broken(*_args: object) -> None:
        raise OperationalError("database is locked")

    with connections["cache"].execute_wrapper(broken):
        told = samples(scraper)
    assert "perfsite_cache_bytes" not in told
    assert told["perfsite_queue_depth"] == 0


@pytest.fixture
def looked_up() -> None:
    """A miss that was computed, two hits of it, and a look that found nothing."""
    for _ in range(3):
        get_cache().get_or_compute(
            {"text": "a"}, lambda: "one", {"model": 'sm"al\\l'}, cache_type="api"
        )
    get_cache().get({"text": "b"})
    get_cache().flush()


def test_look_ups_are_told_by_type_model_and_result(scraper: APIClient, looked_up: None):
    """Each look-up counts once; a name is told as it is, whatever stands in it."""
    told = samples(scraper)

    counted = {name: value for name, value in told.items() if "requests_total" in name}
    assert counted == {
        'perfsite_cache_requests_total sm"al\\l hit api': 2,
        'perfsite_cache_requests_total sm"al\\l miss api': 1,
        "perfsite_cache_requests_total  miss default": 1,
    }


def test_counters_of_look_ups_do_not_fall_when_look_ups_are_forgotten(
    scraper: APIClient, looked_up: None
):
    """Nor in another process, nor after a restart: they stand in the database."""
    before = [line for line in scraper.get(URL).content.splitlines() if b"perfsite_cache_" in line]

    LookupBatch.objects.all().delete()
    make_cache.cache_clear()
    get_cache().purge(PurgeFilter(all=True), "somebody")

    after = [line for line in scraper.get(URL).content.splitlines() if b"perfsite_cache_" in line]
    counters = [line for line in before if b"perfsite_cache_bytes" not in line]
    assert len(counters) > 40
    assert counters == [line for line in after if b"perfsite_cache_bytes" not in line]


def test_latency_is_a_histogram_of_answers(scraper: APIClient, looked_up: None):
    """Its buckets rise from 50 µs to minutes and end with all answers; its sum is their time."""
    [family] = [f for f in families(scraper) if f.name == "perfsite_cache_latency_seconds"]
    assert family.type == "histogram"
    found = {
        result: {
            s.labels["le"]: s.value
            for s in family.samples
            if "le" in s.labels and s.labels["result"] == result
        }
        for result in ("hit", "miss")
    }
    for result, answers in (("hit", 2), ("miss", 1)):
        bounds = [float(bound) for bound in found[result]]
        assert bounds == sorted(bounds)
        assert (bounds[0], bounds[-2], bounds[-1]) == (0.00005, 300, inf)
        assert list(found[result].values()) == sorted(found[result].values())
        assert found[result]["+Inf"] == answers
    told = samples(scraper)
    assert told["perfsite_cache_latency_seconds_count hit api"] == 2
    batch = LookupBatch.objects.get(state="hit")
    assert told["perfsite_cache_latency_seconds_sum hit api"] == pytest.approx(
        batch.latency_ms / 1000
    )
    assert not [
        name
        for name in told
        if name.startswith("perfsite_cache_latency_seconds_count") and "default" in name
    ]


def test_scrape_that_meets_a_broken_database_is_a_problem(scraper: APIClient):
    """Never half of the numbers: the scrape failed, and is to be tried again."""

    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        if "lookuptotal" in sql:
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(broken):
        answer = scraper.get(URL)

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    assert b"locked" not in answer.content


# Of samples; a summary without quantiles has two of its own.
SUFFIXES = {
    "counter": ("_total",),
    "summary": ("_count", "_sum"),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}
# What they keep for themselves, as the checker does.
RESERVED = {"histogram": {"le"}, "summary": {"quantile"}}
UNITS = {
    "minutes",
    "hours",
    "days",
    "milliseconds",
    "microseconds",
    "ms",
    "us",
    "kilobytes",
    "megabytes",
}


def test_names_follow_the_rules_that_promtool_checks(scraper: APIClient, looked_up: None):
    """Each metric has a help text, a base unit, no suffix of another type than its own, no type in
    its name, and labels that are its own; none is told twice.
    """
    found = families(scraper)
    assert len({family.name for family in found}) == len(found)
    for family in found:
        assert re.fullmatch(r"perfsite_[a-z_]+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
        assert not UNITS & {*family.name.split("_")}
        assert not {"counter", "gauge", "histogram", "summary"} & {*family.name.split("_")}
        for sample in family.samples:
            assert all(re.fullmatch(r"[a-z]+", label) for label in sample.labels)
            assert RESERVED.get(family.type, set()).isdisjoint(
                sample.labels
            ) or sample.name.endswith("_bucket")
        told = {sample.name.removeprefix(family.name) for sample in family.samples}
        assert told <= set(SUFFIXES[family.type])


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", PROMETHEUS, "text/html"])
def test_format_is_the_one_that_every_scraper_reads(scraper: APIClient, accept: str):
    """Whatever is asked for: text, version 0.0.4."""
    answer = scraper.get(URL, HTTP_ACCEPT=accept)

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), (["enrich:read"], 403)])
def test_stranger_gets_a_problem_also_if_text_is_asked_for(api: TokenMaker, scopes, status: int):
    """Errors look as everywhere in the API."""
    client = APIClient() if scopes is None else api(*scopes)

    answer = client.get(URL, HTTP_ACCEPT="text/plain")

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_scrape_takes_few_queries(
    scraper: APIClient, django_assert_num_queries: DjangoAssertNumQueries
):
    """The token's one, the queue's two, the calls' one and the look-ups' two in the main database,
    one in the cache's.
    """
    with (
        django_assert_num_queries(6),
        django_assert_num_queries(1, connection=connections["cache"]),
    ):
        scraper.get(URL)
