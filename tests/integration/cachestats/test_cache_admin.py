"""The cache's lists in the admin: usable with many rows, and while the file is broken."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cachestats import config, services
from cachestats.models import Audit, CacheEntry, ConfigRevision, EntryTotal, EntryUse
from tests.people import sign_in

pytestmark = pytest.mark.usefixtures("databases")

ENTRIES = "/admin/cachestats/cacheentry/"
USES = "/admin/cachestats/entryuse/"
TOTALS = "/admin/cachestats/entrytotal/"
REVISIONS = "/admin/cachestats/configrevision/"


@pytest.fixture
def admin(client: Client, databases: None) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def broken_file(cache_file: Path) -> None:
    """The cache's file is no database any more."""
    cache_file.write_bytes(b"no database " * 5000)


def _shown(response: Any) -> list[Any]:
    assert response.status_code == 200
    return list(response.context_data["cl"].result_list)


def _told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# Lists


def test_entries_list_counts_and_sorts_nothing(entry: Callable[..., CacheEntry], admin: Client):
    """However many there are: a page is read by key, its number comes from the totals."""
    for number in range(120):
        entry(f"{number:02x}", type="api" if number % 2 else "vision")
    with CaptureQueriesContext(connections["cache"]) as asked:
        response = admin.get(ENTRIES)
    assert len(_shown(response)) == 100
    assert response.context_data["cl"].result_count == 120
    queries = [query["sql"] for query in asked if "cachestats_cacheentry" in query["sql"]]
    assert queries
    assert all("LIMIT" in query for query in queries)
    assert not any("DISTINCT" in query for query in queries)
    assert "api (60)" in response.content.decode()


def test_entries_list_totals_that_lag_still_make_pages(
    entry: Callable[..., CacheEntry], admin: Client
):
    """Without this a list that the totals don't know yet would be shown whole."""
    for number in range(120):
        entry(f"{number:02x}")
    EntryTotal.objects.update(entries=0)
    assert len(_shown(admin.get(ENTRIES))) == 100


def test_entries_list_is_filtered_by_type(entry: Callable[..., CacheEntry], admin: Client):
    """The choices are the types that there are."""
    entry("aa", type="api")
    entry("bb", type="vision")
    response = admin.get(ENTRIES, {"cache_type": "api"})
    assert [found.key[:2] for found in _shown(response)] == ["aa"]
    assert response.context_data["cl"].result_count == 1


@pytest.mark.parametrize("written", ["aabbccdd", "api:aabbccdd", "AABBCCDD", "aabbccdd" + "0" * 56])
def test_entries_list_finds_a_key(entry: Callable[..., CacheEntry], admin: Client, written: str):
    """By the digits that logs and pages show."""
    entry("aabbccdd", type="api")
    entry("bb")
    assert [found.key[:8] for found in _shown(admin.get(ENTRIES, {"q": written}))] == ["aabbccdd"]


@pytest.mark.parametrize("written", ["aa", "somebody's words"])
def test_entries_list_search_for_no_key_finds_nothing(
    entry: Callable[..., CacheEntry], admin: Client, written: str
):
    """There is no search by content: only its hash is kept."""
    entry("aabbccdd")
    assert _shown(admin.get(ENTRIES, {"q": written})) == []


def test_entries_show_their_use(entry: Callable[..., CacheEntry], admin: Client):
    """Hits and last use stand beside the entry, in the list and on its page."""
    used = entry("aa", age=7200, used=3600)
    EntryUse.objects.update(hits=41)
    for response in (admin.get(ENTRIES), admin.get(f"{ENTRIES}{used.pk}/change/")):
        assert ">41<" in response.content.decode()
    found = _shown(admin.get(ENTRIES))[0]
    assert abs(time.time() - 3600 - found.used_ms / 1000) < 600


def test_uses_list_shows_what_is_gone_and_why(entry: Callable[..., CacheEntry], admin: Client):
    """By default what is there; by filter what went, by reason."""
    entry("aa")
    entry("bb", expired=True)
    entry("cc", type="api")
    services.expire()
    services.purge(services.PurgeFilter(type="api"), "root")
    assert [f"{use.id % 2**64:016x}"[:2] for use in _shown(admin.get(USES))] == ["aa"]
    for gone, digits in [("expired", "bb"), ("purged", "cc"), ("evicted", None)]:
        found = [f"{use.id % 2**64:016x}"[:2] for use in _shown(admin.get(USES, {"gone": gone}))]
        assert found == ([digits] if digits else [])


