"""Computing an entry again and holding both answers side by side."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cachestats import services as cache_services
from cachestats.cache import get_cache
from cachestats.config.current import forget
from cachestats.models import Audit, CacheEntry, LookupBatch
from enrichment import comparisons, forgetting, jobs, tasks
from enrichment.models import Comparison, Job, Reflection, StageResult, Status
from enrichment.services import submit
from enrichment.submission import parse
from tests.people import sign_in
from tests.pruning import prune
from tests.standin import WRITING, Script, as_json, feeling, written

pytestmark = pytest.mark.usefixtures("databases", "one_variant")

TEXT = "I'm feeling grateful for my sister today"
OTHER = {**WRITING, "closing_line": "The evening is gentle and it is yours."}


@pytest.fixture
def operator(databases: None) -> Client:
    return sign_in("view_cacheentry", "delete_cacheentry")


@pytest.fixture
def admin(databases: None) -> Client:
    """Somebody who may read others' texts too."""
    return sign_in("view_cacheentry", "delete_cacheentry", "view_text", name="adele")


@pytest.fixture
def viewer(databases: None) -> Client:
    return sign_in("view_cacheentry", name="vera")


@pytest.fixture
def reflection(person: User, model: Script) -> Reflection:
    """One that is done, by what the stand-in says."""
    made = submit(parse({"text": TEXT}, timezone.now()), user=person, token_owner=None)
    tasks.run_next_job()
    get_cache().flush()
    return made


def page_of(reflection: Reflection, stage: int = 2) -> str:
    return f"/cache/{StageResult.objects.get(reflection=reflection, stage=stage).key[:16]}/compare/"


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def compare(client: Client, page: str) -> str:
    """Have a worker compute again, and return the page."""
    assert client.post(page).status_code == 302
    tasks.run_next_job()
    return text(client.get(page))


def keep(client: Client, page: str, **how: Any) -> Any:
    """Choose the new answer, as the form does that shows the latest comparison."""
    return client.post(f"{page}keep/", {"comparison": Comparison.objects.get().pk}, **how)


def stored(page: str) -> bytes:
    found = cache_services.stored_value(page.split("/")[2])
    assert found is not None
    return found.value


@contextmanager
def untouched(page: str) -> Iterator[None]:
    """Nothing stored changes, and nothing is added."""
    before = stored(page), CacheEntry.objects.count()
    yield
    assert (stored(page), CacheEntry.objects.count()) == before


# What comes of it


@pytest.mark.parametrize("stage", [1, 2])
def test_same_answer_is_told_byte_for_byte(
    reflection: Reflection, operator: Client, stage: int
) -> None:
    """The model is asked anew, and what is stored stays as it is."""
    page = page_of(reflection, stage)
    with untouched(page):
        shown = compare(operator, page)
    assert "Both answers are the same, byte for byte" in shown
    assert "Keep the new answer" not in shown


