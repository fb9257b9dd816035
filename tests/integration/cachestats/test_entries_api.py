"""Entries over HTTP: pages without values, one, and its deletion."""

import math
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cachestats import entry_queries, entry_rows, listing
from cachestats.models import Audit, CacheEntry, EntryTotal, EntryUse
from tests.integration.cachestats.conftest import make_entry

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

URL = "/api/v1/cache/entries/"
HOUR = 3600


@pytest.fixture
def reader(api: Any) -> Any:
    return api("cache:read")


@pytest.fixture
def purger(api: Any) -> Any:
    return api("cache:purge")


def listed(reader: Any, **asked: Any) -> list[str]:
    """Return the first two digits of the keys on the first page."""
    answer = reader.get(URL, asked)
    assert answer.status_code == 200, answer.content
    return [found["key"][:2] for found in answer.json()["results"]]


def walk(reader: Any, **asked: Any) -> list[list[str]]:
    """Return the keys of all pages."""
    pages, address = [], URL
    while address:
        answer = reader.get(address, asked)
        assert answer.status_code == 200, answer.content
        pages.append([found["key"] for found in answer.json()["results"]])
        address, asked = answer.json()["next"], {}
        assert len(pages) < 100
    return pages


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_entry_list_tells_all_but_the_value(bench: Any, reader: Any) -> None:
    """What was computed, how long it took and how it was used; no word of the answer or content."""
    before_ms = int(time.time() * 1000) - 1
    bench.now_ms = before_ms
    content, params = {"text": "zyxgrobble"}, {"model": "small"}
    for _ in range(3):
        bench.cache.get_or_compute(
            content, lambda: "wuxgrabble", params, ttl=HOUR, cache_type="api"
        )
    bench.cache.flush()
    digest = CacheEntry.objects.get().key

    answer = reader.get(URL)

    [found] = answer.json()["results"]
    assert answer.json()["next"] is None
    assert digest.startswith(found.pop("key"))
    assert found.pop("cost_ms") >= 0
    created, used = found.pop("created_at"), found.pop("used_at")
    assert created.startswith(time.strftime("%Y-%m-%dT%H", time.gmtime(before_ms / 1000)))
    assert used >= created
    assert found.pop("expires_at") > created
    assert found.pop("ttl_seconds") in range(HOUR - 60, HOUR + 1)
    assert found.pop("age_seconds") in range(60)
    assert found == {
        "type": "api",
        "model": "small",
        "size_bytes": 12,
        "hits": 2,
        "expired": False,
    }
    assert digest not in answer.content.decode()
    assert "grobble" not in answer.content.decode()
    assert "grabble" not in answer.content.decode()


def test_entry_list_filters_combine_with_and(entry: Any, reader: Any) -> None:
    """Type, model and whether its time is over; what is gone is on no list."""
    entry("a1", type="api", model="small")
    entry("a2", type="api", model="large")
    entry("a3", type="api", model="small", expired=True)
    entry("a4", model="small")
    EntryUse.objects.filter(id=entry("a5", type="api", model="small").id).update(gone="purged")

    assert sorted(listed(reader)) == ["a1", "a2", "a3", "a4"]
    assert sorted(listed(reader, type="api")) == ["a1", "a2", "a3"]
    assert sorted(listed(reader, type="api", model="small")) == ["a1", "a3"]
    assert listed(reader, type="api", model="small", expired="false") == ["a1"]
    assert listed(reader, type="api", model="small", expired="true") == ["a3"]
    assert listed(reader, type="nothing") == []


RANKED = {"b1": (0, None, 30, 50), "b2": (7, 5.5, 10, 10), "b3": (2, 900.0, 20, 90)}
ORDERS = {
    "hits": ["b1", "b3", "b2"],
    "cost": ["b1", "b2", "b3"],
    "size": ["b2", "b3", "b1"],
    "age": ["b2", "b1", "b3"],
    "used": ["b3", "b1", "b2"],
}


def test_entry_list_is_in_the_order_that_is_asked_for(bench: Any, reader: Any) -> None:
    """Lowest first, and with a minus highest first; what has no cost is the cheapest."""
    for digits, (hits, cost_ms, size, age) in RANKED.items():
        row = make_entry(digits, size=size, age=age)
        EntryUse.objects.filter(id=row.id).update(hits=hits, cost_ms=cost_ms)

    assert {order: listed(reader, order=order) for order in ORDERS} == ORDERS
    backwards = {order: keys[::-1] for order, keys in ORDERS.items()}
    assert {order: listed(reader, order=f"-{order}") for order in ORDERS} == backwards


