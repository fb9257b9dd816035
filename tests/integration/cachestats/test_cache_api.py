"""The cache over HTTP, and manage.py cache_stats, which shows the same."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext

from cachestats.models import Audit, CacheEntry, LookupBatch
from cachestats.reports import cache_report

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

STATS = "/api/v1/cache/stats/"
PURGE = "/api/v1/cache/purge/"


@pytest.fixture
def purger(api: Any) -> Any:
    """A client that may purge, and nothing else."""
    return api("cache:purge")


def _errors(response: Any) -> dict[str, str]:
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def _stats_json() -> dict[str, Any]:
    out = StringIO()
    call_command("cache_stats", "--json", stdout=out)
    return json.loads(out.getvalue())


def _used(bench: Any) -> None:
    bench.cache.get_or_compute({"text": "a"}, lambda: "one", {"model": "small"}, cache_type="api")
    bench.cache.get_or_compute({"text": "a"}, lambda: "one", {"model": "small"}, cache_type="api")
    bench.cache.get_or_compute({"text": "b"}, lambda: "two", cache_type="vision")
    bench.cache.flush()


# Numbers


def test_cache_stats_api_body_is_the_report(bench: Any, api: Any) -> None:
    """The endpoint shows the report that page and command show."""
    _used(bench)
    body = api("cache:read").get(STATS).json()
    assert body == _stats_json()
    assert (body["enabled"], body["healthy"], body["trouble"]) == (True, True, "")
    assert (body["entries"], body["bytes"]) == (2, 10)
    assert body["entries_by_type"] == {"api": 1, "vision": 1}
    assert body["overall"]["hit_rate"] == pytest.approx(1 / 3)
    assert body["by_type"]["api"]["hits"]["count"] == 1


def test_cache_stats_command_json_is_json_alone_for_an_empty_cache() -> None:
    """Without look-ups rates and percentiles are null, not 0."""
    body = _stats_json()
    assert (body["entries"], body["overall"]["hit_rate"]) == (0, None)
    assert body["overall"]["hits"] == {"count": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}


def test_cache_stats_command_prints_a_line_for_each_type(bench: Any) -> None:
    """People get a table: all, then each type."""
    _used(bench)
    out = StringIO()
    call_command("cache_stats", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "The cache is on. 2 entries, 10 bytes."
    assert [line.split()[:3] for line in lines[3:]] == [
        ["all", "3", "33%"],
        ["api", "2", "50%"],
        ["vision", "1", "0%"],
    ]


def test_cache_stats_command_empty_shows_dashes() -> None:
    """What is not known is a dash."""
    out = StringIO()
    call_command("cache_stats", stdout=out)
    assert "–/–/–, –/–/–" in out.getvalue()


def test_cache_report_leaves_older_look_ups_out(bench: Any) -> None:
    """Only look-ups of the window count."""
    _used(bench)
    for batch in LookupBatch.objects.filter(cache_type="vision"):
        batch.at -= timedelta(hours=25)
        batch.save()
    report = cache_report()
    assert list(report.by_type) == ["api"]
    assert report.overall.lookups == 2
    assert cache_report(timedelta(hours=26)).overall.lookups == 3


def test_cache_stats_api_asks_each_database_once(bench: Any, api: Any) -> None:
    """However much is cached: two looks whether it can be read, and one at the totals."""
    _used(bench)
    client = api("cache:read")
    client.get(STATS)
    with (
        CaptureQueriesContext(connections["cache"]) as of_cache,
        CaptureQueriesContext(connections["default"]) as of_default,
    ):
        client.get(STATS)
    assert len(of_cache) == 3
    assert len(of_default) <= 4


# Purge


def test_cache_purge_api_deletes_and_tells(entry: Any, purger: Any) -> None:
    """The answer is the command's JSON, the audit names the token's user."""
    entry("aa", type="api", size=30)
    entry("bb")
    response = purger.post(PURGE, {"type": "api"}, format="json")
    assert response.status_code == 200
    assert response.json() == {"matched": 1, "deleted": 1, "freed_bytes": 30, "dry_run": False}
    audit = Audit.objects.get()
    assert (audit.actor, audit.filters, audit.deleted) == ("web", {"type": "api"}, 1)


def test_cache_purge_api_dry_run_deletes_nothing(entry: Any, purger: Any) -> None:
    """A dry run counts and leaves no audit."""
    entry("aa")
    response = purger.post(PURGE, {"all": True, "dry_run": True}, format="json")
    assert response.json() == {"matched": 1, "deleted": 0, "freed_bytes": 0, "dry_run": True}
    assert CacheEntry.objects.count() == 1
    assert not Audit.objects.exists()


def test_cache_purge_api_filters_combine_with_and(entry: Any, purger: Any) -> None:
    """Null stands for: not asked."""
    entry("aa", type="api", model="small")
    entry("bb", type="api")
    body = {"type": "api", "model": "small", "key": None, "older_than": "0s", "expired": False}
    assert purger.post(PURGE, body, format="json").json()["deleted"] == 1
    assert CacheEntry.objects.get().key.startswith("bb")


@pytest.mark.parametrize("body", [{}, {"dry_run": True}, {"all": False}, {"type": None}])
def test_cache_purge_api_without_filter_is_refused(
    entry: Any, purger: Any, body: dict[str, Any]
) -> None:
    """No filter never means everything."""
    entry("aa")
    assert _errors(purger.post(PURGE, body, format="json")) == {
        "filter": "give at least one of: type, model, key, older_than, expired or all"
    }
    assert CacheEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        *((name, 1, "must be text") for name in ("type", "model", "key", "older_than")),
        *((name, ["a"], "must be text") for name in ("type", "model", "key", "older_than")),
        *((name, "true", "must be true or false") for name in ("expired", "all", "dry_run")),
        *((name, 1, "must be true or false") for name in ("expired", "all", "dry_run")),
        *((name, None, "must be true or false") for name in ("expired", "all", "dry_run")),
        ("type", "API", "must be 1 to 40 of a-z, 0-9 and _"),
        ("key", "abc", "must be 8 to 64 hexadecimal digits"),
        ("older_than", "soon", "must be a number and s, m, h or d: 7d"),
    ],
)
def test_cache_purge_api_wrong_field_is_named(
    entry: Any, purger: Any, field: str, wrong: Any, message: str
) -> None:
    """A wrong field is told with what is accepted, and nothing goes."""
    entry("aa")
    assert _errors(purger.post(PURGE, {"all": True, field: wrong}, format="json")) == {
        field: message
    }
    assert CacheEntry.objects.count() == 1


def test_cache_purge_api_unknown_field_is_named(entry: Any, purger: Any) -> None:
    """A slip of the pen in a filter never purges more than was meant."""
    entry("aa")
    assert _errors(purger.post(PURGE, {"all": True, "typ": "api"}, format="json")) == {
        "typ": "is not known; accepted: type, model, key, older_than, expired, all, dry_run"
    }
    assert CacheEntry.objects.count() == 1


def test_cache_purge_api_half_a_character_is_refused(purger: Any) -> None:
    """Half a character is no text that the database could hold; the answer is 400."""
    response = purger.post(PURGE, '{"model": "\\ud800"}', content_type="application/json")
    assert response.status_code == 400


# Who may


@pytest.mark.parametrize(("method", "path"), [("get", STATS), ("post", PURGE)])
def test_cache_api_anonymous_is_401(client: Any, method: str, path: str) -> None:
    """Without a token or session nobody gets in."""
    response = getattr(client, method)(path, content_type="application/json")
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("get", STATS, ["enrich:run", "enrich:read", "cache:purge", "config:read"]),
        ("post", PURGE, ["enrich:run", "enrich:read", "cache:read", "config:write"]),
    ],
)
def test_cache_api_other_scopes_are_403(
    entry: Any, api: Any, method: str, path: str, scopes: list[str]
) -> None:
    """Reading does not purge, purging does not read, and nothing else does either."""
    entry("aa")
    response = getattr(api(*scopes), method)(path, {"all": True}, format="json")
    assert response.status_code == 403
    assert CacheEntry.objects.count() == 1


@pytest.mark.parametrize(("method", "path"), [("post", STATS), ("get", PURGE), ("put", PURGE)])
def test_cache_api_wrong_method_is_405(api: Any, method: str, path: str) -> None:
    """An endpoint says which method it has not."""
    response = getattr(api("cache:read", "cache:purge"), method)(path, {}, format="json")
    assert response.status_code == 405
