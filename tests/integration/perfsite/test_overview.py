"""The overview as a page: ranges of time, pictures as files, and looking again."""

import csv
import json
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cachestats.cache import get_cache
from cachestats.spans import RANGES
from enrichment import jobs
from enrichment.models import Job, Reflection, WorkerHeartbeat
from enrichment.models.jobs import Priority
from perfsite.overview.pictures import PICTURES

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def page(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


@pytest.fixture
def used(databases: None) -> None:
    """Something was computed once and answered twice."""
    cache = get_cache()
    for _ in range(3):
        cache.get_or_compute({"text": "a"}, lambda: "b" * 100, {"model": "small"})
        cache.flush()


def _picture(html: str, name: str) -> dict:
    figure = re.search(rf'id="picture-{name}".*?</figure>', html, re.DOTALL)
    assert figure
    drawn = re.search(r'application/json">(.*?)</script>', figure[0], re.DOTALL)
    assert drawn
    return json.loads(drawn[1])


@pytest.mark.parametrize("name", RANGES)
def test_each_range_is_drawn_in_its_own_steps(page: Client, used: None, name: str):
    """The range that one picks is marked, and all that is drawn over time covers it."""
    html = page.get("/", {"range": name}).content.decode()
    drawn = _picture(html, "saved")["places"]
    span = RANGES[name]
    assert drawn[1] - drawn[0] == span.step.total_seconds()
    assert drawn[-1] - drawn[0] == (span.length - span.step).total_seconds()
    assert re.search(rf'href="\?range={name}"\s+aria-current="page"', html)


@pytest.mark.parametrize(
    ("name", "table"),
    [("saved", "lookupspan"), ("calls", "inferencecall"), ("queue", "queuesample")],
)
def test_picture_as_a_file_reads_what_it_shows_alone(page: Client, name: str, table: str):
    """Not what the other pictures of the overview need."""
    with CaptureQueriesContext(connection) as queries:
        page.get(f"/pictures/{name}.csv")
    asked = " ".join(query["sql"] for query in queries)
    read = {one for one in ("lookupspan", "inferencecall", "queuesample") if one in asked}
    assert read == {table}


@pytest.mark.parametrize("path", ["/", "/pictures/saved.csv"])
def test_unknown_range_is_refused_by_name(page: Client, path: str):
    """It says which there are."""
    answer = page.get(path, {"range": "2y"})
    assert answer.status_code == 400
    assert "range: must be one of 1h, 24h, 7d, 30d" in answer.content.decode()


@pytest.mark.parametrize("name", PICTURES)
def test_file_holds_what_the_picture_shows(page: Client, used: None, name: str):
    """Each picture can be taken along, with the same columns and as many rows."""
    shown = page.get("/", {"range": "1h"}).context["pictures"]
    picture = next(one for one in shown if one.name == name)
    answer = page.get(f"/pictures/{name}.csv", {"range": "1h"})
    rows = list(csv.reader(answer.content.decode().splitlines()))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="perfsite-{name}-1h-' in answer["Content-Disposition"]
    assert rows[:1] == [picture.header()]
    assert len(rows) == 1 + len(picture.places)


def test_file_of_no_picture_is_not_there(page: Client):
    """404, not an empty file."""
    assert page.get("/pictures/nothing.csv").status_code == 404


def test_strangers_are_sent_to_the_login(client: Client):
    """Numbers are for people who can sign in."""
    for path in ("/", "/pictures/saved.csv"):
        assert client.get(path)["Location"] == f"/login/?next={path}"


# Looking again


def _again(page: Client, mark: str) -> int:
    return page.get("/", headers={"If-None-Match": mark}).status_code


def test_page_that_would_look_the_same_is_not_sent_again(page: Client, used: None):
    """Whoever keeps it open is told that nothing changed, by little work."""
    mark = page.get("/")["ETag"]
    assert _again(page, mark) == 304
    get_cache().get({"text": "a"}, {"model": "small"})
    get_cache().flush()
    assert _again(page, mark) == 200


def test_page_is_sent_again_when_a_worker_starts_or_a_job_waits(page: Client):
    """What is told of the queue is as fresh as the rest."""
    mark = page.get("/")["ETag"]
    WorkerHeartbeat.objects.create(name="here:1", at=timezone.now())
    mark, before = page.get("/")["ETag"], mark
    assert mark != before
    reflection = Reflection.objects.create(text="A day", key_scope="site", timestamp=timezone.now())
    jobs.create(reflection, priority=Priority.INTERACTIVE)
    assert _again(page, mark) == 200
    Job.objects.all().delete()


def test_mark_is_of_one_person_and_range(page: Client, used: None):
    """Nobody is shown another's page as unchanged."""
    mark = page.get("/")["ETag"]
    assert page.get("/", {"range": "7d"}, headers={"If-None-Match": mark}).status_code == 200
    page.force_login(User.objects.create_user("ben"))
    assert _again(page, mark) == 200


def test_overview_asks_a_fixed_number_of_queries(
    page: Client, used: None, django_assert_max_num_queries
):
    """However much there is to add up."""
    page.get("/")
    with django_assert_max_num_queries(15):
        page.get("/", {"range": "30d"})
