"""The list of reflections and one reflection's page: filters, pages, actions, and who sees what."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enrichment import jobs, tasks
from enrichment.models import Job, Reflection, StageResult, Status
from enrichment.models.jobs import Priority
from tests.people import sign_in
from tests.standin import WRITING, Script

pytestmark = pytest.mark.usefixtures("databases")

URL = "/reflections/"
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CONTENT = {
    "wheel": {"primary": "joyful", "secondary": "cheerful", "tertiary": "grateful"},
    "undetermined": False,
    "valence": 0.8,
    "arousal": 0.6,
    "invoked": [],
    "expressed": [],
    "confidence": 0.6,
    "events": [],
    "congruence": None,
    "warnings": [],
    "provenance": {"signals": {"lexicon": {}, "model": None}},
}
WHEELS = {
    "joyful": {"wheel": CONTENT["wheel"]},
    "sad": {"wheel": {"primary": "sad", "secondary": "lonely", "tertiary": None}},
    "": {"wheel": None, "undetermined": True},
}


@pytest.fixture
def browser(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def make(
    user: User,
    *,
    status: Status = Status.COMPLETE,
    feeling: str | None = "joyful",
    cache: str = "miss",
    **fields: Any,
) -> str:
    """Make a reflection a day after the one before, without a worker; return its address."""
    with time_machine.travel(FIRST + DAY * Reflection.objects.count(), tick=False):
        reflection = Reflection.objects.create(
            **{
                "text": "zyxgrobble",
                "owner": user.get_username(),
                "submitted_by": user,
                "key_scope": f"user:{user.pk}",
                "timestamp": FIRST + DAY * Reflection.objects.count(),
                **fields,
            }
        )
        jobs.create(reflection, priority=Priority.INTERACTIVE, status=status)
        for stage in (1, 2) if feeling is not None else ():
            StageResult.objects.create(
                reflection=reflection,
                stage=stage,
                result=CONTENT | WHEELS[feeling] if stage == 1 else WRITING | {"provenance": {}},
                outcome="model",
                cache=cache,
                duration_ms=1.0,
            )
    return f"{URL}{reflection.pk}/"


def listed(client: Client, query: str = "") -> list[str]:
    """Return the addresses that the list shows, in order."""
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200
    return re.findall(rf'href="({URL}[0-9a-f-]{{36}}/)"', response.content.decode())


def text_of(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


# The list


def test_list_shows_the_newest_first_and_no_text(browser: Client, person: User):
    """What each came to, never what was written."""
    older, newer = make(person), make(person, status=Status.FAILED, feeling=None)

    assert listed(browser) == [newer, older]
    page = text_of(browser, URL)
    assert "zyxgrobble" not in page
    assert "grateful" in page
    assert "failed" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=complete", "joyful sad none"),
        ("status=failed", "failed"),
        ("status=unfinished", "waiting"),
        ("feeling=joyful", "joyful"),
        ("feeling=pleasant", "joyful"),
        ("feeling=unpleasant", "sad"),
        ("feeling=undetermined", "none"),
        ("cache=hit", "sad"),
        ("cache=miss&status=complete", "joyful none"),
        ("since=2026-03-04", "failed waiting"),
        ("until=2026-03-02", "joyful sad"),
        ("since=2026-03-02&until=2026-03-02", "sad"),
        ("status=&feeling=&cache=&since=&until=", "joyful sad none failed waiting"),
    ],
)
def test_filters_narrow_the_list(browser: Client, person: User, query: str, found: str):
    """Each alone and together; days include both ends, and what is empty filters nothing."""
    made = {
        "joyful": make(person),
        "sad": make(person, feeling="sad", cache="hit"),
        "none": make(person, feeling=""),
        "failed": make(person, status=Status.FAILED, feeling=None),
        "waiting": make(person, status=Status.QUEUED, feeling=None),
    }

    assert listed(browser, query) == [made[name] for name in reversed(found.split())]


@pytest.mark.parametrize(
    "query", ["status=done", "feeling=odd", "cache=x", "since=soon", "until=9999-12-31"]
)
def test_wrong_filter_is_told_at_its_field(browser: Client, person: User, query: str):
    """400 and what is accepted, never a server's fault."""
    make(person)
    response = browser.get(f"{URL}?{query}")

    assert response.status_code == 400
    name = query.partition("=")[0]
    assert f'<li id="id_{name}_error">' in response.content.decode()