@pytest.mark.parametrize("path", [ENTRIES, USES, TOTALS])
def test_rows_of_the_cache_are_read_only(
    entry: Callable[..., CacheEntry], admin: Client, path: str
):
    """Nobody writes by hand what the hot path writes."""
    entry("aa")
    row = _shown(admin.get(path))[0]
    assert admin.get(f"{path}{row.pk}/change/").status_code == 200
    assert admin.get(f"{path}add/").status_code == 403
    assert admin.post(f"{path}{row.pk}/change/", {"hits": 9}).status_code == 403
    assert admin.post(f"{path}{row.pk}/delete/", {"post": "yes"}).status_code == 403


# Broken


@pytest.mark.parametrize(
    "path", [ENTRIES, USES, TOTALS, f"{ENTRIES}1/change/", f"{USES}1/history/"]
)
def test_broken_file_is_told_not_a_fault(broken_file: None, admin: Client, path: str):
    """The admin goes on, and says what is the matter."""
    response = admin.get(path, follow=True)
    assert response.redirect_chain == [("/admin/", 302)]
    assert "The cache can't be used now: " in _told(response)


def test_broken_file_purge_is_told(broken_file: None, admin: Client):
    """A purge that nobody could carry out is no success."""
    body = {"action": "purge", "_selected_action": [1], "confirmed": "yes"}
    response = admin.post(ENTRIES, body, follow=True)
    assert "The cache can't be used now: " in _told(response)
    assert not Audit.objects.exists()


# Purge


def test_purge_of_selected_entries_is_one_purge(entry: Callable[..., CacheEntry], admin: Client):
    """Many selected are one row of the audit, which names their keys."""
    picked = [entry(digits).pk for digits in ("aa", "bb")]
    entry("cc")
    body = {"action": "purge", "_selected_action": picked, "confirmed": "yes"}
    response = admin.post(ENTRIES, body, follow=True)
    assert "2 entries purged." in _told(response)
    assert [found.key[:2] for found in CacheEntry.objects.all()] == ["cc"]
    audit = Audit.objects.get()
    assert (audit.actor, audit.deleted, audit.freed_bytes) == ("root", 2, 20)
    assert sorted(audit.filters["keys"]) == ["aa000000", "bb000000"]
    assert services.count_entries() == 1


@pytest.mark.parametrize(
    ("listed", "asked", "left"),
    [
        ({"cache_type": "api"}, {"type": "api"}, ["cc"]),
        ({"q": "bb000000"}, {"key": "bb000000"}, ["aa", "cc"]),
        ({}, {"all": True}, []),
    ],
)
def test_purge_of_all_that_is_listed_is_the_filter_itself(
    entry: Callable[..., CacheEntry],
    admin: Client,
    listed: dict[str, str],
    asked: dict[str, Any],
    left: list[str],
):
    """What lies on other pages goes too, and nothing that the list does not show."""
    picked = [entry("aa", type="api").pk, entry("bb", type="api").pk]
    entry("cc", type="vision")
    query = "&".join(f"{name}={value}" for name, value in listed.items())
    body = {"action": "purge", "select_across": "1", "_selected_action": picked[:1]}
    page = admin.post(f"{ENTRIES}?{query}", body)
    assert page.context["foreseen"].matched == 3 - len(left)
    assert CacheEntry.objects.count() == 3
    admin.post(f"{ENTRIES}?{query}", {**body, "confirmed": "yes"})
    assert sorted(found.key[:2] for found in CacheEntry.objects.all()) == left
    assert Audit.objects.get().filters == asked


def test_purge_of_all_that_a_broken_search_finds_is_told(
    entry: Callable[..., CacheEntry], admin: Client
):
    """Too few digits find nothing, and delete nothing."""
    body = {"action": "purge", "select_across": "1", "_selected_action": [entry("ab").pk]}
    for more in ({}, {"confirmed": "yes"}):
        page = admin.post(f"{ENTRIES}?q=ab", {**body, **more}, follow=True)
        assert "Nothing was purged" in _told(page)
    assert CacheEntry.objects.count() == 1


def test_checksum_of_a_value_is_not_shown(entry: Callable[..., CacheEntry], admin: Client):
    """Equal values have the same."""
    page = admin.get(f"{ENTRIES}{entry('aa').pk}/change/").content.decode()
    assert "hecksum" not in page


