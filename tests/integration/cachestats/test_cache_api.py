"""The cache over HTTP: its numbers, and its purge."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections
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
    """However much is cached: one look at the totals, which tells whether it can be read."""
    _used(bench)
    client = api("cache:read")
    client.get(STATS)
    with (
        CaptureQueriesContext(connections["cache"]) as of_cache,
        CaptureQueriesContext(connections["default"]) as of_default,
    ):
        client.get(STATS)
    assert len(of_cache) == 1
    assert len(of_default) <= 4


def test_cache_stats_api_window_reaches_further_back(bench: Any, api: Any) -> None:
    """A day unless a window is asked for."""
    _used(bench)
    for batch in LookupBatch.objects.all():
        batch.at -= timedelta(hours=25)
        batch.save()
    client = api("cache:read")
    day, week = client.get(STATS).json(), client.get(STATS, {"window": "7d"}).json()
    assert (day["window_hours"], day["overall"]["lookups"]) == (24, 0)
    assert (week["window_hours"], week["overall"]["lookups"]) == (168, 3)


@pytest.mark.parametrize("wrong", ["", "soon", "24", "0h", "31d", "7d\x00"])
def test_cache_stats_api_wrong_window_is_named(api: Any, wrong: str) -> None:
    """A window that can't be read is 400, and what is accepted is told."""
    assert _errors(api("cache:read").get(STATS, {"window": wrong})) == {
        "window": "must be a number and s, m, h or d, at most 30d: 24h"
    }


def test_cache_stats_api_tells_why_look_ups_were_no_hits(bench: Any, api: Any) -> None:
    """Reasons are counted in their detail, over all and by type."""
    _used(bench)
    bench.cache.get({"text": "a"}, {"model": "large"}, cache_type="api")
    bench.cache.flush()
    body = api("cache:read").get(STATS).json()
    assert body["overall"]["reasons"] == {"first_seen": 2, "changed: model": 1}
    assert body["by_type"]["vision"]["reasons"] == {"first_seen": 1}


def test_cache_stats_api_while_the_file_is_locked_waits_once(
    bench: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that asks a locked file again and again would hang as many times as long."""
    client = api("cache:read")
    client.get(STATS)
    asked = []

    def locked(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        raise OperationalError("database is locked")

    with connections["cache"].execute_wrapper(locked):
        body = client.get(STATS).json()
    assert (body["healthy"], body["trouble"], body["entries"]) == (False, "database is locked", 0)
    assert len(asked) == 1


def test_cache_stats_api_names_damaged_files_that_are_kept(api: Any, cache_file: Path) -> None:
    """Newest first; each name ends with the time."""
    names = [f"{cache_file.name}.unusable-2026010{day}T000000000000" for day in (2, 1)]
    for name in names:
        cache_file.with_name(name).touch()
    assert api("cache:read").get(STATS).json()["set_aside"] == names


# Purge


def test_cache_purge_api_deletes_and_tells(entry: Any, purger: Any) -> None:
    """The answer is the command's JSON, the audit names the token's user."""
    entry("aa", type="api", size=30)
    entry("bb")
    response = purger.post(PURGE, {"type": "api"}, format="json")
    assert response.status_code == 200
    assert response.json() == {
        "matched": 1,
        "deleted": 1,
        "freed_bytes": 30,
        "dry_run": False,
        "matched_bytes": 30,
        "cost_seconds": 0.0,
        "audit_id": Audit.objects.get().pk,
    }
    audit = Audit.objects.get()
    assert (audit.actor, audit.filters, audit.deleted) == ("web", {"type": "api"}, 1)


def test_cache_purge_api_dry_run_deletes_nothing(entry: Any, purger: Any) -> None:
    """A dry run tells what would go and what that is worth, and leaves no audit."""
    entry("aa", cost_ms=4310.5)
    response = purger.post(PURGE, {"all": True, "dry_run": True}, format="json")
    assert response.json() == {
        "matched": 1,
        "deleted": 0,
        "freed_bytes": 0,
        "dry_run": True,
        "matched_bytes": 10,
        "cost_seconds": 4.311,
        "audit_id": None,
    }
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