@pytest.mark.parametrize("cursor", ["", "bm90aGluZw", "AAAA%00"])
def test_wrong_place_in_the_list_is_400(browser: Client, cursor: str):
    """A page of ours says so."""
    assert browser.get(f"{URL}?cursor={cursor}").status_code == 400


def test_pages_lead_on_and_back_and_keep_the_filters(browser: Client, person: User):
    """Older leads to the rest, newer back again."""
    made = [make(person) for _ in range(27)]
    make(person, status=Status.FAILED, feeling=None)
    made.reverse()

    def link(page: str, name: str) -> str:
        return re.search(rf'rel="{name}"\s+href="\?([^"]*)"', page)[1].replace("&amp;", "&")

    first = browser.get(f"{URL}?status=complete").content.decode()
    assert listed(browser, "status=complete") == made[:25]
    assert 'rel="prev"' not in first
    rest = link(first, "next")
    assert listed(browser, rest) == made[25:]
    assert listed(browser, link(browser.get(f"{URL}?{rest}").content.decode(), "prev")) == made[:25]


def test_empty_list_says_what_to_do(browser: Client, person: User):
    """Before the first reflection, and where a filter leaves nothing."""
    assert "Write a few sentences above" in text_of(browser, URL)
    make(person)
    assert "Loosen a filter" in text_of(browser, f"{URL}?status=failed")


def test_list_is_live_while_something_is_unfinished(browser: Client, person: User):
    """And asks for nothing once all is done."""
    make(person)
    assert "data-live-seconds" not in text_of(browser, URL)
    make(person, status=Status.QUEUED, feeling=None)
    assert "data-live-seconds" in text_of(browser, URL)


# Who sees what


def test_nobody_sees_anothers_without_the_permission(browser: Client, person: User):
    """Neither in the list, by its owner's name, nor by its address; also not to act on it."""
    place = make(person)
    bob = sign_in("change_job", "delete_reflection", name="bob")

    assert listed(bob) == listed(bob, "owner=ada") == []
    assert 'name="owner"' not in text_of(bob, URL)
    assert bob.get(place).status_code == 404
    for action in ("retry", "cancel", "delete"):
        assert bob.post(f"{place}{action}/").status_code == 404
    assert Reflection.objects.exists()


def test_list_of_who_may_see_all_marks_whose_each_is(person: User):
    """By name, one's own as such; what an app sent in a name is told from the person's own."""
    chief = sign_in("view_text", name="chief")
    mine, theirs = make(User.objects.get(username="chief")), make(person)
    by_app = make(person, key_scope="owner:ada")

    assert listed(chief) == [by_app, theirs, mine]
    page = text_of(chief, URL)
    owners = [
        " ".join(re.sub(r"<[^>]+>", "", owner).split())
        for owner in re.findall(r'class="recent-owner">(.*?)</span> <span class="recent-f', page)
    ]
    assert owners == ["ada through an app", "ada", "you"]
    assert listed(chief, "owner=chief") == [mine]
    assert "zyxgrobble" not in page


def test_anothers_text_is_folded_away(person: User):
    """Who may read it asks for it first; whose it is stands above."""
    page = text_of(sign_in("view_text", name="chief"), make(person))

    assert "of ada" in page
    assert '<details class="masked">' in page
    assert page.index('<details class="masked">') < page.index("zyxgrobble")


# Actions


ACTIONS = {
    Status.QUEUED: {"cancel", "delete"},
    Status.STAGE1_RUNNING: {"cancel", "delete"},
    Status.COMPLETE: {"delete"},
    Status.FAILED: {"retry", "delete"},
    Status.CANCELLED: {"retry", "delete"},
    Status.QUARANTINED: {"retry", "delete"},
}


