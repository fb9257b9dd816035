"""The configuration over HTTP: what is in force and why, changes, their history, and back again."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import Permission, User
from django.db import connections
from rest_framework.test import APIClient

from cachestats.config import current
from cachestats.config.current import _Current
from cachestats.models import ConfigRevision
from cachestats.services import change_config
from tests.clients import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

CONFIG = "/api/v1/config/"
HISTORY = "/api/v1/config/history/"


@pytest.fixture
def file(settings: Any, tmp_path: Path) -> Path:
    """A tuning file that says one thing."""
    settings.PERF_CONFIG = tmp_path / "perf_config.json"
    settings.PERF_CONFIG.write_text('{"caching": {"default_ttl": 100}}')
    return Path(settings.PERF_CONFIG)


@pytest.fixture
def client(api: Any, file: Path) -> APIClient:
    """Who may read and write it."""
    client: APIClient = api("config:read", "config:write", name="console")
    return client


def patch(client: APIClient, body: dict[str, Any], **headers: str) -> Any:
    return client.patch(CONFIG, body, format="json", headers=headers)


def value(client: APIClient, name: str) -> dict[str, Any]:
    section, _, field = name.partition(".")
    found: dict[str, Any] = client.get(CONFIG).json()["values"][section][field]
    return found


def errors(answer: Any, status: int = 400) -> dict[str, str]:
    assert answer.status_code == status, answer.content
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


# Reading


def test_each_value_comes_with_its_source_and_what_is_accepted(client: APIClient) -> None:
    """From the defaults, the file and a revision; in words and as a schema."""
    patch(client, {"inference": {"num_ctx": 8192}})

    assert value(client, "caching.default_ttl") == {
        "value": 100,
        "source": "file",
        "default": 2_592_000,
        "description": "Seconds that an entry lives; 0: it is not stored.",
        "accepted": "a whole number from 0 to 315,360,000",
        "constraints": {"type": "integer", "minimum": 0, "maximum": 315_360_000},
        "note": "",
    }
    assert value(client, "caching.ttl_api")["source"] == "default"
    number = ConfigRevision.objects.get().number
    assert value(client, "inference.num_ctx")["source"] == f"revision {number}"
    assert client.get(CONFIG).json()["revision"] == number


def test_file_that_is_wrong_is_told_beside_the_last_good_values(
    client: APIClient, file: Path
) -> None:
    """What is in force is shown, and why it is not what the file says."""
    current()
    file.write_text('{"caching": {"default_ttl": -1}}')

    body = client.get(CONFIG).json()

    assert [error["field"] for error in body["errors"]] == ["caching.default_ttl"]
    assert body["values"]["caching"]["default_ttl"]["value"] == 100


def test_nothing_of_the_settings_comes_out(client: APIClient) -> None:
    """Neither secrets nor where databases are, in any answer."""
    patch(client, {"caching": {"default_ttl": 5}, "reason": "why not"})
    answers = [client.get(CONFIG), client.get(HISTORY), patch(client, {"caching": {"secret": 1}})]
    told = " ".join(answer.content.decode() for answer in answers).lower()
    secrets = [site_settings.SECRET_KEY, site_settings.PERF_CACHE_PEPPER, "secret_key", "pepper"]
    secrets += [str(database["NAME"]) for database in site_settings.DATABASES.values()]
    assert not any(secret.lower() in told for secret in secrets)


# Changing


def test_change_leaves_the_rest_and_is_in_force_at_once_here(client: APIClient) -> None:
    """Of a second change the first is not undone; the answer is the whole as it is now."""
    patch(client, {"caching": {"default_ttl": 5}})
    answer = patch(client, {"caching": {"ttl_api": 6}, "networking": {"retry_backoff_ms": [1]}})

    assert answer.status_code == 200
    assert answer.json() == client.get(CONFIG).json()
    caching = current().config.caching
    assert (caching.default_ttl, caching.ttl_api) == (5, 6)
    assert current().config.networking.retry_backoff_ms == (1,)


def test_change_is_in_force_in_another_process_within_a_second(client: APIClient) -> None:
    """Each process reads anew when what it has is a second old."""
    elsewhere = _Current()
    elsewhere.get()
    patch(client, {"caching": {"default_ttl": 5}})
    elsewhere._read_at -= 1.0
    assert elsewhere.get().config.caching.default_ttl == 5


def test_change_keeps_who_and_why(client: APIClient) -> None:
    """The user, the name of their token, and the reason."""
    patch(client, {"caching": {"default_ttl": 5}, "reason": "stale answers"})
    revision = ConfigRevision.objects.get()
    assert revision.author is not None
    assert (revision.author.username, revision.token_name) == ("console", "console")
    assert revision.reason == "stale answers"


def test_change_by_session_is_its_persons(file: Path, person: User) -> None:
    """Without a token there is no token's name."""
    person.user_permissions.add(Permission.objects.get(codename="add_configrevision"))
    assert patch(signed_in(person), {"caching": {"default_ttl": 5}}).status_code == 200
    revision = ConfigRevision.objects.get()
    assert (revision.author, revision.token_name) == (person, "")


