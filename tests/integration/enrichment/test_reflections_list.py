"""The list of reflections: pages by cursor, filters, order, and what it costs."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from enrichment import jobs, tasks
from enrichment.api.listing import READERS
from enrichment.api.queries import read_query
from enrichment.listing import chosen
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from enrichment.pages import page_of, read_cursor
from enrichment.reports import Viewer
from tests.conftest import TokenMaker
from tests.standin import Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/api/v1/reflections/"
RUN_AND_READ = ("enrich:run", "enrich:read")
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def make(user=None, *, count: int = 1, status: Status = Status.COMPLETE, **fields) -> list[str]:
    """Make reflections with a job each, an hour apart; return their ids, oldest first."""
    made = []
    for _ in range(count):
        with time_machine.travel(FIRST + HOUR * Reflection.objects.count(), tick=False):
            reflection = Reflection.objects.create(
                text="A calm day", submitted_by=user, timestamp=FIRST, key_scope="site", **fields
            )
            jobs.create(reflection, priority=Priority.INTERACTIVE, status=status)
        made.append(str(reflection.id))
    return made


def ids(client: APIClient, query: str = "") -> list[str]:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_newest_come_first_without_context_and_to_be_kept_by_no_cache(
    api: TokenMaker, model: Script
):
    """Rows are the reports that a reflection's own address answers, but for the history."""
    client = api(*RUN_AND_READ, owner="ada")
    places = []
    for text in ("A calm day", "A rough day"):
        places.append(
            client.post(URL, {"text": text}, format="json")["Location"],
        )
        tasks.run_next_job()

    response = client.get(URL)

    rows = response.json()["results"]
    assert [f"{URL}{row['id']}/" for row in rows] == places[::-1]
    assert response.json()["next"] is response.json()["previous"] is None
    assert response["Cache-Control"] == "private, no-store"
    whole = client.get(places[0]).json()
    assert whole["stage1"].pop("context")
    del whole["stage1"]["remarks"]
    assert rows[1] == whole
    assert client.head(URL).status_code == 200


def test_pages_do_not_shift_while_reflections_are_added(api: TokenMaker):
    """Walking on shows what was there once each; walking back shows the same pages again."""
    client = api("enrich:read", owner="ada")
    old = make(owner="ada", count=5)
    pages = [client.get(f"{URL}?page_size=2").json()]
    while place := pages[-1]["next"]:
        make(owner="ada", count=3)
        pages.append(client.get(place).json())

    shown = [[row["id"] for row in page["results"]] for page in pages]
    assert shown == [[old[4], old[3]], [old[2], old[1]], [old[0]]]

    back = client.get(pages[-1]["previous"]).json()
    assert [row["id"] for row in back["results"]] == shown[1]
    assert [row["id"] for row in client.get(back["next"]).json()["results"]] == shown[2]
    newer = client.get(back["previous"]).json()
    assert [row["id"] for row in newer["results"]] == shown[0]
    assert newer["previous"]


@given(
    instants=st.lists(st.integers(0, 3), min_size=1, max_size=9),
    size=st.integers(1, 10),
    newest_first=st.booleans(),
)
@property_settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_pages_of_any_size_hold_each_row_once_in_order_both_ways(instants, size, newest_first):
    """Also of rows of one instant: all pages together are the list, and back are the same pages."""
    Reflection.objects.all().delete()
    for number, seconds in enumerate(instants):
        with time_machine.travel(FIRST + timedelta(seconds=seconds), tick=False):
            Reflection.objects.create(
                id=UUID(int=(number * 7919) % 10_007), timestamp=FIRST, key_scope="site"
            )
    order = ("created_at", "id")
    everything = list(Reflection.objects.order_by(*order))
    if newest_first:
        everything.reverse()

    def walk(cursor: str | None, way: str) -> list[list[Reflection]]:
        pages = []
        while not pages or cursor:
            page = page_of(
                Reflection.objects.all(),
                size=size,
                newest_first=newest_first,
                cursor=read_cursor(cursor) if cursor else None,
            )
            pages.append(page.rows)
            last, cursor = page, getattr(page, way)
        walk.last = last
        return pages

    onward = walk(None, "next")
    assert [row for page in onward for row in page] == everything
    assert all(len(page) == size for page in onward[:-1])
    if len(onward) > 1:
        assert walk(walk.last.previous, "previous") == onward[-2::-1]


