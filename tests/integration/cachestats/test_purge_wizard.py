"""The purge page, step by step: filter, dry run, confirmation, result."""

import re
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from cachestats import purge_wizard
from cachestats.models import Audit, CacheEntry
from tests.integration.cachestats.conftest import make_entry
from tests.people import sign_in

pytestmark = pytest.mark.usefixtures("databases")

URL = "/cache/purge/"
DAY = 86_400


@pytest.fixture
def operator(databases: None) -> Client:
    return operator_named("olaf")


def operator_named(name: str) -> Client:
    return sign_in("view_cacheentry", "delete_cacheentry", name=name)


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def count(operator: Client, **filters: str) -> Any:
    """Ask for the dry run of a filter."""
    response = operator.post(URL, filters)
    assert response.status_code == 200
    return response


def seal_of(response: Any) -> str:
    return str(response.context["dry_run"].seal)


def confirm(operator: Client, seal: str, typed: str, **more: Any) -> Any:
    return operator.post(URL, {"seal": seal, "confirmation": typed}, **more)


def test_wizard_begins_with_a_filter_and_deletes_nothing(operator: Client):
    """The form takes over what an address asks for."""
    make_entry("aa", type="api")
    page = text(operator.get(URL, {"type": "api", "older_than": "7d"}))
    assert re.search(r'<option value="api" ?selected', page)
    assert 'value="7d"' in page
    assert CacheEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "wrong", "told"),
    [
        ("type", "No", "Type must be 1 to 40 of a-z, 0-9 and _"),
        ("key", "abc", "Key must be 8 to 64 hexadecimal digits"),
        ("older_than", "soon", "Older than must be a number and s, m, h or d: 7d"),
        ("model", "a\0b", "Model must be Unicode text"),
    ],
)
def test_wizard_wrong_filter_names_the_field(operator: Client, field: str, wrong: str, told: str):
    """With what is accepted; the rest of what was filled in stays."""
    given = {"model": "small", "key": "aabbccdd", field: wrong}
    response = operator.post(URL, given)
    assert response.status_code == 400
    assert told in text(response)
    assert ('value="small"' in text(response)) is (field != "model")


def test_wizard_without_a_filter_is_told(operator: Client):
    """Everything goes only if somebody says so."""
    response = operator.post(URL, {"type": "", "model": "", "key": "", "older_than": ""})
    assert response.status_code == 400
    assert "Give at least one of" in text(response)


def test_wizard_dry_run_shows_what_it_costs(operator: Client):
    """How many, how large, and what computing them again takes, in all and by type."""
    make_entry("aa", type="api", size=1500, cost_ms=400.0)
    make_entry("bb", type="vision", size=500, cost_ms=252_000.0)
    make_entry("cc", type="api", size=9, age=0, model="kept")
    page = text(count(operator, older_than="0s"))
    assert "3 entries would go" in page
    for words in ("2.0 kB", "4 min 12 s", "400 ms", "older than 0s"):
        assert words in page
    assert CacheEntry.objects.count() == 3
    assert not Audit.objects.exists()


def test_wizard_dry_run_of_nothing_offers_no_purge(operator: Client):
    """There is nothing to confirm."""
    page = text(count(operator, type="api"))
    assert "Nothing matches" in page
    assert "confirmation" not in page


@pytest.mark.parametrize("typed", ["2", " 2 ", "purge", "PURGE"])
def test_wizard_confirmed_deletes_and_leads_to_the_audit(operator: Client, typed: str):
    """The number or the word; the result says what went, and leads to its row."""
    make_entry("aa", type="api", size=1000)
    make_entry("bb", type="api", size=500)
    make_entry("cc")
    response = confirm(operator, seal_of(count(operator, type="api")), typed, follow=True)
    audit = Audit.objects.get()
    assert response.redirect_chain == [(f"{URL}{audit.pk}/", 302)]
    page = text(response)
    assert "2 entries deleted" in page
    assert "1.5 kB" in page
    assert [entry.key[:2] for entry in CacheEntry.objects.all()] == ["cc"]
    assert (audit.actor, audit.filters) == ("olaf", {"type": "api"})
    link = re.search(r'href="(/cache/audit/\?before=\d+)#audit-(\d+)"', page)
    assert link
    assert f'id="audit-{link[2]}"' in operator.get(link[1]).content.decode()