def test_reset_gives_a_value_back_to_the_file(client: APIClient) -> None:
    """What the overlay does not hold is no error; what is also changed is changed."""
    patch(client, {"caching": {"default_ttl": 5, "ttl_api": 6}})
    body = {"reset": ["caching.default_ttl", "caching.ttl_api", "inference.num_ctx"]}

    answer = patch(client, {**body, "caching": {"ttl_api": 7}})

    assert answer.status_code == 200
    assert ConfigRevision.objects.latest("number").overlay == {"caching": {"ttl_api": 7}}
    assert value(client, "caching.default_ttl")["source"] == "file"


def test_reset_takes_what_an_earlier_version_left(client: APIClient) -> None:
    """A revision that this version does not know can be mended over the API."""
    ConfigRevision.objects.create(overlay={"caching": {"later": 1, "ttl_api": 6}})
    assert client.get(CONFIG).json()["errors"][0]["field"] == "caching.later"
    assert "caching.later" in errors(patch(client, {"caching": {"ttl_api": 7}}))
    assert patch(client, {"reset": ["caching.later"]}).status_code == 200
    assert current().config.caching.ttl_api == 6


def test_change_to_what_is_there_already_keeps_no_revision(client: APIClient) -> None:
    """Whoever sends the same again, for lack of an answer, is answered the same."""
    first = patch(client, {"caching": {"default_ttl": 5}})
    assert patch(client, {"caching": {"default_ttl": 5}}).json() == first.json()
    assert ConfigRevision.objects.count() == 1


def test_cache_that_the_file_switches_off_stays_off_and_the_answer_says_so(
    client: APIClient, file: Path
) -> None:
    """The revision is kept, for the day when the file says otherwise."""
    file.write_text('{"caching": {"enabled": false}}')
    answer = patch(client, {"caching": {"enabled": True}})

    told = answer.json()["values"]["caching"]["enabled"]
    assert (answer.status_code, told["value"], told["source"]) == (200, False, "file")
    assert "no revision can" in told["note"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "body", "names nothing to change; give values such as"),
        ({"reason": "why"}, "body", "names nothing to change; give values such as"),
        ({"cache": {}}, "cache", "is not known here; accepted: inference, scoring, caching,"),
        ({"caching": {"ttl": 1}}, "caching.ttl", "is not known here; accepted: enabled, default"),
        ({"caching": {}}, "caching", "must be an object with one or more of: enabled, "),
        ({"caching": None}, "caching", "must be an object with one or more of: enabled, "),
        ({"caching": {"default_ttl": "1"}}, "caching.default_ttl", "must be a whole number from 0"),
        ({"caching": {"default_ttl": -1}}, "caching.default_ttl", "must be a whole number from 0"),
        ({"caching": {"default_ttl": None}}, "caching.default_ttl", "must be a whole number from"),
        ({"caching": {"max_bytes": 2**63}}, "caching.max_bytes", "must be a whole number from 1,"),
        ({"caching": {"enabled": 1}}, "caching.enabled", "must be true or false"),
        ({"scoring": {"method": "x"}}, "scoring.method", 'must be one of: "likelihood", "schema"'),
        ({"reset": "caching.default_ttl"}, "reset", "must be a list of names such as"),
        ({"reset": []}, "reset", "must be a list of names such as"),
        ({"reset": [1]}, "reset", "must be a list of names such as"),
        ({"reset": ["caching.ttl"]}, "reset", "holds what is not known: caching.ttl; accepted:"),
        ({"reset": [""]}, "reset", "holds what is not known: "),
        ({"caching": {"ttl_api": 1}, "reason": "x" * 201}, "reason", "must be text of at most 200"),
        ({"caching": {"ttl_api": 1}, "reason": 1}, "reason", "must be text of at most 200"),
        ({"caching": {"ttl_api": 1}, "reason": "\x00"}, "reason", "must be text of at most 200"),
    ],
)
def test_change_that_is_wrong_names_the_key_and_what_is_accepted(
    client: APIClient, body: dict[str, Any], field: str, message: str
) -> None:
    """In plain words, and nothing is kept."""
    told = errors(patch(client, body))
    assert list(told) == [field]
    assert told[field].startswith(message)
    assert not ConfigRevision.objects.exists()


