"""Who may call what: each endpoint times each kind of caller. A new endpoint needs a row here."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from cachestats.models import ConfigRevision
from enrichment.models import Reflection
from enrichment.services import submit
from enrichment.submission import parse
from perfsite.models import AccessToken, Scope
from perfsite.roles import ADMIN, ROLES
from perfsite.tokens import PERSONAL_SCOPES
from tests.clients import bearer, member, session_without_csrf, signed_in

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
VIEWED = ("/api/v1/", "/metrics")


@dataclass(frozen=True)
class Endpoint:
    """A method of a route.

    scope: opens it. body: what it accepts. ok: what whoever may is answered. stranger: what a token
    of another owner is answered, where the object is somebody's. bound: what a token of any owner
    is answered, where it is not what others are. personal: whether a person who is signed in
    reaches what is theirs; else it takes the permission of the scope.
    """

    route: str
    method: str
    scope: Scope
    ok: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    stranger: int | None = None
    arguments: Callable[["Things"], dict[str, Any]] = lambda _things: {}
    bound: int | None = None

    @property
    def personal(self) -> bool:
        return self.scope in {*PERSONAL_SCOPES, Scope.TOKEN_ISSUE}

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class Things:
    """What the rows are about: all of it is ada's, submitted by the service that web is."""

    reflection: Reflection
    token: AccessToken
    revision: ConfigRevision

    def of_reflection(self) -> dict[str, Any]:
        return {"reflection_id": self.reflection.pk}

    def of_token(self) -> dict[str, Any]:
        return {"token_id": self.token.public_id}

    def of_entry(self) -> dict[str, Any]:
        return {"key": "0123456789abcdef"}

    def of_run(self) -> dict[str, Any]:
        return {"run_id": 1}

    def of_webhook(self) -> dict[str, Any]:
        return {"webhook_id": uuid.UUID(int=1)}

    def of_delivery(self) -> dict[str, Any]:
        return {**self.of_webhook(), "delivery_id": uuid.UUID(int=2)}

    def of_revision(self) -> dict[str, Any]:
        return {"number": self.revision.number}


A_TOKEN = {"name": "x", "scopes": ["enrich:run"], "owner": "ada"}
# To add an endpoint: its route's name, its method, its scope, and what whoever may is answered.
ENDPOINTS = [
    Endpoint("reflection-list", "GET", Scope.ENRICH_READ),
    Endpoint("reflection-list", "POST", Scope.ENRICH_RUN, 202, {"text": "hello"}),
    Endpoint("reflection-detail", "GET", Scope.ENRICH_READ, 200, {}, 404, Things.of_reflection),
    Endpoint("reflection-detail", "DELETE", Scope.ENRICH_RUN, 204, {}, 404, Things.of_reflection),
    Endpoint("reflection-retry", "POST", Scope.ENRICH_RUN, 409, {}, 404, Things.of_reflection),
    Endpoint("reflection-cancel", "POST", Scope.ENRICH_RUN, 200, {}, 404, Things.of_reflection),
    Endpoint("reflection-retry-many", "POST", Scope.ENRICH_RUN, 200, {"status": ["failed"]}),
    Endpoint("reflection-cancel-many", "POST", Scope.ENRICH_RUN, 200, {"status": ["queued"]}),
    Endpoint("cache-stats", "GET", Scope.CACHE_READ),
    Endpoint("cache-purge", "POST", Scope.CACHE_PURGE, 200, {"all": True, "dry_run": True}),
    Endpoint("cache-entry-list", "GET", Scope.CACHE_READ),
    # Of these there is none: whoever may is told so, and nobody else.
    Endpoint("cache-entry-detail", "GET", Scope.CACHE_READ, 404, {}, None, Things.of_entry),
    Endpoint("cache-entry-detail", "DELETE", Scope.CACHE_PURGE, 404, {}, None, Things.of_entry),
    Endpoint("cache-warm-list", "GET", Scope.CACHE_READ),
    Endpoint("cache-warm-list", "POST", Scope.CACHE_PURGE, 202),
    Endpoint("cache-warm-detail", "GET", Scope.CACHE_READ, 404, {}, None, Things.of_run),
    Endpoint("metrics-summary", "GET", Scope.CACHE_READ),
    # They tell of everybody's reflections.
    Endpoint("webhook-list", "GET", Scope.CONFIG_WRITE, bound=403),
    Endpoint("webhook-list", "POST", Scope.CONFIG_WRITE, 400, bound=403),
    *(
        Endpoint(route, method, Scope.CONFIG_WRITE, 404, arguments=arguments, bound=403)
        for route, method, arguments in (
            ("webhook-detail", "GET", Things.of_webhook),
            ("webhook-detail", "PATCH", Things.of_webhook),
            ("webhook-detail", "DELETE", Things.of_webhook),
            ("webhook-test", "POST", Things.of_webhook),
            ("webhook-deliveries", "GET", Things.of_webhook),
            ("webhook-delivery-retry", "POST", Things.of_delivery),
        )
    ),
    Endpoint("config", "GET", Scope.CONFIG_READ),
    Endpoint("config", "PATCH", Scope.CONFIG_WRITE, 200, {"caching": {"ttl_api": 5}}),
    Endpoint("config-history", "GET", Scope.CONFIG_READ),
    Endpoint("config-restore", "POST", Scope.CONFIG_WRITE, 200, {}, None, Things.of_revision),
    Endpoint("token-list", "GET", Scope.TOKEN_ISSUE),
    Endpoint("token-list", "POST", Scope.TOKEN_ISSUE, 201, A_TOKEN, 403),
    Endpoint("token-detail", "DELETE", Scope.TOKEN_ISSUE, 204, {}, 404, Things.of_token),
    Endpoint("metrics", "GET", Scope.CACHE_READ),
]
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)