def test_wizard_number_with_thousands_is_read(operator: Client):
    """As the page writes it."""
    assert purge_wizard._confirms("1,234", 1234)
    assert not purge_wizard._confirms("1234", 123)


@pytest.mark.parametrize("typed", ["", "1", "3", "yes", "purge it"])
def test_wizard_anything_else_deletes_nothing(operator: Client, typed: str):
    """The dry run is shown again, with what to type."""
    make_entry("aa")
    make_entry("bb")
    response = confirm(operator, seal_of(count(operator, all="true")), typed)
    assert response.status_code == 400
    assert "Type 2 or the word purge to confirm" in text(response)
    assert CacheEntry.objects.count() == 2


def test_wizard_takes_the_sealed_filter_and_no_other(operator: Client):
    """Fields that are sent along change nothing."""
    make_entry("aa", type="api")
    make_entry("bb")
    seal = seal_of(count(operator, type="api"))
    operator.post(URL, {"seal": seal, "confirmation": "1", "all": "true", "type": ""})
    assert [entry.key[:2] for entry in CacheEntry.objects.all()] == ["bb"]


@pytest.mark.parametrize("change", ["", "x", "seal:of:nobody"])
def test_wizard_tampered_seal_deletes_nothing(operator: Client, change: str):
    """It begins anew."""
    make_entry("aa")
    seal = seal_of(count(operator, all="true"))
    response = confirm(operator, seal[:-3] + change, "purge")
    assert response.status_code == 400
    assert "Count again" in text(response)
    assert CacheEntry.objects.count() == 1


def test_wizard_seal_of_another_purpose_is_refused(operator: Client):
    """A value that the site signed for something else opens nothing."""
    make_entry("aa")
    forged = signing.dumps({"filters": {"all": True}, "matched": 1, "user": 1})
    assert confirm(operator, forged, "1").status_code == 400
    assert CacheEntry.objects.count() == 1


def test_wizard_seal_of_somebody_else_is_refused(operator: Client):
    """Who confirms has seen the numbers."""
    make_entry("aa")
    seal = seal_of(count(operator, all="true"))
    response = confirm(operator_named("olga"), seal, "1")
    assert response.status_code == 400
    assert "Somebody else counted this" in text(response)
    assert CacheEntry.objects.count() == 1


def test_wizard_seal_that_is_old_is_refused(operator: Client, monkeypatch: pytest.MonkeyPatch):
    """What was counted long ago says nothing."""
    make_entry("aa")
    seal = seal_of(count(operator, all="true"))
    monkeypatch.setattr(purge_wizard, "VALID_SECONDS", -1)
    assert confirm(operator, seal, "1").status_code == 400
    assert CacheEntry.objects.count() == 1


def test_wizard_seal_opens_once(operator: Client):
    """What was stored after the purge was never counted."""
    make_entry("aa", type="api")
    seal = seal_of(count(operator, type="api"))
    assert confirm(operator, seal, "1").status_code == 302
    make_entry("bb", type="api")
    response = confirm(operator, seal, "1")
    assert response.status_code == 400
    assert "Count again" in text(response)
    assert CacheEntry.objects.count() == 1
    assert confirm(operator, seal_of(count(operator, type="api")), "1").status_code == 302


def test_wizard_shows_the_dry_run_again_when_much_more_matches(operator: Client):
    """Nobody deletes what they have not seen; a few more are no matter."""
    make_entry("aa")
    seal = seal_of(count(operator, all="true"))
    for number in range(11):
        make_entry(f"b{number:x}")
    response = confirm(operator, seal, "1")
    assert response.status_code == 409
    assert "1 entries matched before, 12 do now." in text(response)
    assert CacheEntry.objects.count() == 12
    again = seal_of(response)
    make_entry("cc")
    assert confirm(operator, again, "12").status_code == 302
    assert not CacheEntry.objects.exists()


def test_wizard_result_of_an_unknown_number_is_not_found(operator: Client):
    """There is no such purge."""
    for number in ("7", "9" * 30):
        assert operator.get(f"{URL}{number}/").status_code == 404