def test_order_turns_the_list_round(api: TokenMaker):
    """Oldest first on demand, over pages too."""
    client = api("enrich:read", owner="ada")
    made = make(owner="ada", count=3)

    assert ids(client, "order=-created_at") == made[::-1]
    assert ids(client, "order=created_at") == made
    page = client.get(f"{URL}?order=created_at&page_size=2").json()
    rest = client.get(page["next"]).json()
    assert [row["id"] for row in (*page["results"], *rest["results"])] == made


def test_page_holds_25_unless_told_otherwise(api: TokenMaker):
    """So many as asked, and 25 where nothing was."""
    client = api("enrich:read", owner="ada")
    make(owner="ada", count=26)

    assert len(ids(client)) == 25
    assert len(ids(client, "page_size=100")) == 26
    assert len(ids(client, "page_size=1")) == 1


def test_filters_narrow_the_list_and_combine(api: TokenMaker):
    """Status, owner, risk and time, each alone and together; the page's links keep them."""
    client = api("enrich:read")
    user = client.get(URL).wsgi_request.user or None
    user = type(user).objects.get(username="web")
    done = make(user, owner="ada")
    failed = make(user, owner="ada", status=Status.FAILED, risk_signals=["suicidal"])
    waiting = make(user, owner="bob", status=Status.QUEUED)
    nobodys = make(user)
    everything = [*nobodys, *waiting, *failed, *done]

    assert ids(client) == everything
    assert ids(client, "status=complete") == [*nobodys, *done]
    assert ids(client, "status=failed,queued") == [*waiting, *failed]
    assert ids(client, "status=complete,failed") == [*nobodys, *failed, *done]
    assert ids(client, "owner=ada") == [*failed, *done]
    assert ids(client, "owner=nobody") == []
    assert ids(client, "at_risk=true") == failed
    assert ids(client, "at_risk=false") == [*nobodys, *waiting, *done]
    assert ids(client, "owner=ada&status=complete") == done
    # The first hour is counted, the last is not.
    assert ids(client, "created_after=2026-03-01T13:00:00Z") == everything[:3]
    assert ids(client, "created_before=2026-03-01T14:00:00%2B01:00") == done
    page = client.get(f"{URL}?owner=ada&page_size=1").json()
    assert [row["id"] for row in client.get(page["next"]).json()["results"]] == done


def test_filters_by_feeling_and_by_the_part_of_the_cache(api: TokenMaker):
    """What Stage 1 found, one or several, and how the cache took part in either stage."""
    client = api("enrich:read", owner="ada")
    joyful, sad, none = make(owner="ada", count=3)
    for made, primary, cache in (
        (joyful, "joyful", "hit"),
        (sad, "sad", "miss"),
        (none, "", "miss"),
    ):
        StageResult.objects.create(
            reflection_id=made,
            stage=1,
            result={
                "wheel": {"primary": primary} if primary else None,
                "undetermined": not primary,
            },
            outcome="model",
            cache=cache,
            duration_ms=1.0,
        )

    assert ids(client, "feeling=joyful") == ids(client, "feeling=pleasant") == [joyful]
    assert ids(client, "feeling=sad,undetermined") == [none, sad]
    assert ids(client, "cache=hit") == [joyful]
    assert ids(client, "cache=miss&feeling=unpleasant") == [sad]
    assert client.get(f"{URL}?feeling=odd").status_code == 400