def test_entry_list_begins_with_the_last_used(entry: Any, reader: Any) -> None:
    """As nobody asks for an order."""
    for digits, used in (("c1", 30), ("c2", 10), ("c3", 20)):
        entry(digits, age=60, used=used)
    assert listed(reader) == ["c2", "c3", "c1"]


@pytest.mark.parametrize("filters", [{}, {"type": "default"}], ids=["all", "filtered"])
def test_entry_pages_have_each_entry_once(bench: Any, reader: Any, filters: dict[str, str]) -> None:
    """In every order, also where many rank the same, and ids of both signs."""
    for number in range(16):
        row = make_entry(f"{number:x}{number:x}", size=10 + number % 3, age=number % 2)
        EntryUse.objects.filter(id=row.id).update(hits=number % 2, cost_ms=number % 3 or None)

    for order in entry_queries.ORDERS:
        pages = walk(reader, order=order, page_size=3, **filters)
        [whole] = walk(reader, order=order, page_size=100, **filters)
        assert [len(page) for page in pages] == [3, 3, 3, 3, 3, 1], order
        assert [key for page in pages for key in page] == whole, order
        assert len(set(whole)) == 16, order


def test_entry_page_that_is_just_full_is_the_last(entry: Any, reader: Any) -> None:
    """Nobody is sent on to an empty page."""
    entry("d1")
    entry("d2")
    assert reader.get(URL, {"page_size": 2}).json()["next"] is None


def test_entry_pages_go_on_where_they_were_when_entries_come_and_go(
    entry: Any, reader: Any
) -> None:
    """A cursor is a place in the order, not a number of rows."""
    gone, *_ = [entry(f"e{number}", age=60, used=10 * number) for number in range(6)]
    first = reader.get(URL, {"page_size": 2}).json()
    EntryUse.objects.filter(id=gone.id).delete()
    entry("ff", age=0)
    rest = reader.get(first["next"]).json()
    assert [found["key"][:2] for found in first["results"]] == ["e0", "e1"]
    assert [found["key"][:2] for found in rest["results"]] == ["e2", "e3"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("type", "API"), ("type", ""), ("model", "a\0b"), ("expired", "1"), ("expired", ""),
        ("order", "model"), ("order", "--hits"), ("page_size", "0"), ("page_size", "101"),
        ("page_size", "²"), ("page_size", "ten"), ("page_size", ""), ("cursor", ""),
        ("cursor", "é"),
        ("cursor", 23 * "a"), ("cursor", 25 * "a"), ("cursor", 24 * "+"), ("typ", "api"),
    ],
)  # fmt: skip
def test_entry_list_wrong_parameter_is_named(reader: Any, field: str, wrong: str) -> None:
    """With what is accepted, and no parameter is passed over in silence."""
    told = errors(reader.get(URL, {field: wrong}))
    assert list(told) == [field]
    assert told[field].startswith("must be" if field != "typ" else "is not known; accepted: type,")


def test_entry_list_parameter_given_twice_is_named(reader: Any) -> None:
    """Nobody has to guess which of two is meant."""
    assert errors(reader.get(f"{URL}?type=api&type=vision")) == {"type": "must be given once"}


@given(
    cursor=st.from_regex(entry_queries.CURSOR, fullmatch=True),
    order=st.sampled_from(entry_queries.ORDERS),
)
@example(cursor=urlsafe_b64encode(entry_queries.PLACE.pack(math.nan, 1)).decode(), order="hits")
@example(cursor=urlsafe_b64encode(entry_queries.PLACE.pack(-math.inf, 1)).decode(), order="cost")
@example(
    cursor=urlsafe_b64encode(entry_queries.PLACE.pack(1e300, -(2**63))).decode(), order="-size"
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_entry_cursor_made_by_somebody_else_is_a_place(bench: Any, cursor: str, order: str) -> None:
    """Whatever numbers stand in it break no database."""
    query = entry_queries.read_query({"cursor": cursor, "order": order})
    assert listing.list_entries(query).entries == []


def plan(reader: Any, asked: dict[str, Any]) -> str:
    """Return how SQLite finds the rows of a page."""
    with CaptureQueriesContext(connections["cache"]) as queries:
        assert reader.get(URL, asked).status_code == 200
    ran = [q["sql"] for q in queries if "ORDER BY" in q["sql"]][-1]
    with connections["cache"].cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + ran)
        return "; ".join(row[3] for row in cursor.fetchall())


def test_entry_list_by_last_use_reads_only_its_page(entry: Any, reader: Any) -> None:
    """From the index, on the first page and on every other; nothing is sorted."""
    for digits in ("a1", "a2", "a3"):
        entry(digits)
    following = reader.get(URL, {"page_size": 1}).json()["next"]
    following = parse_qs(urlsplit(following).query)["cursor"][0]
    for asked in (
        {},
        {"page_size": 1, "cursor": following},
        {"order": "used"},
        {"expired": "false"},
    ):
        assert "entryuse_used" in plan(reader, asked)
        assert "B-TREE" not in plan(reader, asked)


