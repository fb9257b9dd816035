"""What the overview tells of the queue."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from enrichment import jobs
from enrichment.models import Job, Reflection, Status, WorkerHeartbeat
from enrichment.models.jobs import Priority

pytestmark = pytest.mark.usefixtures("databases")


def make_job(**fields) -> None:
    now = timezone.now()
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=now)
    job = jobs.create(reflection, priority=Priority.INTERACTIVE)
    Job.objects.filter(pk=job.pk).update(**fields)


@pytest.fixture
def facts(client: Client, person: User):
    """Return a function that reads the page's facts by their names."""
    client.force_login(person)

    def read() -> dict[str, str]:
        html = client.get("/").content.decode()
        pairs = re.findall(r"<dt[^>]*>(.*?)</dt>\s*<dd>(.*?)</dd>", html, re.DOTALL)
        return {" ".join(name.split()): " ".join(value.split()) for name, value in pairs}

    return read


def test_overview_tells_what_waits_what_runs_and_how_fast(facts):
    """An operator sees at a glance whether the queue moves."""
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="here:1", at=now)
    make_job(available_at=now - timedelta(minutes=2, seconds=5))
    make_job(status=Status.STAGE2_RUNNING, lease_until=now + timedelta(seconds=30))
    for _ in range(7):
        make_job(status=Status.COMPLETE, started_at=now, finished_at=now)

    told = facts()

    assert told["Workers alive"] == "1"
    assert "Last sign of life" not in told
    assert told["Waiting"] == "1"
    assert re.match(r"2 min \d+ s", told["Oldest waiting"])
    assert told["At work"] == "1"
    assert told["Throughput"] == "1.4 a minute, over 5 minutes"


def test_overview_of_an_idle_queue_says_that_nothing_waits(facts):
    """Missing numbers are words, not zeros."""
    told = facts()

    assert told["Last sign of life"] == "none yet"
    assert (told["Waiting"], told["Oldest waiting"]) == ("0", "nothing waits")


def test_overview_tells_jobs_that_are_not_due_from_jobs_that_are_stuck(facts):
    """A job that is tried again later waits, and nothing is wrong."""
    make_job(available_at=timezone.now() + timedelta(minutes=1))

    told = facts()

    assert (told["Waiting"], told["Oldest waiting"]) == ("1", "none is due yet")
