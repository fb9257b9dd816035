"""The cache's pages: entries, one entry and the audit, as a browser gets them."""

import re
import time
from typing import Any
from zlib import crc32

import orjson
import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cachestats import entry_rows, services
from cachestats.models import Audit, CacheEntry, EntryTotal, EntryUse, LookupTotal
from tests.integration.cachestats.conftest import make_entry
from tests.people import sign_in

pytestmark = pytest.mark.usefixtures("databases")

LIST, AUDIT, PURGE = "/cache/", "/cache/audit/", "/cache/purge/"
SECRET = "SLOWRAINONTHEROOF"
MOST_QUERIES = 15
DAY = 86_400


@pytest.fixture
def viewer(databases: None) -> Client:
    return sign_in("view_cacheentry", name="vera")


@pytest.fixture
def operator(databases: None) -> Client:
    return sign_in("view_cacheentry", "delete_cacheentry")


@pytest.fixture
def reader(databases: None) -> Client:
    """Somebody who may read other people's texts."""
    return sign_in("view_cacheentry", "view_text", name="rita")


def name_of(entry: CacheEntry) -> str:
    return entry.key[:16]


def holding(value: Any, digits: str = "aa", **more: Any) -> CacheEntry:
    """Make an entry of a value."""
    entry = make_entry(digits, **more)
    text = orjson.dumps(value)
    CacheEntry.objects.filter(id=entry.id).update(value=text, checksum=crc32(text))
    return entry


def shown(response: Any) -> list[str]:
    assert response.status_code == 200
    return [entry.key[:2] for entry in response.context["page"].entries]


# Who sees what


@pytest.mark.parametrize("path", [LIST, AUDIT, PURGE, f"{PURGE}1/", f"{LIST}{'a' * 16}/"])
def test_page_of_the_cache_needs_a_sign_in_and_a_permission(client: Client, path: str):
    """Strangers are led to the login; who is signed in without the permission gets 403."""
    assert client.get(path).headers["Location"].startswith("/login/")
    assert sign_in(name="nobody").get(path).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"), [("get", PURGE), ("post", PURGE), ("post", f"{LIST}{'a' * 16}/delete/")]
)
def test_action_without_its_permission_is_403(viewer: Client, method: str, path: str):
    """A viewer acts on nothing, by whatever address."""
    assert getattr(viewer, method)(path).status_code == 403


def test_viewer_is_shown_no_action(viewer: Client):
    """What one may not do is not offered."""
    entry = make_entry("aa")
    for path in (LIST, AUDIT, f"{LIST}{name_of(entry)}/"):
        page = viewer.get(path).content.decode()
        assert PURGE not in page
        assert "Delete" not in page
        assert "Compute again" not in page


def test_value_is_shown_to_who_may_read_texts_alone(
    viewer: Client, operator: Client, reader: Client
):
    """Others see the names that each value of its type has, and nothing of what it says."""
    entry = holding({"poem": [SECRET], SECRET: 1, "sure": 0.75}, type="stage2_enrichment")
    path = f"{LIST}{name_of(entry)}/"
    for client in (viewer, operator):
        page = client.get(path).content.decode()
        assert SECRET not in page
        assert "0.75" not in page
        assert "closing line" in page
    assert SECRET in reader.get(path).content.decode()


# The list