def test_entry_list_by_hits_reads_only_its_page(entry: Any, reader: Any) -> None:
    """As long as there are entries that were hit."""
    for number in range(3):
        entry(f"a{number}", hits=1 + number)
    found = plan(reader, {"order": "-hits", "page_size": 2})
    assert "entryuse_hits" in found
    assert "B-TREE" not in found


def test_entry_list_goes_by_an_index_to_what_is_rare(entry: Any, reader: Any) -> None:
    """A type, a model or a search that few entries have, and what is expired."""
    entry("a1", type="api", model="small")
    for asked in ({"type": "api"}, {"model": "small"}, {"search": "mal"}):
        assert "entryuse_kind (cache_type=? AND model=?)" in plan(reader, asked), asked
    assert "entryuse_expires" in plan(reader, {"expired": "true"})


def test_entry_list_that_nobody_can_be_on_reads_no_entry(entry: Any, reader: Any) -> None:
    """Types and models that there are tell that a search finds nothing."""
    entry("a1", type="api", model="small")
    with CaptureQueriesContext(connections["cache"]) as queries:
        assert listed(reader, search="nothing") == []
    assert len(queries) == 1


def test_entry_list_that_must_read_all_is_no_walk_along_an_index(entry: Any, reader: Any) -> None:
    """An index would lead to row after row, at four times the price."""
    for asked in ({"order": "hits"}, {"expired": "false", "order": "-cost"}):
        assert plan(reader, asked) == "SCAN cachestats_entryuse; USE TEMP B-TREE FOR ORDER BY"


FILTERS = {
    "type": "api",
    "model": "small",
    "search": "SMA",
    "older_than": "1h",
    "unused": "true",
    "expired": "true",
}


@pytest.mark.parametrize(
    ("near", "few", "kinds"), [(2, 0, 9), (0, 0, 9), (9, 0, 9), (9, 99, 9), (2, 99, 1)]
)
def test_entry_list_is_the_same_whichever_way_it_is_found(
    bench: Any, monkeypatch: pytest.MonkeyPatch, near: int, few: int, kinds: int
) -> None:
    """By an index, along one and on, or through all rows; page by page."""
    for number in range(12):
        make_entry(
            f"{number:x}{number:x}",
            type="api" if number % 3 else "vision",
            model="small" if number % 4 else "",
            age=number % 5 * HOUR,
            expired=number % 6 == 1,
            used=number % 7 * 60,
            hits=number % 4,
        )
    for name, value in FILTERS.items():
        for order in ("used", "-used", "-hits"):
            monkeypatch.undo()
            query = entry_queries.read_query({name: value, "order": order, "page_size": "3"})
            whole = [found.key for found in pages_of(query)]
            assert 2 <= len(whole) < 12
            monkeypatch.setattr(entry_rows, "NEAR", near)
            monkeypatch.setattr(entry_rows, "FEW", few)
            monkeypatch.setattr(entry_rows, "KINDS", kinds)
            assert [found.key for found in pages_of(query)] == whole, (name, order)


def pages_of(query: entry_queries.EntryQuery) -> list[listing.EntryReport]:
    """Return the entries of all pages."""
    page = listing.list_entries(query)
    if page.next is None:
        return page.entries
    behind = entry_queries.read_cursor(page.next)
    return page.entries + pages_of(replace(query, cursor=behind))