class Callers:
    """Makes callers, and what they call for."""

    def __init__(self) -> None:
        self.web = User.objects.create_user("web")
        self.ada = User.objects.create_user("ada", password="pass")
        self.chief = User.objects.create_superuser("chief", password="pass")
        self.row: AccessToken | None = None

    def with_token(self, *scopes: str, owner: str = "") -> APIClient:
        """Return who holds a token; `row` is it."""
        # Who issues tokens may give away what they have.
        has = [*scopes, *(PERSONAL_SCOPES if Scope.TOKEN_ISSUE in scopes else ())]
        self.row, secret = AccessToken.objects.create(
            user=self.web, name="web", scopes=has, owner=owner, service=True
        )
        return bearer(secret)

    def things(self, submitter: User) -> Things:
        """Return what is called for: a reflection of somebody's, one of their tokens."""
        now = timezone.now()
        accepted = parse({"text": "hello", "owner": "ada"}, now)
        token_owner = None if submitter == self.ada else ""
        issued = AccessToken.objects.create(
            user=submitter,
            name="issued",
            scopes=["enrich:read"],
            owner="ada",
            issuer=self.row,
        )[0]
        reflection = submit(accepted, user=submitter, token_owner=token_owner)
        return Things(
            reflection=reflection,
            token=issued,
            revision=ConfigRevision.objects.create(overlay={}),
        )


@pytest.fixture
def callers() -> Callers:
    return Callers()


def ask(client: APIClient, endpoint: Endpoint, things: Things) -> int:
    name = endpoint.route if endpoint.route == "metrics" else f"api:{endpoint.route}"
    path = reverse(name, kwargs=endpoint.arguments(things))
    call = getattr(client, endpoint.method.lower())
    body = {} if endpoint.method == "GET" else {"data": endpoint.body, "format": "json"}
    return int(call(path, **body).status_code)


# The rows are complete


def routes() -> Iterator[tuple[str, str]]:
    """Yield name and method of everything under the API's addresses and /metrics."""
    for path, pattern in _patterns(get_resolver(), "/"):
        if path.startswith(VIEWED):
            view = pattern.callback.view_class
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                if hasattr(view, method.lower()):
                    yield str(pattern.name), method


def _patterns(resolver: URLResolver, path: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, here)
        else:
            yield here, pattern


def test_every_endpoint_has_its_row() -> None:
    """An endpoint without one, or a row without an endpoint, fails."""
    rows = [(endpoint.route, endpoint.method) for endpoint in ENDPOINTS]
    assert sorted(rows) == sorted(routes())


# Tokens


@EACH
def test_token_of_the_scope_gets_in(callers: Callers, endpoint: Endpoint) -> None:
    """Bound to none, it reaches what was submitted by its user."""
    client = callers.with_token(endpoint.scope)
    assert ask(client, endpoint, callers.things(callers.web)) == endpoint.ok