def test_model_is_asked_past_the_cache(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """A look-up would have been answered with what is to be compared."""
    asked = len(model.questions("/api/chat"))
    compare(operator, page_of(reflection))
    assert len(model.questions("/api/chat")) == asked + 1


def test_other_answer_is_marked_and_not_stored(
    reflection: Reflection, admin: Client, model: Script
) -> None:
    """Both are shown line by line, with the words that differ."""
    model.chat = lambda _body: written(json.dumps(OTHER))
    page = page_of(reflection)
    with untouched(page):
        shown = compare(admin, page)
    assert "The answers differ in 1 of" in shown
    assert "<del>quiet </del>" in shown
    assert "<ins>gentle </ins>" in shown


def test_other_feeling_is_a_difference_of_stage_1(
    reflection: Reflection, admin: Client, model: Script
) -> None:
    """Also of numbers."""
    model.generate = lambda _body: feeling({"sad": -0.1, "angry": -2.0})
    shown = compare(admin, page_of(reflection, 1))
    assert "The answers differ in" in shown


def test_answer_that_is_kept_takes_the_others_place(
    reflection: Reflection, admin: Client, model: Script
) -> None:
    """From then on look-ups are answered with it; the audit tells who did it."""
    model.chat = lambda _body: written(json.dumps(OTHER))
    page = page_of(reflection)
    compare(admin, page)
    assert "stored; look-ups are answered with it now" in text(keep(admin, page, follow=True))
    assert json.loads(stored(page))["closing_line"] == OTHER["closing_line"]
    audit = Audit.objects.get()
    assert audit.filters == {"keys": [page.split("/")[2][:8]], "replaced": True}
    again = submit(
        parse({"text": TEXT}, timezone.now()),
        user=reflection.submitted_by,
        token_owner=None,
    )
    [_, second] = again.written.results
    assert (second.cache, second.result["closing_line"]) == ("hit", OTHER["closing_line"])
    assert "Keep the new answer" not in text(admin.get(page))


def test_answer_is_not_kept_over_a_newer_one(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """What was compared is not what would be lost."""
    model.chat = lambda _body: written(json.dumps(OTHER))
    page = page_of(reflection)
    compare(operator, page)
    digits = page.split("/")[2]
    found = cache_services.stored_value(digits)
    assert found
    assert cache_services.replace_value(found.key, found.value, b'{"newer":1}', 1.0, "bob")
    assert "Nothing was replaced" in text(keep(operator, page, follow=True))
    assert stored(page) == b'{"newer":1}'


def test_answer_is_kept_only_where_it_is_the_one_that_was_shown(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """Somebody else had it computed once more: that answer nobody has looked at."""
    model.chat = lambda _body: written(json.dumps(OTHER))
    page = page_of(reflection)
    compare(operator, page)
    form = re.search(r'name="comparison" value="(\d+)"', operator.get(page).content.decode())
    assert form
    compare(operator, page)
    for shown in (form[1], "", "x"):
        with untouched(page):
            answer = operator.post(f"{page}keep/", {"comparison": shown})
        assert answer.status_code == 409
        assert "computed once more meanwhile" in text(answer)
    assert "Keep the new answer" in text(operator.get(page))


def test_replacing_is_audited_before_it_is_done(
    reflection: Reflection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed leaves nothing replaced by nobody; what failed is not audited."""
    page = page_of(reflection)
    found = cache_services.stored_value(page.split("/")[2])
    assert found
    audited = []

    def fails(_ids: Any) -> None:
        audited.append(Audit.objects.count())
        raise OSError("disk full")

    monkeypatch.setattr("cachestats.services.values.count", fails)
    with untouched(page), pytest.raises(OSError, match="disk full"):
        cache_services.replace_value(found.key, found.value, b'{"newer":1}', 1.0, "bob")
    assert audited == [1]
    assert not Audit.objects.exists()


def test_answer_under_other_settings_can_not_be_kept(
    reflection: Reflection, operator: Client, model: Script, settings: Any, tmp_path: Any
) -> None:
    """Today's question has another key then, and that is said."""
    settings.PERF_CONFIG = tmp_path / "other.json"
    settings.PERF_CONFIG.write_text('{"inference": {"variants": 1, "num_predict_long": 150}}')
    forget()
    page = page_of(reflection)
    shown = compare(operator, page)
    assert "can’t take its place" in shown
    assert "Keep the new answer" not in shown
    with untouched(page):
        keep(operator, page)


def test_answer_that_is_of_no_use_is_told(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """There is nothing to compare then, and the old one stays."""
    model.chat = lambda _body: written("no JSON at all")
    page = page_of(reflection)
    with untouched(page):
        assert "There is no new answer" in compare(operator, page)


def test_model_that_is_away_is_told(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """The page ends waiting, and says what is the matter."""
    model.chat = lambda _body: as_json({"error": "overloaded"}, 500)
    assert "There is no new answer: no model answered" in compare(operator, page_of(reflection))


# Where there is nothing to ask


def test_reflection_that_is_gone_is_told(
    reflection: Reflection, operator: Client, model: Script
) -> None:
    """The text for a feeling outlives its reflection, but its question doesn't."""
    page = page_of(reflection)
    forgetting.forget(reflection)
    asked = len(model.asked)
    shown = text(operator.get(page))
    assert "This can’t be computed again" in shown
    assert "Compute again</button>" not in shown
    assert "is gone" in text(operator.post(page, follow=True))
    assert not Job.objects.exists()
    assert len(model.asked) == asked


def test_reflection_forgotten_meanwhile_takes_the_comparison_along(
    reflection: Reflection, operator: Client
) -> None:
    """Nothing of it is left, and the worker finds nothing to do."""
    page = page_of(reflection, 1)
    operator.post(page)
    forgetting.forget(reflection)
    tasks.run_next_job()
    assert not Comparison.objects.exists()
    assert operator.get(page).status_code == 404


def test_entry_of_no_reflection_is_told(operator: Client, model: Script) -> None:
    """An answer of another API, say."""
    get_cache().get_or_compute({"q": 1}, lambda: {"a": 1}, cache_type="api")
    digits = CacheEntry.objects.get().key[:16]
    assert "This can’t be computed again" in text(operator.get(f"/cache/{digits}/compare/"))


def test_entry_that_is_unknown_is_not_found(operator: Client) -> None:
    """Nor is what is no key."""
    for key in ("a" * 16, "a" * 8, "nothing"):
        assert operator.get(f"/cache/{key}/compare/").status_code == 404


# On the way


def test_page_is_live_until_the_answer_is_there(reflection: Reflection, operator: Client) -> None:
    """Never in the web process: a worker asks."""
    page = page_of(reflection)
    operator.post(page)
    waiting = text(operator.get(page))
    assert "Waiting for a worker" in waiting
    assert 'data-live-seconds="2"' in waiting
    tasks.run_next_job()
    assert "data-live-seconds" not in text(operator.get(page))


def test_asking_twice_is_one_comparison(reflection: Reflection, operator: Client) -> None:
    """Of the same entry at the same time; afterwards another one takes its place."""
    page = page_of(reflection)
    operator.post(page)
    operator.post(page)
    assert Comparison.objects.count() == 1
    compare(operator, page)
    compare(operator, page)
    assert Comparison.objects.count() == 1
    assert Job.objects.filter(purpose=Job.Purpose.COMPARE).count() == 1


def test_worker_that_is_killed_leaves_it_to_the_next(
    reflection: Reflection, operator: Client
) -> None:
    """Its lease runs out; and what it would still write is lost."""
    page = page_of(reflection)
    operator.post(page)
    killed = jobs.claim()
    assert killed is not None
    assert "The model is at work" in text(operator.get(page))
    Job.objects.filter(pk=killed.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.run_next_job()
    assert "Both answers are the same" in text(operator.get(page))
    with pytest.raises(jobs.ClaimLost):
        comparisons.run(killed)


def test_comparison_that_is_cancelled_is_told(reflection: Reflection, operator: Client) -> None:
    """By an operator, in the list of jobs."""
    page = page_of(reflection)
    operator.post(page)
    Reflection.objects.update(enrich_again=True)
    jobs.cancel(Job.objects.filter(purpose=Job.Purpose.COMPARE))
    assert "There is no new answer" in text(operator.get(page))
    assert Reflection.objects.get().enrich_again
    assert "Both answers are the same" in compare(operator, page)


def test_comparing_changes_no_number_of_the_reflection(
    reflection: Reflection, operator: Client
) -> None:
    """Its job and results stand, and the look-up counts as one past the cache."""
    before = list(StageResult.objects.values())
    compare(operator, page_of(reflection))
    assert list(StageResult.objects.values()) == before
    assert Reflection.objects.get().submitted_job.status == Status.COMPLETE
    get_cache().flush()
    assert set(LookupBatch.objects.values_list("state", flat=True)) <= {"miss", "bypass"}


def test_comparisons_are_kept_for_a_day(reflection: Reflection, operator: Client) -> None:
    """They hold answers that may be purged meanwhile."""
    compare(operator, page_of(reflection))
    prune(Job)
    assert Comparison.objects.count() == 1
    Comparison.objects.update(created_at=timezone.now() - timedelta(hours=25))
    prune(Job)
    assert not Comparison.objects.exists()
    assert not Job.objects.filter(purpose=Job.Purpose.COMPARE).exists()


# Who may


@pytest.mark.parametrize("stage", [1, 2])
def test_viewer_learns_nothing_of_what_is_nested(
    reflection: Reflection, operator: Client, viewer: Client, model: Script, stage: int
) -> None:
    """They see the fields that each answer of the stage has: all, whatever is in them."""
    model.generate = lambda _body: feeling({"sad": -0.1, "angry": -2.0})
    page = page_of(reflection, stage)
    compare(operator, page)
    told = re.findall(r'<th scope="row">([^<]*)</th>', viewer.get(page).content.decode())
    fields = StageResult.objects.get(stage=stage).result
    assert sorted(told) == sorted(name.replace("_", " ") for name in fields)


def test_viewer_sees_lines_and_no_words_nor_actions(
    reflection: Reflection, operator: Client, viewer: Client, model: Script
) -> None:
    """Which lines differ is no secret; what they say is."""
    model.chat = lambda _body: written(json.dumps(OTHER))
    page = page_of(reflection)
    compare(operator, page)
    for client in (viewer, operator):
        shown = text(client.get(page))
        assert "closing line" in shown
        assert "gentle" not in shown
        assert "quiet and it is yours" not in shown
    assert "<button" not in text(viewer.get(page)).partition("<main")[2]


def test_comparing_takes_permissions(reflection: Reflection, viewer: Client, person: User) -> None:
    """Strangers are led to the login; others get 403."""
    page = page_of(reflection)
    assert Client().get(page).headers["Location"].startswith("/login/")
    assert viewer.post(page).status_code == 403
    assert viewer.post(f"{page}keep/").status_code == 403
    nobody = Client()
    nobody.force_login(person)
    assert nobody.get(page).status_code == 403
    assert not Comparison.objects.exists()


def test_page_takes_few_queries(reflection: Reflection, admin: Client) -> None:
    """At most 15, with a comparison on it."""
    page = page_of(reflection)
    compare(admin, page)
    with (
        CaptureQueriesContext(connections["cache"]) as in_cache,
        CaptureQueriesContext(connections["default"]) as in_main,
    ):
        admin.get(page)
    assert len(in_cache) + len(in_main) <= 15