@pytest.mark.parametrize("status", ACTIONS)
def test_actions_are_shown_where_they_can_do_something(
    browser: Client, person: User, status: Status
):
    """By how far the work is."""
    page = text_of(browser, make(person, status=status, feeling=None))

    assert set(re.findall(r'formaction="[^"]*/(\w+)/"', page)) == ACTIONS[status]


@pytest.mark.parametrize(
    ("permissions", "shown"),
    [
        ((), set()),
        (("change_job",), {"retry"}),
        (("delete_reflection",), {"delete"}),
    ],
)
def test_acting_on_anothers_needs_its_permission(
    person: User, permissions: tuple[str, ...], shown: set[str]
):
    """Without it the button is not there, and its address answers 403."""
    place = make(person, status=Status.FAILED, feeling=None)
    reader = sign_in("view_text", *permissions)

    page = text_of(reader, place)
    assert set(re.findall(r'formaction="[^"]*/(\w+)/"', page)) == shown
    for action in {"retry", "delete"} - shown:
        assert reader.post(f"{place}{action}/").status_code == 403
    assert Job.objects.get().status == Status.FAILED
    for action in shown:
        assert reader.post(f"{place}{action}/").status_code == 302


def test_retry_queues_what_failed_and_says_so(browser: Client, person: User, model: Script):
    """Once: the second time there is nothing to retry, and the page says that."""
    fields = {"text": "I'm grateful for my sister"}
    place = make(person, status=Status.FAILED, feeling=None, **fields)

    assert "It is queued again." in browser.post(f"{place}retry/", follow=True).content.decode()
    assert Job.objects.get().status == Status.QUEUED
    again = browser.post(f"{place}retry/", follow=True).content.decode()
    assert "There was nothing to retry." in again
    tasks.run_next_job()
    assert WRITING["closing_line"] in text_of(browser, place)


def test_cancel_ends_the_work_and_says_so(browser: Client, person: User):
    """Once: the second time there is nothing to cancel."""
    place = make(person, status=Status.QUEUED, feeling=None)

    page = browser.post(f"{place}cancel/", follow=True).content.decode()
    assert "The work on it is cancelled" in page
    assert Job.objects.get().status == Status.CANCELLED
    again = browser.post(f"{place}cancel/", follow=True).content.decode()
    assert "There was nothing to cancel." in again


def test_search_for_better_answers_can_be_stopped(browser: Client, person: User):
    """While one is under way the page says so, and no longer afterwards."""
    place = make(person, enrich_again=True)
    reflection = Reflection.objects.get()
    Job.objects.create(reflection=reflection, purpose=Job.Purpose.AGAIN, available_at=FIRST)
    assert "Stop looking for better answers" in text_of(browser, place)

    browser.post(f"{place}cancel/")

    assert "better answers" not in text_of(browser, place).lower().replace("cancelled", "")
    assert Job.objects.get(purpose=Job.Purpose.SUBMITTED).status == Status.COMPLETE


def test_actions_are_no_links(browser: Client, person: User):
    """A GET changes nothing, nor does a POST without its token."""
    place = make(person)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)

    for action in ("retry", "cancel", "delete"):
        assert browser.get(f"{place}{action}/").status_code == 405
        assert strict.post(f"{place}{action}/").status_code == 403
        assert Client().post(f"{place}{action}/")["Location"].startswith("/login/")
    assert Reflection.objects.exists()


# One reflection


def steps(page: str) -> list[tuple[str, str]]:
    """Return the timeline: the name and the state of each step."""
    found = re.findall(r'step-name">(.*?)</p> <p class="step-state">(.*?)</p>', page)
    return [(name, state.strip()) for name, state in found]