def test_entry_list_that_would_read_too_many_is_refused(
    entry: Any, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An honest limit instead of a slow page; what an index has, has none."""
    entry("a1", used=9)
    entry("a2", type="api", used=9)
    for name in ("SCANNED", "NEAR"):
        monkeypatch.setattr(entry_rows, name, 1)
    asked = {"order": "size", "unused": "true", "older_than": "1h"}
    for field, value in asked.items():
        assert "entries" in errors(reader.get(URL, {field: value}))[field]
    for within in ({}, {"expired": "false"}, {"order": "-hits", "page_size": 1}):
        assert listed(reader, **within)
    assert listed(reader, type="api", order="size") == ["a2"]


def test_entry_detail_is_the_line_of_the_list(entry: Any, reader: Any) -> None:
    """By the name that the list gives it."""
    entry("f1", type="api", model="small", age=9, used=3)
    [line] = reader.get(URL).json()["results"]
    one = reader.get(f"{URL}{line['key']}/").json()
    assert one.keys() == line.keys()
    moving = ("age_seconds", "ttl_seconds")
    assert {**one, **dict.fromkeys(moving)} == {**line, **dict.fromkeys(moving)}


def test_entry_detail_of_one_that_is_not_listed_yet(bench: Any, reader: Any) -> None:
    """It is there from the moment that it is stored."""
    bench.now_ms = int(time.time() * 1000)
    key = bench.cache.key({"text": "a"})
    bench.cache.set({"text": "a"}, 1)
    one = reader.get(f"{URL}{key.digest.hex()[:16]}/").json()
    assert (one["hits"], one["expired"]) == (0, False)
    assert one["used_at"] == one["created_at"]
    assert reader.get(URL).json()["results"] == []


@pytest.mark.parametrize(
    "key", ["00" * 8, "0" * 15, "0" * 17, "F" * 16, "g" * 16, "f" * 64, "٣" * 16]
)
@pytest.mark.parametrize("method", ["get", "delete"])
def test_entry_that_is_not_there_is_404(api: Any, key: str, method: str) -> None:
    """Also what can be no entry's name."""
    answer = getattr(api("cache:read", "cache:purge"), method)(f"{URL}{key}/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert not Audit.objects.exists()


def test_entry_delete_is_a_purge_of_one(bench: Any, purger: Any) -> None:
    """The command's JSON, an audit row with 8 digits, and the next look-up misses."""
    bench.now_ms = int(time.time() * 1000)
    for text in ("a", "b"):
        bench.cache.set({"text": text}, text)
    bench.cache.flush()
    digits = bench.cache.key({"text": "a"}).digest.hex()[:16]

    answer = purger.delete(f"{URL}{digits}/")

    assert answer.status_code == 200
    told = {"matched": 1, "deleted": 1, "freed_bytes": 3, "dry_run": False, "matched_bytes": 3}
    assert answer.json().items() >= told.items()
    audit = Audit.objects.get()
    assert (audit.actor, audit.filters, audit.deleted) == ("web", {"keys": [digits[:8]]}, 1)
    assert (bench.cache.get({"text": "a"}), bench.cache.get({"text": "b"})) == (None, "b")
    assert EntryTotal.objects.get().entries == 1
    assert purger.delete(f"{URL}{digits}/").status_code == 404


@pytest.mark.parametrize("path", [URL, f"{URL}{'0' * 16}/"])
def test_entries_of_a_cache_that_cannot_be_read_are_503(api: Any, path: str) -> None:
    """With when to try again, and no word of the fault."""

    def locked(*_args: Any) -> Any:
        raise OperationalError("database is locked")

    client = api("cache:read", "cache:purge")
    with connections["cache"].execute_wrapper(locked):
        answers = [client.get(path), *([client.delete(path)] if path != URL else [])]
    for answer in answers:
        assert answer.status_code == 503
        assert answer["Retry-After"] == "10"
        assert b"locked" not in answer.content


def test_entry_list_takes_one_query(entry: Any, reader: Any) -> None:
    """However many are on the page."""
    for number in range(10):
        entry(f"{number}0")
    with CaptureQueriesContext(connections["cache"]) as queries:
        listed(reader)
    assert len(queries) == 1


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", URL, "cache:purge"),
        ("get", f"{URL}{'0' * 16}/", "cache:purge"),
        ("delete", f"{URL}{'0' * 16}/", "cache:read"),
    ],
)
def test_entries_need_their_scope(
    api: Any, client: Any, method: str, path: str, scope: str
) -> None:
    """Reading does not delete, and deleting does not read."""
    assert getattr(api(scope), method)(path).status_code == 403
    assert getattr(client, method)(path).status_code == 401


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"key": "a1b2"}, ["a1"]), ({"key": "a1b20000"}, ["a1"]), ({"search": "isi"}, ["c3"]),
        ({"search": "MALL"}, ["a1"]), ({"older_than": "1h"}, ["c3"]), ({"unused": "true"}, ["c3"]),
        ({"unused": "false"}, ["a1"]),
    ],
)  # fmt: skip
def test_entry_list_narrows_further(
    entry: Any, reader: Any, asked: dict[str, str], keys: list[str]
) -> None:
    """By the key's beginning, a part of a name, age, and whether it was ever of use."""
    entry("a1b2", type="api", model="small:1b", used=1)
    entry("c3", type="vision", age=2 * HOUR)
    assert listed(reader, **asked) == keys


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("key", "abc"), ("key", 17 * "a"), ("key", "xyzw"), ("older_than", "soon"), ("unused", "1")],
)
def test_entry_list_wrong_narrowing_is_named(reader: Any, field: str, wrong: str) -> None:
    """With what is accepted."""
    assert errors(reader.get(URL, {field: wrong}))[field].startswith("must be")
