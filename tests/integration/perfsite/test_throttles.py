"""How often one may call: by the token, by what the call needs, and told when to come again."""

import logging
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from enrichment.models import Reflection
from perfsite import throttles
from perfsite.models import Scope
from perfsite.throttles import Kind, kind_of
from tests.clients import signed_in

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

STATS = "/api/v1/cache/stats/"
REFLECTIONS = "/api/v1/reflections/"


@pytest.fixture
def limits(settings: Any) -> dict[str, int]:
    """Two reads, one submission, one purge, one change."""
    settings.THROTTLES = {"read": 2, "submission": 1, "purge": 1, "config": 1}
    return dict(settings.THROTTLES)


def statuses(client: APIClient, method: str, path: str, times: int) -> list[int]:
    return [getattr(client, method)(path, {}, format="json").status_code for _ in range(times)]


def test_call_beyond_the_limit_is_a_429_problem_that_says_when_to_come_again(
    limits: dict[str, int], api: Any
) -> None:
    """Retry-After is whole seconds to the end of the minute that began with the first call."""
    client = api(Scope.CACHE_READ)
    assert statuses(client, "get", STATS, 3) == [200, 200, 429]

    answer = client.get(STATS)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Too Many Requests"
    assert "2 reads a minute are accepted" in answer.json()["detail"]
    assert 55 <= int(answer.headers["Retry-After"]) <= 60


def test_token_is_counted_by_itself(limits: dict[str, int], api: Any) -> None:
    """Another token of the same user has calls of its own."""
    one, other = api(Scope.CACHE_READ), api(Scope.CACHE_READ)
    assert statuses(one, "get", STATS, 3)[-1] == 429
    assert statuses(other, "get", STATS, 1) == [200]


def test_session_is_counted_by_its_person(limits: dict[str, int], person: User) -> None:
    """Two browsers of one person share their calls; another person does not."""
    path = f"{REFLECTIONS}{uuid4()}/"
    bob = User.objects.create_user("bob")
    assert statuses(signed_in(person), "get", path, 2) == [404, 404]
    assert statuses(signed_in(person), "get", path, 1) == [429]
    assert statuses(signed_in(bob), "get", path, 1) == [404]


def test_kinds_are_counted_apart(limits: dict[str, int], api: Any) -> None:
    """Who may submit no more may still read and purge."""
    client = api(*Scope)
    assert statuses(client, "post", REFLECTIONS, 2) == [400, 429]
    assert statuses(client, "post", f"{REFLECTIONS}{uuid4()}/retry/", 1) == [429]
    assert statuses(client, "post", "/api/v1/cache/purge/", 2) == [400, 429]
    assert statuses(client, "get", STATS, 3) == [200, 200, 429]


def test_who_is_refused_anyway_is_not_counted(limits: dict[str, int], api: Any) -> None:
    """A wrong scope costs no call of the right one."""
    client = api(Scope.ENRICH_READ)
    assert statuses(client, "get", STATS, 4) == [403] * 4
    assert statuses(client, "get", f"{REFLECTIONS}{uuid4()}/", 1) == [404]


def test_limit_of_0_is_none(settings: Any, api: Any) -> None:
    """Nothing is counted."""
    settings.THROTTLES = dict.fromkeys(Kind, 0)
    assert statuses(api(Scope.CACHE_READ), "get", STATS, 4) == [200] * 4


class _View:
    required_scopes: ClassVar = {}


@pytest.mark.parametrize(
    ("method", "scope", "kind"),
    [
        *((method, scope, Kind.READ) for method in ("GET", "HEAD", "OPTIONS") for scope in Scope),
        *(
            (method, scope, kind)
            for method in ("POST", "PATCH", "DELETE")
            for scope, kind in {
                Scope.ENRICH_RUN: Kind.SUBMISSION,
                Scope.CACHE_PURGE: Kind.PURGE,
                Scope.CONFIG_WRITE: Kind.CONFIG,
            }.items()
        ),
    ],
)
def test_kind_is_told_by_method_and_scope(method: str, scope: Scope, kind: Kind) -> None:
    """What only looks is a read, whatever it needs; what changes something is told by its scope."""
    view = type("View", (_View,), {"required_scopes": {method: scope.value}})
    assert kind_of(method, view) == kind


def test_store_that_is_broken_lets_all_through_and_is_told_once(
    limits: dict[str, int],
    api: Any,
    settings: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reflection is worth more than a count."""
    settings.VAR_DIR = tmp_path / "nowhere"
    throttles.forget()
    client = api(Scope.CACHE_READ)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            # As if the pause were over, so that it is tried each time.
            throttles._counting._paused_until = 0.0
            assert statuses(client, "get", STATS, 1) == [200]
    told = [record for record in caplog.records if "not counted" in record.getMessage()]
    assert len(told) == 1


def test_store_that_is_well_again_counts_again(
    limits: dict[str, int], api: Any, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """After a pause, in which it is not asked."""
    settings.VAR_DIR = tmp_path / "late"
    throttles.forget()
    client = api(Scope.CACHE_READ)
    statuses(client, "get", STATS, 1)
    settings.VAR_DIR.mkdir()
    assert statuses(client, "get", STATS, 3) == [200] * 3
    monkeypatch.setattr(throttles._counting, "_paused_until", 0.0)
    assert statuses(client, "get", STATS, 3) == [200, 200, 429]


def test_submission_beyond_the_limit_is_not_kept(limits: dict[str, int], api: Any) -> None:
    """What was refused leaves no reflection."""
    client = api(Scope.ENRICH_RUN)
    answers = [client.post(REFLECTIONS, {"text": "hello"}, format="json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]
    assert Reflection.objects.count() == 1