def test_reflection_whose_other_jobs_differ_is_listed_once_by_its_submission(api: TokenMaker):
    """Work made ahead or again is nobody's status."""
    client = api("enrich:read", owner="ada")
    (made,) = make(owner="ada")
    for purpose in (Job.Purpose.AGAIN, Job.Purpose.VARIANTS):
        Job.objects.create(
            reflection_id=made, purpose=purpose, status=Status.QUEUED, available_at=FIRST
        )

    assert ids(client, "status=complete,queued") == [made]
    assert ids(client, "status=queued") == []


def test_each_sees_what_they_may_and_no_more(api: TokenMaker):
    """An owner's token its owner's, another what it submitted; a filter opens nothing."""
    ada, bob, web = (
        api("enrich:read", owner=owner, name=owner or "web") for owner in ("ada", "bob", "")
    )
    (mine,) = make(owner="ada")

    assert ids(ada) == ids(ada, "owner=ada") == [mine]
    for stranger in (bob, web):
        assert ids(stranger) == ids(stranger, "owner=ada") == []
    assert api("enrich:run", owner="ada").get(URL).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("status=", "status"),
        ("status=failed&status=queued", "status"),
        ("owner=", "owner"),
        ("owner=a%00b", "owner"),
        (f"owner={'x' * 151}", "owner"),
        ("created_after=2026-03-01", "created_after"),
        ("created_before=2026-03-01T12:00:00", "created_before"),
        ("created_after=2026-03-01T12:00:00+01:00", "created_after"),
        ("at_risk=1", "at_risk"),
        ("order=text", "order"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("cursor=", "cursor"),
        ("cursor=bm90aGluZw", "cursor"),
        ("created_after=2201-01-01T00:00:00Z", "created_after"),
        ("page=2", "page"),
        ("format=xml", "format"),
    ],
)
def test_wrong_parameter_is_named_with_what_is_accepted(api: TokenMaker, query: str, field: str):
    """Unknown ones, wrong values and wrong cursors are 400, with the parameter's name."""
    response = api("enrich:read").get(f"{URL}?{query}")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert error["message"]


def test_page_costs_the_same_few_queries_whatever_it_holds(api: TokenMaker, model: Script):
    """Beside the token's the reflections, their jobs and their results: for one as for thirty."""
    client = api(*RUN_AND_READ, owner="ada")
    for number in range(3):
        client.post(URL, {"text": f"Day {number}"}, format="json")
        tasks.run_next_job()
    make(owner="ada", count=30)

    def cost(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            ids(client, query)
        # What a token costs is its own affair.
        return len([query for query in queries if "perfsite_accesstoken" not in query["sql"]])

    every = "status=complete,queued&at_risk=false&owner=ada&created_after=2026-01-01T00:00:00Z"
    assert cost("page_size=1") == cost("page_size=100") == cost(every) == 3


@pytest.mark.parametrize(
    ("viewer", "query", "index"),
    [
        ("owner's", "", "reflection_of_owner"),
        ("owner's", "status=failed", "reflection_of_owner"),
        ("owner's", "status=complete", "reflection_of_owner"),
        ("owner's", "created_after=2026-01-01T00:00:00Z", "reflection_of_owner"),
        ("service's", "", "reflection_submitted "),
        ("service's", "status=complete", "reflection_submitted "),
        ("service's", "owner=ada", "reflection_submitted_for"),
        ("staff's", "", "created_at"),
        ("staff's", "status=complete", "created_at"),
        ("staff's", "status=failed", "job_"),
    ],
)
def test_list_is_read_in_order_from_an_index(person, viewer: str, query: str, index: str):
    """However many there are, no more rows are looked at than a page needs, or than have a rare
    status.
    """
    viewers = {
        "owner's": Viewer(user_id=person.pk, owner="ada"),
        "service's": Viewer(user_id=person.pk),
        "staff's": Viewer(user_id=person.pk, sees_all=True),
    }
    reflections = chosen(viewers[viewer].reflections(), read_query(QueryDict(query), READERS))
    plan = reflections.order_by("-created_at", "-id")[:26].explain()

    assert index in plan
    if index != "job_":
        assert "TEMP B-TREE FOR ORDER BY" not in plan