def test_list_shows_what_is_known_of_each(viewer: Client):
    """Type, model, key, hits, cost, size, age and the time that is left."""
    make_entry(
        "aabbccdd",
        type="stage2_enrichment",
        model="small:1b",
        age=3 * DAY,
        size=2500,
        cost_ms=4310.0,
        used=60,
        hits=1234,
    )
    page = viewer.get(LIST).content.decode()
    for words in ("aabbccdd", "stage2 enrichment", "small:1b", "1,234", "4.3 s", "2.5 kB", "3 d"):
        assert words in page


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"q": "bbbb0000"}, ["bb"]),
        ({"q": "stage1:BBBB0000"}, ["bb"]),
        ({"q": "bbbb"}, ["bb"]),
        ({"q": "visi"}, ["cc"]),
        ({"q": "SMALL"}, ["bb", "aa"]),
        ({"type": "vision"}, ["cc"]),
        ({"model": "small"}, ["bb", "aa"]),
        ({"older_than": "1d"}, ["cc", "aa"]),
        ({"expired": "true"}, ["dd"]),
        ({"expired": "false"}, ["bb", "cc", "aa"]),
        ({"unused": "true"}, ["dd", "cc"]),
        ({"order": "-hits"}, ["aa", "bb"]),
        ({"order": "-cost"}, ["cc", "dd"]),
        ({"order": "age"}, ["dd", "bb"]),
        ({"q": "", "type": "", "model": ""}, ["bb", "dd", "cc", "aa"]),
    ],
)
def test_list_search_filters_and_orders(viewer: Client, asked: dict[str, str], keys: list[str]):
    """Each finds its entries; empty fields ask for nothing."""
    make_entry("aa", type="api", model="small", age=9 * DAY, used=3 * DAY, hits=9)
    make_entry("bbbb", type="api", model="small", age=600, used=5, hits=3)
    make_entry("cc", type="vision", age=2 * DAY, cost_ms=99.0)
    make_entry("dd", model="big", age=60, expired=True)
    found = shown(viewer.get(LIST, asked))
    assert (found[: len(keys)] if "order" in asked else found) == keys


def test_list_pages_by_key_and_counts_nothing(viewer: Client):
    """However many there are: each page takes a few queries, and no count of entries."""
    for number in range(120):
        make_entry(f"{number:02x}", type="api", used=number)
    EntryTotal.objects.update(entries=1_234_567)
    seen: list[str] = []
    address = LIST
    while address:
        with CaptureQueriesContext(connections["cache"]) as asked:
            response = viewer.get(address)
        seen += shown(response)
        assert "1,234,567 entries" in response.content.decode()
        assert not any("COUNT(" in query["sql"] for query in asked)
        following = response.context["page"].next
        address = f"{LIST}?cursor={following}" if following else ""
    assert len(seen) == len(set(seen)) == 120


def test_list_next_page_keeps_what_was_asked(viewer: Client):
    """The link leads on within the filter and the order."""
    for number in range(60):
        make_entry(f"{number:02x}", type="api")
    page = viewer.get(LIST, {"type": "api", "order": "-size"}).content.decode()
    assert "type=api&amp;order=-size&amp;cursor=" in page


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"older_than": "soon"}, "Older than</strong> must be a number and s, m, h or d"),
        ({"order": "model"}, "Order</strong> must be one of"),
        ({"type": "No"}, "Type</strong> must be 1 to 40"),
        ({"cursor": "x"}, "Cursor</strong> must be that"),
    ],
)
def test_list_wrong_filter_is_named(viewer: Client, asked: dict[str, str], told: str):
    """With what is accepted."""
    response = viewer.get(LIST, asked)
    assert response.status_code == 400
    assert told in response.content.decode()