@pytest.mark.parametrize(
    ("status", "feeling", "states"),
    [
        (Status.QUEUED, None, ["waiting", "waiting"]),
        (Status.STAGE1_RUNNING, None, ["running", "waiting"]),
        (Status.FAILED, None, ["not done", "not done"]),
        (Status.COMPLETE, "joyful", ["done in 1.0 ms", "done in 1.0 ms"]),
    ],
)
def test_timeline_says_which_stage_waits_runs_or_is_done(
    browser: Client, person: User, status: Status, feeling: str | None, states: list[str]
):
    """In words, with how long it took."""
    found = steps(text_of(browser, make(person, status=status, feeling=feeling)))

    assert [name for name, _ in found] == ["Sent", "Feeling", "Words"]
    assert [state for _, state in found[1:]] == states


@pytest.mark.parametrize("status", [Status.STAGE1_COMPLETE, Status.STAGE2_RUNNING])
def test_second_stage_runs_once_the_first_is_done(browser: Client, person: User, status: Status):
    """The first one's answer is shown meanwhile."""
    place = make(person, status=status)
    StageResult.objects.filter(stage=2).delete()
    page = text_of(browser, place)

    assert [state for _, state in steps(page)[1:]] == ["done in 1.0 ms", "running"]
    assert "lit is joyful, cheerful, grateful" in page
    assert 'data-live-seconds="1"' in page


def test_drawings_say_the_path_and_the_place(browser: Client, person: User):
    """To those who see no picture; earlier ones of the same person are dots."""
    make(person)
    make(person, feeling="")
    page = text_of(browser, make(person))

    assert 'aria-label="The feelings wheel: lit is joyful, cheerful, grateful"' in page
    assert page.count('class="cell ring-3 lit"') == 1
    assert "Valence 0.80 and arousal 0.60, on scales from 0 to 1; faint dots for 1 earlier" in page
    assert page.count('class="earlier"') == 1
    assert "data-live-seconds" not in page


def test_no_clear_feeling_lights_nothing(browser: Client, person: User):
    """And has no place on the plane."""
    page = text_of(browser, make(person, feeling=""))

    assert "The feelings wheel: nothing is lit" in page
    assert "No clear feeling has no place on the plane" in page
    assert 'class="here"' not in page


def test_hit_tells_when_and_by_whom_it_was_made_and_what_it_spared(browser: Client, person: User):
    """In words: the age, the model, and the time that computing took then."""
    place = make(person, cache="hit")
    StageResult.objects.filter(stage=1).update(age_seconds=180, model="small:1b", cost_ms=2300)
    page = text_of(browser, place)

    assert "Read from the cache in 1.0 ms. small:1b made it 3 min earlier" in page
    assert "1 Mar 2026, 11:57 UTC" in page
    assert "that took 2.3 s, which was spared now" in page


def test_what_computing_took_is_kept_with_both_stages_and_with_hits(
    browser: Client, person: User, model: Script
):
    """So that a later hit can tell what it spared."""
    sent = {"text": "I'm grateful for my sister", "timezone": "UTC"}
    browser.post(URL, sent)
    tasks.run_next_job()
    made = dict(StageResult.objects.values_list("stage", "cost_ms"))
    assert set(made) == {1, 2}
    assert all(made.values())

    browser.post(URL, sent)

    hit = StageResult.objects.get(stage=1, cache="hit")
    assert hit.cost_ms == pytest.approx(made[1], rel=1e-3)


@pytest.mark.parametrize("count", [1, 25])
def test_pages_take_few_queries(browser: Client, person: User, count: int):
    """At most 15, for one as for a page full of them, with every filter too."""
    for _ in range(count):
        place = make(person)
    every = "status=complete&feeling=pleasant&cache=miss&since=2026-01-01&until=2027-01-01"

    for path in (URL, f"{URL}?{every}", place):
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(path).status_code == 200
        assert len(queries) <= 15, path
        assert not [query for query in queries if "COUNT(" in query["sql"]]


def test_nothing_is_inline(browser: Client, person: User):
    """The policy lets neither script nor style of a page's own through."""
    for path in (URL, make(person)):
        page = text_of(browser, path)
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\son\w+=", page)
