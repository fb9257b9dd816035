"""What Prometheus is told, read back by the parser of its own client."""

import re
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from cachestats.cache import get_cache
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
    """Return each sample's value by its name and its label's value."""
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


# Of samples; a summary without quantiles has two of its own.
SUFFIXES = {"counter": ("_total",), "summary": ("_count", "_sum"), "gauge": ("",)}


def test_names_follow_the_rules_that_promtool_checks(scraper: APIClient):
    """Each metric has a help text, a base unit, and no suffix of another type than its own."""
    for family in families(scraper):
        assert re.fullmatch(r"perfsite_[a-z_]+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
        assert not {"minutes", "milliseconds", "ms", "kilobytes"} & {*family.name.split("_")}
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
    """The token's two, the queue's four and the calls' one in the main database, one in the
    cache's.
    """
    with (
        django_assert_num_queries(7),
        django_assert_num_queries(1, connection=connections["cache"]),
    ):
        scraper.get(URL)
