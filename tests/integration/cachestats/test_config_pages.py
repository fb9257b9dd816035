"""The pages of the configuration: the form, the question, conflicts, history and restoring."""

import html
import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from cachestats.config import current
from cachestats.config_reports import history
from cachestats.models import ConfigRevision
from cachestats.services import change_config, save_revision
from tests.people import sign_in

pytestmark = pytest.mark.usefixtures("databases")

FORM = "/configuration/"
HISTORY = "/configuration/history/"


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """A tuning file of this test's own."""
    settings.PERF_CONFIG = tmp_path / "tuning.json"
    settings.PERF_CONFIG.write_text('{"caching": {"ttl_api": 500}}')
    return settings.PERF_CONFIG


@pytest.fixture
def viewer(file: Path) -> Client:
    return sign_in("view_configrevision", name="vera")


@pytest.fixture
def chief(file: Path) -> Client:
    return sign_in("view_configrevision", "add_configrevision")


def fields(page) -> dict[str, str]:
    """Return what a browser sends of a page's form as it is, but for its boxes."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode(), re.DOTALL):
        name, value = (re.search(rf'{word}="([^"]*)"', tag) for word in ("name", "value"))
        if name and 'type="checkbox"' not in tag:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return {name: text for name, text in found.items() if name != "csrfmiddlewaretoken"}


def review(browser: Client, **changed: str):
    """Return the question about a form that was changed so; `_` between section and name."""
    sent = fields(browser.get(FORM))
    return browser.post(FORM, {**sent, **changed})


def save(browser: Client, question, reason: str = ""):
    return browser.post(FORM, {**fields(question), "reason": reason}, follow=True)


@pytest.mark.parametrize("path", [FORM, HISTORY, f"{HISTORY}1/restore/"])
def test_page_of_configuration_needs_a_sign_in_and_a_permission(
    client: Client, person: User, path: str
):
    """Strangers are sent to the login; who has not the permission is refused."""
    stranger = client.get(path)
    client.force_login(person)

    assert stranger.status_code == 302
    assert client.get(path).status_code == 403


def test_viewer_can_change_nothing(viewer: Client):
    """There is no button for it, and requests made by hand are refused."""
    save_revision({"caching": {"ttl_api": 7}}, None)
    save_revision({"caching": {"ttl_api": 8}}, None)

    page = viewer.get(FORM).content.decode()
    answers = [
        viewer.post(FORM, {"base": "2", "caching.ttl_api": "9", "confirmed": "on"}),
        viewer.post(f"{HISTORY}1/restore/", {"base": "2"}),
    ]

    assert "Review the changes" not in page
    assert "Restore" not in viewer.get(HISTORY).content.decode()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert current().config.caching.ttl_api == 8


def test_form_has_each_value_with_what_is_accepted_and_where_it_is_from(chief: Client):
    """By section, as the API tells it."""
    sections = chief.get(FORM).context["sections"]

    found = {field.name: field for section in sections for field in section.fields}
    assert [section.name for section in sections] == list(type(current().config).model_fields)
    assert found["caching.ttl_api"].text == "500"
    assert found["caching.ttl_api"].value.source == "file"
    assert found["caching.ttl_api"].unit == "seconds"
    assert found["caching.default_ttl"].value.source == "default"


def test_change_is_shown_before_it_is_saved(chief: Client):
    """The question has old and new, and alone changes nothing."""
    question = review(chief, **{"caching.ttl_api": "600"})

    (one,) = question.context["differences"]
    assert (one.field, one.before, one.after) == ("caching.ttl_api", "500", "600")
    assert not ConfigRevision.objects.exists()


def test_confirmed_change_is_in_force_with_who_and_why(chief: Client):
    """Just what was changed is in the revision."""
    answer = save(chief, review(chief, **{"caching.ttl_api": "600"}), "Fresher answers")

    revision = ConfigRevision.objects.get()
    assert revision.overlay == {"caching": {"ttl_api": 600}}
    assert (str(revision.author), revision.reason) == ("olga", "Fresher answers")
    assert current().config.caching.ttl_api == 600
    assert "Saved." in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("inference.num_threads", "4", 4),
        ("inference.temperature", "1", 1.0),
        ("inference.keep_alive", "90", "90"),
        ("caching.enabled", "false", False),
        ("caching.ttl_by_type", '{"poem": 60}', {"poem": 60}),
        ("networking.retry_backoff_ms", "[1, 2]", (1, 2)),
        ("scoring.method", "schema", "schema"),
    ],
)
def test_each_kind_of_value_can_be_changed(chief: Client, name: str, text: str, value):
    """Numbers, words, switches, lists and objects."""
    save(chief, review(chief, **{name: text}))

    section, _, field = name.partition(".")
    assert getattr(getattr(current().config, section), field) == value


def test_empty_field_is_what_is_worked_out(chief: Client):
    """Null, where the schema has it."""
    change_config({"inference": {"num_threads": 4}}, None)

    save(chief, review(chief, **{"inference.num_threads": ""}))

    assert current().config.inference.num_threads is None


@pytest.mark.parametrize("text", ["-1", "soon", "", "1e999", "NaN", "[" * 9000, "9" * 5000])
def test_wrong_value_is_told_at_its_field_as_the_api_does(chief: Client, api, text: str):
    """Nothing is saved, and what was typed still stands there."""
    page = review(chief, **{"caching.ttl_api": text, "caching.default_ttl": "60"})
    told = api("config:write").patch(
        "/api/v1/config/", {"caching": {"ttl_api": "soon"}}, format="json"
    )

    found = {field.name: field for part in page.context["sections"] for field in part.fields}
    assert page.status_code == 400
    (error,) = told.json()["errors"]
    assert list(found["caching.ttl_api"].errors) == [error["message"]]
    assert found["caching.ttl_api"].text == text
    assert found["caching.default_ttl"].text == "60"
    assert not ConfigRevision.objects.exists()


def test_value_is_given_back_to_the_file(chief: Client):
    """A box does it, and the question says who decides then."""
    change_config({"caching": {"ttl_api": 7}}, None)

    question = review(chief, reset="caching.ttl_api")
    save(chief, question)

    (one,) = question.context["differences"]
    assert (one.after, one.after_source) == ("500", "file")
    assert current().sources["caching.ttl_api"] == "file"


def test_change_of_somebody_else_meanwhile_is_shown_with_mine(chief: Client):
    """Nothing is overwritten unseen; asked again, it is saved over theirs, which stays."""
    question = review(chief, **{"caching.ttl_api": "600"})
    change_config({"caching": {"default_ttl": 60, "ttl_api": 7}}, None, "Theirs")

    conflict = save(chief, question, "Mine")
    seen = current().config.caching.ttl_api
    save(chief, conflict, "Mine")

    (one,) = conflict.context["differences"]
    assert conflict.status_code == 409
    assert (one.before, one.after) == ("7", "600")
    assert "Theirs" in conflict.content.decode()
    assert seen == 7
    assert ConfigRevision.objects.first().overlay == {
        "caching": {"default_ttl": 60, "ttl_api": 600}
    }


def test_what_an_old_form_left_alone_is_no_change(chief: Client):
    """Who changed one value does not put the others back to what they saw."""
    sent = fields(chief.get(FORM))
    change_config({"caching": {"default_ttl": 60}}, None, "Theirs")

    question = chief.post(FORM, {**sent, "caching.ttl_api": "600"})

    assert [one.field for one in question.context["differences"]] == ["caching.ttl_api"]
    assert "Theirs" in question.content.decode()


def test_too_long_a_reason_is_told_and_nothing_is_saved(chief: Client):
    """The change itself is kept on the page."""
    question = review(chief, **{"caching.ttl_api": "600"})

    answer = save(chief, question, "x" * 300)

    assert answer.status_code == 400
    assert fields(answer)["caching.ttl_api"] == "600"
    assert not ConfigRevision.objects.exists()


@pytest.mark.parametrize("base", ["", "x", "-1", "9" * 30])
def test_form_without_its_base_begins_anew(chief: Client, base: str):
    """Nobody can tell what it was meant for."""
    answer = chief.post(FORM, {"base": base, "caching.ttl_api": "7", "confirmed": "on"})

    assert answer["Location"] == FORM
    assert not ConfigRevision.objects.exists()


def test_unchanged_form_saves_nothing(chief: Client):
    """And says so."""
    answer = chief.post(FORM, fields(chief.get(FORM)), follow=True)

    assert "Nothing is different" in answer.content.decode()


def test_history_tells_who_changed_what_and_why(chief: Client):
    """Newest first, by pages."""
    for number in range(30):
        change_config({"caching": {"ttl_api": 600 + number}}, None, f"Reason {number}")

    page = chief.get(HISTORY)
    older = chief.get(page.context["older"])

    assert "Reason 29" in page.content.decode()
    assert page.context["revisions"][0].changes[0].after == 629
    assert [one.reason for one in older.context["revisions"]] == [
        f"Reason {number}" for number in (4, 3, 2, 1, 0)
    ]


def test_revision_is_restored_after_a_question(chief: Client):
    """The question shows what would be different; the answer is a new revision with a reason."""
    first = save_revision({"caching": {"ttl_api": 7}}, None)
    save_revision({"caching": {"ttl_api": 8}}, None)
    path = f"{HISTORY}{first.number}/restore/"

    question = chief.get(path)
    before = current().config.caching.ttl_api
    chief.post(path, {**fields(question), "reason": "It was better"})

    (one,) = question.context["differences"]
    assert (before, one.before, one.after) == (8, "8", "7")
    assert current().config.caching.ttl_api == 7
    newest = history(1)[0][0]
    assert (newest.author, newest.reason) == (
        "olga",
        f"Restores revision {first.number}: It was better",
    )


def test_restoring_over_what_was_saved_meanwhile_is_asked_again(chief: Client):
    """As with a change."""
    first = save_revision({"caching": {"ttl_api": 7}}, None)
    save_revision({"caching": {"ttl_api": 8}}, None)
    path = f"{HISTORY}{first.number}/restore/"
    question = chief.get(path)
    save_revision({"caching": {"ttl_api": 9}}, None, "Theirs")

    answer = chief.post(path, fields(question))

    assert answer.status_code == 409
    assert "Theirs" in answer.content.decode()
    assert current().config.caching.ttl_api == 9


def test_broken_file_is_told_and_keeps_the_form_closed(chief: Client, file: Path):
    """Nothing can lie over it; what was in force stays."""
    file.write_text(json.dumps({"caching": {"ttl_api": "soon"}}))

    page = chief.get(FORM).content.decode()

    assert "The tuning file is wrong" in page
    assert "caching.ttl_api" in page
    assert "Review the changes" not in page


def test_broken_revision_offers_the_last_good_one(chief: Client):
    """One that today's schema does not take, as after an update."""
    good = save_revision({"caching": {"ttl_api": 7}}, None)
    ConfigRevision.objects.create(overlay={"caching": {"gone": 1}})

    page = chief.get(FORM).content.decode()
    path = f"{HISTORY}{good.number}/restore/"
    chief.post(path, fields(chief.get(path)))

    assert path in page
    assert current().config.caching.ttl_api == 7


@pytest.mark.parametrize("path", [FORM, HISTORY, f"{HISTORY}{{}}/restore/"])
def test_page_of_configuration_makes_few_queries(
    chief: Client, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
):
    """However long the history is."""
    for number in range(30):
        last = save_revision({"caching": {"ttl_api": number}}, None)

    with django_assert_max_num_queries(15):
        assert chief.get(path.format(last.number - 5)).status_code == 200