def test_list_that_would_read_too_many_says_so(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    """A filter over millions is refused in words, and a key is still found."""
    for digits in ("aaaa", "bbbb"):
        make_entry(digits)
    monkeypatch.setattr(entry_rows, "SCANNED", 1)
    refused = viewer.get(LIST, {"order": "-size"})
    assert refused.status_code == 400
    assert "narrow it down, or order by last use" in refused.content.decode()
    assert shown(viewer.get(LIST, {"q": "aaaa0000"})) == ["aa"]


def test_list_of_nothing_says_what_to_do(viewer: Client):
    """An empty cache is another thing than a filter that finds nothing."""
    assert "The cache is empty" in viewer.get(LIST).content.decode()
    assert "No entry is like that" in viewer.get(LIST, {"type": "api"}).content.decode()


def test_list_offers_types_and_models_that_there_are(viewer: Client):
    """Types come from the totals, models from the look-ups' totals."""
    make_entry("aa", type="vision")
    LookupTotal.objects.create(cache_type="api", model="songs.example", state="hit", count=3)
    page = viewer.get(LIST).content.decode()
    assert '<option value="vision"' in page
    assert '<option value="songs.example">' in page


# One entry


def test_entry_tells_why_it_is_cached(viewer: Client):
    """By the rule in force for its type; where it lives for another time, that is said."""
    entry = make_entry("aa", type="api")
    path = f"{LIST}{name_of(entry)}/"
    assert "Today’s rule for its type" in viewer.get(path).content.decode()
    day_ms = int(time.time() * 1000) + DAY * 1000
    CacheEntry.objects.update(created_ms=day_ms - DAY * 1000, expires_ms=day_ms)
    page = " ".join(viewer.get(path).content.decode().split())
    assert "live for 1 d. That is what <code>caching.ttl_api</code> says" in page


def test_entry_tells_what_it_saved(viewer: Client):
    """Hits times cost; its parameters by name."""
    entry = make_entry("aa", cost_ms=4000.0, used=5, hits=15)
    EntryUse.objects.update(marks='{"num_ctx": "aa", "model": "bb"}')
    page = " ".join(viewer.get(f"{LIST}{name_of(entry)}/").content.decode().split())
    assert re.search("<dt>Time saved</dt> <dd> ?1 min ?</dd>", page)
    assert "model, num ctx" in page


def test_entry_that_is_gone_says_why(viewer: Client):
    """What is remembered of it is shown; what nobody ever knew is not found."""
    entry = make_entry("aa", type="api", used=5, hits=41)
    services.purge(services.PurgeFilter(all=True), "ada")
    page = viewer.get(f"{LIST}{name_of(entry)}/").content.decode()
    assert "Somebody purged it" in page
    assert re.search(r">\s*41\s*<", page)
    for unknown in ("b" * 16, "b" * 8, "nothing"):
        assert viewer.get(f"{LIST}{unknown}/").status_code == 404


def test_entry_that_is_damaged_says_so(reader: Client):
    """Its bytes are nothing to show."""
    entry = make_entry("aa")
    CacheEntry.objects.update(value=b"{broken")
    page = reader.get(f"{LIST}{name_of(entry)}/")
    assert page.status_code == 200
    assert "damaged" in page.content.decode()


def test_entry_is_deleted_by_its_page(operator: Client):
    """The audit tells who; a second try is told that there was nothing."""
    entry = make_entry("aa")
    path = f"{LIST}{name_of(entry)}/delete/"
    done = operator.post(path, follow=True)
    assert "is deleted" in done.content.decode()
    assert not CacheEntry.objects.exists()
    assert Audit.objects.get().filters == {"keys": ["aa000000"]}
    assert "nothing was deleted" in operator.post(path, follow=True).content.decode()
    assert operator.get(path).status_code == 405


# The audit


def test_audit_tells_who_deleted_what(viewer: Client):
    """In words: what was asked for, how much went."""
    make_entry("aa", type="stage2_enrichment", size=2500)
    services.purge(services.PurgeFilter(type="stage2_enrichment", older_than="0s"), "ada")
    page = viewer.get(AUDIT).content.decode()
    for words in ("ada", "type stage2 enrichment, older than 0s", "2.5 kB"):
        assert words in page


def test_audit_pages_by_key(viewer: Client):
    """Newest first; each row once."""
    for number in range(120):
        Audit.objects.create(actor=f"n{number}", filters={"all": True}, deleted=0, freed_bytes=0)
    actors: list[str] = []
    address = AUDIT
    while address:
        page = viewer.get(address).context["page"]
        actors += [row.actor for row in page.rows]
        address = f"{AUDIT}?before={page.next}" if page.next else ""
    assert actors == [f"n{number}" for number in reversed(range(120))]


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 30, "9" * 5_000])
def test_audit_before_what_is_no_number_is_refused(viewer: Client, before: str):
    """Made-up addresses break nothing."""
    assert viewer.get(AUDIT, {"before": before}).status_code == 400


def test_audit_of_nothing_says_so(viewer: Client):
    """Before the first purge."""
    assert "Nobody has deleted anything yet" in viewer.get(AUDIT).content.decode()


# Limits


def test_pages_take_few_queries(operator: Client):
    """At most 15, whatever is on them."""
    for number in range(60):
        entry = make_entry(f"{number:02x}", type=f"t{number % 9}")
        services.purge(services.PurgeFilter(type="none"), "ada")
    asked = {"type": "t1", "order": "-hits"}
    for path, given in (
        (LIST, {}), (LIST, asked), (f"{LIST}{name_of(entry)}/", {}), (PURGE, {}), (AUDIT, {}),
    ):  # fmt: skip
        with (
            CaptureQueriesContext(connections["cache"]) as in_cache,
            CaptureQueriesContext(connections["default"]) as in_main,
        ):
            assert operator.get(path, given).status_code == 200
        assert len(in_cache) + len(in_main) <= MOST_QUERIES
