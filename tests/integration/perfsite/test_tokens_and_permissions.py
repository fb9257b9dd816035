"""Tokens and permissions: nobody gives away what they lack, nor keeps what they lost."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from enrichment import jobs
from enrichment.models import Reflection, Status
from enrichment.models.jobs import Priority
from perfsite import tokens
from perfsite.models import AccessToken, Scope
from tests.clients import bearer, member, signed_in

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

TOKENS = "/api/v1/auth/tokens/"
REFLECTIONS = "/api/v1/reflections/"
BOTH = ["enrich:run", "enrich:read"]


def written(owner: str, user: User) -> Reflection:
    """Return a finished reflection of an owner."""
    reflection = Reflection.objects.create(
        text="x", owner=owner, submitted_by=user, key_scope="site", timestamp=timezone.now()
    )
    jobs.create(reflection, priority=Priority.INTERACTIVE, status=Status.COMPLETE)
    return reflection


@pytest.mark.parametrize(
    ("method", "path", "scope", "permission"),
    [
        ("get", "/api/v1/cache/stats/", Scope.CACHE_READ, "view_cacheentry"),
        ("post", "/api/v1/cache/purge/", Scope.CACHE_PURGE, "delete_cacheentry"),
        ("get", "/api/v1/config/", Scope.CONFIG_READ, "view_configrevision"),
        ("patch", "/api/v1/config/", Scope.CONFIG_WRITE, "add_configrevision"),
        ("get", TOKENS, Scope.TOKEN_ISSUE, "add_accesstoken"),
    ],
)
def test_token_ends_with_the_permission_of_its_person(
    person: User, method: str, path: str, scope: Scope, permission: str
) -> None:
    """It opens no more than its person still may, and what is personal to the end."""
    _, secret = tokens.make(tokens.Wanted(name="x", scopes=[scope, *BOTH]), user=person)
    ask = getattr(bearer(secret), method)
    assert ask(path, {}, format="json").status_code == 403
    person.user_permissions.add(Permission.objects.get(codename=permission))
    assert ask(path, {}, format="json").status_code in {200, 400}
    person.user_permissions.clear()
    assert ask(path, {}, format="json").status_code == 403
    assert bearer(secret).get(REFLECTIONS).status_code == 200


def test_token_for_another_owner_ends_with_the_permission(person: User) -> None:
    """What reads somebody's reflections takes that of reading texts; polling asks as reading."""
    admin = member("admin")
    theirs = written("bob", User.objects.create_user("other"))
    _, secret = tokens.make_for(admin, tokens.Wanted(name="x", scopes=BOTH, owner="bob"))
    detail = f"{REFLECTIONS}{theirs.pk}/"
    answer = bearer(secret).get(detail)
    assert answer.status_code == 200
    unchanged = {"HTTP_IF_NONE_MATCH": answer["ETag"]}
    assert bearer(secret).get(detail, **unchanged).status_code == 304
    admin.groups.clear()
    assert bearer(secret).get(detail).status_code == 403
    assert bearer(secret).get(detail, **unchanged).status_code == 403


def test_token_of_a_person_who_looks_like_a_service_is_none() -> None:
    """Who may change accounts can have it look so: without a password, never signed in."""
    viewer = member("viewer")
    _, secret = tokens.make(tokens.Wanted(name="x", scopes=[Scope.CACHE_READ]), user=viewer)
    User.objects.filter(pk=viewer.pk).update(last_login=None, password="!")
    assert bearer(secret).get("/api/v1/cache/stats/").status_code == 200
    viewer.groups.clear()
    assert bearer(secret).get("/api/v1/cache/stats/").status_code == 403


def test_tokens_of_before_are_services_where_nobody_ever_signed_in(person: User) -> None:
    """The migration marks those of accounts without a password alone."""
    web, gone = User.objects.create_user("web"), User.objects.create_user("gone")
    User.objects.filter(pk=gone.pk).update(last_login=timezone.now())
    for user in (web, gone, person):
        tokens.make(tokens.Wanted(name="x", scopes=BOTH), user=user)
    migration = import_module("perfsite.migrations.0004_service_tokens")
    migration.mark_services(apps, SimpleNamespace(connection=connection))
    assert [token.user for token in AccessToken.objects.filter(service=True)] == [web]