def test_change_over_a_file_that_is_wrong_is_409(client: APIClient, file: Path) -> None:
    """It is the file that has to be mended, not the request."""
    file.write_text("{")
    answer = patch(client, {"caching": {"ttl_api": 1}})
    assert answer.status_code == 409
    assert "mend it first" in answer.json()["detail"]


# Lost updates


def test_change_meant_for_another_configuration_is_412(client: APIClient) -> None:
    """With If-Match nobody overwrites what they have not seen."""
    seen = client.get(CONFIG).headers["ETag"]
    body = {"caching": {"ttl_api": 1}}
    first = patch(client, body, **{"If-Match": seen})
    late = patch(client, {"caching": {"ttl_api": 2}}, **{"If-Match": seen})

    assert (first.status_code, late.status_code) == (200, 412)
    assert value(client, "caching.ttl_api")["value"] == 1
    again = patch(client, {"caching": {"ttl_api": 2}}, **{"If-Match": first.headers["ETag"]})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("*", 200),
        ('"revision-0"', 200),
        ('"else", "revision-0"', 200),
        ('W/"revision-0"', 412),
        ("revision-0", 412),
        ("", 412),
        ('"revision-1"', 412),
    ],
)
def test_if_match_is_read_as_http_has_it(client: APIClient, tag: str, status: int) -> None:
    """A list, any, and never a weak one."""
    assert patch(client, {"caching": {"ttl_api": 1}}, **{"If-Match": tag}).status_code == status


def test_change_that_is_wrong_anyway_is_400_whatever_it_was_meant_for(client: APIClient) -> None:
    """Who meets both mends the request first: it would be refused over any configuration."""
    stale = {"If-Match": '"revision-9"'}
    wrong = patch(client, {"caching": {"default_ttl": -1}}, **stale)
    assert set(errors(wrong)) == {"caching.default_ttl"}


@pytest.mark.parametrize("reason", [{}, [], False, 0])
def test_reason_that_is_no_text_is_told(client: APIClient, reason: Any) -> None:
    """Also where Python takes it for nothing."""
    told = errors(patch(client, {"caching": {"ttl_api": 1}, "reason": reason}))
    assert set(told) == {"reason"}


def test_whole_number_may_be_written_with_a_point(client: APIClient) -> None:
    """To JSON 5.0 is 5, also in a list; 5.5 is told."""
    right = {"networking": {"retry_attempts": 5.0, "retry_backoff_ms": [100.0]}}
    assert patch(client, right).status_code == 200
    assert value(client, "networking.retry_attempts")["value"] == 5
    told = errors(patch(client, {"networking": {"retry_attempts": 5.5}}))
    assert set(told) == {"networking.retry_attempts"}


def test_changes_at_the_same_time_are_all_kept(databases: None, file: Path) -> None:
    """Each is made over the one before, whoever comes first."""
    names = ["num_ctx", "num_predict_short", "num_predict_long", "num_batch"]

    def change(name: str) -> None:
        try:
            change_config({"inference": {name: 1000}}, None)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(change, names))

    newest = ConfigRevision.objects.latest("number")
    assert newest.overlay == {"inference": dict.fromkeys(names, 1000)}


# History