def test_purge_asks_first_and_says_what_it_costs(entry: Callable[..., CacheEntry], admin: Client):
    """Nothing goes before a second POST; the first shows number, bytes and time to compute."""
    picked = [entry("aa", cost_ms=90_000).pk, entry("bb", cost_ms=35_000).pk]
    entry("cc")
    page = admin.post(ENTRIES, {"action": "purge", "_selected_action": picked})
    told = page.content.decode()
    assert page.status_code == 200
    foreseen = page.context["foreseen"]
    assert (foreseen.matched, foreseen.bytes, foreseen.cost_seconds) == (2, 20, 125)
    assert "Purge 2 entries?" in told
    assert "2 min 5 s" in told
    assert all(f'name="_selected_action" value="{pk}"' in told for pk in picked)
    assert CacheEntry.objects.count() == 3
    assert not Audit.objects.exists()


def test_purge_needs_its_permission(entry: Callable[..., CacheEntry]):
    """Whoever may only look purges nothing, and is not asked either."""
    picked = entry("aa").pk
    staff = sign_in("view_cacheentry", staff=True)
    body = {"action": "purge", "_selected_action": [picked]}
    assert "Purge 1 entry?" not in staff.post(ENTRIES, body, follow=True).content.decode()
    staff.post(ENTRIES, {**body, "confirmed": "yes"})
    assert CacheEntry.objects.exists()


# Statistics


def test_stats_page_shows_the_report(entry: Callable[..., CacheEntry], admin: Client):
    """Also of types that have entries and no look-ups; the admin's first page leads there."""
    entry("aa", type="api")
    assert f"{ENTRIES}stats/" in admin.get("/admin/").content.decode()
    page = admin.get(f"{ENTRIES}stats/?range=7d")
    assert page.context["report"].entries_by_type == {"api": 1}
    assert page.context["report"].window_hours == 168
    assert "Statistics of the cache" in page.content.decode()


def test_stats_page_of_an_unknown_range_is_the_usual(admin: Client):
    """Whatever stands in the address, a page comes."""
    assert admin.get(f"{ENTRIES}stats/?range=x").context["report"].window_hours == 24


def test_stats_page_needs_its_permission(databases: None):
    """Who may see nothing of the cache is told which permission that takes."""
    page = sign_in("view_audit", staff=True).get(f"{ENTRIES}stats/")
    assert page.status_code == 403
    assert "see what is cached" in page.content.decode()


def test_stats_page_of_a_broken_file_says_so(broken_file: None, admin: Client):
    """The numbers of look-ups live elsewhere, and are shown still."""
    assert "The cache can’t be read now" in admin.get(f"{ENTRIES}stats/").content.decode()


# Revisions


def test_restore_makes_an_earlier_revision_the_newest(admin: Client):
    """Its values are in force again, under the name of who restored them."""
    first = services.save_revision({"caching": {"default_ttl": 77}}, None)
    services.save_revision({"caching": {"default_ttl": 99}}, None)
    body = {"action": "restore", "_selected_action": [first.pk]}
    response = admin.post(REVISIONS, body, follow=True)
    newest = ConfigRevision.objects.first()
    assert newest is not None
    assert newest.overlay == first.overlay
    assert newest.author == User.objects.get(username="root")
    assert f"It is in force again, as revision {newest.number}" in _told(response)
    assert config.current().config.caching.default_ttl == 77


def test_restore_of_several_is_refused(admin: Client):
    """Two overlays can't both be the newest."""
    picked = [services.save_revision({}, None).pk for _ in range(2)]
    body = {"action": "restore", "_selected_action": picked}
    assert "Select the one revision" in _told(admin.post(REVISIONS, body, follow=True))
    assert ConfigRevision.objects.count() == 2


def test_restore_of_what_breaks_the_schema_is_refused(admin: Client):
    """A revision from before a schema's change is told, and not saved."""
    old = ConfigRevision.objects.create(overlay={"caching": {"since_renamed": 1}})
    body = {"action": "restore", "_selected_action": [old.pk]}
    assert "since_renamed" in _told(admin.post(REVISIONS, body, follow=True))
    assert ConfigRevision.objects.count() == 1


def test_restore_needs_permission_to_add(databases: None):
    """Whoever may only look restores nothing."""
    old = services.save_revision({}, None)
    staff = sign_in("view_configrevision", staff=True)
    staff.post(REVISIONS, {"action": "restore", "_selected_action": [old.pk]})
    assert ConfigRevision.objects.count() == 1