@EACH
def test_token_of_the_owner_gets_in(callers: Callers, endpoint: Endpoint) -> None:
    """Bound to the owner that it is about; not to what is about everybody."""
    client = callers.with_token(endpoint.scope, owner="ada")
    expected = endpoint.bound or endpoint.ok
    assert ask(client, endpoint, callers.things(callers.web)) == expected


@EACH
def test_token_of_another_owner_is_told_nothing(callers: Callers, endpoint: Endpoint) -> None:
    """What is ada's is not there for bob; what is nobody's is for all who may."""
    client = callers.with_token(endpoint.scope, owner="bob")
    mine = callers.row
    if endpoint.route.startswith("token"):
        callers.with_token(Scope.TOKEN_ISSUE, owner="ada")
    things = callers.things(callers.web)
    callers.row = mine
    expected = endpoint.bound or endpoint.stranger or endpoint.ok
    assert ask(client, endpoint, things) == expected


@EACH
def test_token_of_all_other_scopes_is_403(callers: Callers, endpoint: Endpoint) -> None:
    """None stands in for the one; only who issues tokens has more than that."""
    client = callers.with_token()
    AccessToken.objects.update(scopes=[scope for scope in Scope if scope != endpoint.scope])
    assert ask(client, endpoint, callers.things(callers.web)) == 403


@EACH
@pytest.mark.parametrize("how", ["none", "unknown", "expired", "revoked", "inactive"])
def test_without_a_token_that_works_it_is_401(
    callers: Callers, endpoint: Endpoint, how: str
) -> None:
    """And nothing is told of what is there."""
    client = callers.with_token(*Scope)
    things = callers.things(callers.web)
    match how:
        case "none":
            client = APIClient()
        case "unknown":
            client = bearer(uuid.uuid4().hex * 2)
        case "expired":
            AccessToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        case "revoked":
            AccessToken.objects.all().delete()
        case "inactive":
            User.objects.update(is_active=False)
    assert ask(client, endpoint, things) == 401


# Sessions


# The least of the groups that a scope takes; a superuser needs none.
GROUPS = {
    Scope.CACHE_READ: "viewer",
    Scope.CONFIG_READ: "viewer",
    Scope.CACHE_PURGE: "operator",
    Scope.CONFIG_WRITE: "admin",
}


@EACH
def test_session_of_a_superuser_gets_in(callers: Callers, endpoint: Endpoint) -> None:
    """Everywhere, and to what is anybody's."""
    client = signed_in(callers.chief)
    assert ask(client, endpoint, callers.things(callers.web)) == endpoint.ok


@EACH
@pytest.mark.parametrize("role", ROLES)
def test_session_of_a_group_gets_to_what_the_group_may(
    callers: Callers, endpoint: Endpoint, role: str
) -> None:
    """And to nobody else's reflections and tokens, but for an admin."""
    client = signed_in(member(role))
    if role == ADMIN:
        expected = endpoint.ok
    elif endpoint.personal:
        expected = endpoint.stranger or endpoint.ok
    else:
        enough = ROLES.index(role) >= ROLES.index(GROUPS[endpoint.scope])
        expected = endpoint.ok if enough else 403
    assert ask(client, endpoint, callers.things(callers.web)) == expected


@EACH
def test_session_of_a_person_gets_to_what_is_theirs(callers: Callers, endpoint: Endpoint) -> None:
    """And nowhere else."""
    client = signed_in(callers.ada)
    expected = endpoint.ok if endpoint.personal else 403
    assert ask(client, endpoint, callers.things(callers.ada)) == expected


@EACH
def test_session_of_a_person_gets_to_nothing_of_others(
    callers: Callers, endpoint: Endpoint
) -> None:
    """Of others, as if it were not there; an owner of the same name is somebody else."""
    client = signed_in(callers.ada)
    expected = (endpoint.stranger or endpoint.ok) if endpoint.personal else 403
    if endpoint.route == "token-list":
        expected = endpoint.ok
    assert ask(client, endpoint, callers.things(callers.web)) == expected


@EACH
@pytest.mark.parametrize("who", ["ada", "chief"])
def test_session_without_csrf_token_changes_nothing(
    callers: Callers, endpoint: Endpoint, who: str
) -> None:
    """Another site's page may at most have the browser read, and sees no answer."""
    person: User = getattr(callers, who)
    client = session_without_csrf(person)
    allowed = endpoint.method not in UNSAFE and (endpoint.personal or person.is_superuser)
    expected = endpoint.ok if allowed else 403
    assert ask(client, endpoint, callers.things(person)) == expected