def test_issued_token_ends_with_the_permission_of_its_issuers_person() -> None:
    """At once, also where it polls; what a service's token issued goes on."""
    admin = member("admin")
    theirs = written("bob", admin)
    statuses = {}
    for service in (False, True):
        issuer, _ = tokens.make(
            tokens.Wanted(name="x", scopes=[Scope.TOKEN_ISSUE, *BOTH]), user=admin, service=service
        )
        wanted = tokens.Wanted(name="y", scopes=BOTH, owner="bob")
        _, secret = tokens.make_for(admin, wanted, issuer=issuer)
        statuses[secret] = 200 if service else 403
    detail = f"{REFLECTIONS}{theirs.pk}/"
    etags = {secret: bearer(secret).get(detail)["ETag"] for secret in statuses}
    admin.groups.clear()
    for secret, status in statuses.items():
        assert bearer(secret).get(detail).status_code == status
        polled = bearer(secret).get(detail, HTTP_IF_NONE_MATCH=etags[secret])
        assert polled.status_code == (304 if status == 200 else 403)


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("viewer", {Scope.CACHE_READ, Scope.CONFIG_READ}),
        ("operator", {Scope.CACHE_READ, Scope.CONFIG_READ, Scope.CACHE_PURGE}),
        ("admin", set(Scope)),
    ],
)
def test_nobody_gives_away_a_scope_that_they_lack(role: str, given: set[Scope]) -> None:
    """Each scope is given by who has it; the refusal names what may be given."""
    client = signed_in(member(role))
    for scope in Scope:
        answer = client.post(TOKENS, {"name": "x", "scopes": [scope]}, format="json")
        expected = 201 if scope in {*given, *BOTH} else 403
        assert (scope, answer.status_code) == (scope, expected)
        if expected == 403:
            assert "you may give" in answer.json()["detail"]


def test_token_for_another_takes_what_it_reaches(person: User) -> None:
    """Making tokens for others is no way to read, or to delete, what one may not."""
    person.user_permissions.add(Permission.objects.get(codename="add_accesstoken"))
    client = signed_in(person)
    for scope in BOTH:
        body = {"name": "x", "scopes": [scope], "owner": "bob"}
        assert client.post(TOKENS, body, format="json").status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="view_text"))
    body = {"name": "x", "scopes": [Scope.ENRICH_READ], "owner": "bob"}
    assert client.post(TOKENS, body, format="json").status_code == 201


def test_revoking_others_tokens_takes_more_than_seeing_them(person: User) -> None:
    """Who may list them all revokes their own alone."""
    person.user_permissions.add(Permission.objects.get(codename="view_accesstoken"))
    web = User.objects.create_user("web")
    token, _ = tokens.make(tokens.Wanted(name="x", scopes=BOTH), user=web)
    client = signed_in(person)
    assert [one["id"] for one in client.get(TOKENS).json()["results"]] == [str(token.public_id)]
    assert client.delete(f"{TOKENS}{token.public_id}/").status_code == 404
    person.user_permissions.add(Permission.objects.get(codename="delete_accesstoken"))
    assert client.delete(f"{TOKENS}{token.public_id}/").status_code == 204


def test_personal_scope_of_a_token_costs_no_query_more(
    person: User, django_assert_num_queries: Any
) -> None:
    """Permissions are read where they decide, and not for what is a person's own."""
    _, secret = tokens.make(tokens.Wanted(name="x", scopes=BOTH, owner=None), user=person)
    theirs = written("ada", person)
    client = bearer(secret)
    etag = client.get(f"{REFLECTIONS}{theirs.pk}/")["ETag"]
    with django_assert_num_queries(2):
        client.get(f"{REFLECTIONS}{theirs.pk}/", HTTP_IF_NONE_MATCH=etag)