def test_history_tells_who_changed_what_newest_first(client: APIClient) -> None:
    """Each revision against the one before; what it gave back to the file, too."""
    patch(client, {"caching": {"default_ttl": 5}, "inference": {"num_threads": None}})
    patch(client, {"caching": {"default_ttl": 6}, "reset": ["inference.num_threads"]})

    newest, first = client.get(HISTORY).json()["results"]

    assert newest["number"] > first["number"]
    assert (newest["author"], newest["token_name"]) == ("console", "console")
    changed = {change.pop("field"): change for change in newest["changes"]}
    assert changed == {
        "caching.default_ttl": {
            "in_file_before": False,
            "before": 5,
            "in_file_after": False,
            "after": 6,
        },
        "inference.num_threads": {
            "in_file_before": False,
            "before": None,
            "in_file_after": True,
            "after": None,
        },
    }
    assert [change["in_file_before"] for change in first["changes"]] == [True, True]


@pytest.mark.parametrize("query", ["", "?cursor=1"])
def test_history_without_revisions_is_an_empty_page(client: APIClient, query: str) -> None:
    """So it is at first, and behind the last page."""
    assert client.get(f"{HISTORY}{query}").json() == {"next": None, "results": []}


def test_history_pages_hold_each_revision_once(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `next`, and on the edge of a page changes are against the one before as well."""
    monkeypatch.setattr("cachestats.api.config.PAGE_SIZE", 2)
    for ttl in range(1, 6):
        patch(client, {"caching": {"ttl_api": ttl}})

    found, where = [], HISTORY
    while where:
        page = client.get(where).json()
        found += [revision["changes"][0]["after"] for revision in page["results"]]
        assert all(len(revision["changes"]) == 1 for revision in page["results"])
        where = page["next"]

    assert found == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("cursor", ["", "0", "-1", "x", "9" * 19])
def test_history_cursor_that_is_none_of_ours_is_told(client: APIClient, cursor: str) -> None:
    """By its name."""
    assert list(errors(client.get(HISTORY, {"cursor": cursor}))) == ["cursor"]


def test_history_takes_few_queries(client: APIClient, django_assert_num_queries: Any) -> None:
    """The token and the page, however many revisions there are."""
    for ttl in range(1, 6):
        patch(client, {"caching": {"ttl_api": ttl}})
    with django_assert_num_queries(2):
        client.get(HISTORY)


def test_restored_revision_is_the_newest_and_in_force(client: APIClient) -> None:
    """What was changed since is the file's again; history tells what was restored."""
    first = patch(client, {"caching": {"default_ttl": 5}}).json()["revision"]
    patch(client, {"caching": {"default_ttl": 6, "ttl_api": 7}})

    answer = client.post(f"{HISTORY}{first}/restore/")

    assert answer.status_code == 200
    assert current().config.caching.default_ttl == 5
    assert value(client, "caching.ttl_api")["source"] == "default"
    newest = client.get(HISTORY).json()["results"][0]
    assert newest["reason"] == f"Restores revision {first}"
    assert (newest["author"], newest["token_name"]) == ("console", "console")
    assert answer.headers["ETag"] == f'"revision-{newest["number"]}"'


def test_restore_meant_for_another_configuration_is_412(client: APIClient) -> None:
    """As a change is."""
    first = patch(client, {"caching": {"default_ttl": 5}}).json()["revision"]
    where = f"{HISTORY}{first}/restore/"
    assert client.post(where, headers={"If-Match": '"revision-0"'}).status_code == 412


@pytest.mark.parametrize("number", ["0", "999999", "9" * 40])
def test_restore_of_what_is_not_there_is_404(client: APIClient, number: str) -> None:
    """Also of a number that no column holds."""
    assert client.post(f"{HISTORY}{number}/restore/").status_code == 404


def test_restore_of_what_breaks_todays_schema_is_400_by_key(client: APIClient) -> None:
    """It stays what it was: history."""
    old = ConfigRevision.objects.create(overlay={"caching": {"since_renamed": 1}})
    change = ConfigRevision.objects.create(overlay={})
    answer = client.post(f"{HISTORY}{old.number}/restore/")
    assert list(errors(answer)) == ["caching.since_renamed"]
    assert ConfigRevision.objects.latest("number") == change


def test_answers_are_json_that_can_be_read_back(client: APIClient) -> None:
    """The values in force are what a tuning file may hold."""
    shown = client.get(CONFIG).json()["values"]
    whole = {
        section: {name: told["value"] for name, told in values.items()}
        for section, values in shown.items()
    }
    assert patch(client, whole).status_code == 200
    assert json.loads(json.dumps(whole)) == whole
