"""Who may call the API: tokens by scope, people by role, nobody else."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from perfsite import token_lookup
from perfsite.models import AccessToken, Scope
from tests.clients import member

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

STATS = "/api/v1/cache/stats/"
NOBODYS = UUID(int=1)
WEBHOOKS = "/api/v1/webhooks/"
ENDPOINTS = [
    ("post", "/api/v1/reflections/", Scope.ENRICH_RUN),
    ("get", f"/api/v1/reflections/{NOBODYS}/", Scope.ENRICH_READ),
    ("delete", f"/api/v1/reflections/{NOBODYS}/", Scope.ENRICH_RUN),
    ("post", "/api/v1/reflections/retry/", Scope.ENRICH_RUN),
    ("post", "/api/v1/reflections/cancel/", Scope.ENRICH_RUN),
    ("get", STATS, Scope.CACHE_READ),
    ("post", "/api/v1/cache/purge/", Scope.CACHE_PURGE),
    ("get", "/metrics", Scope.CACHE_READ),
    ("get", WEBHOOKS, Scope.CONFIG_WRITE),
    ("post", WEBHOOKS, Scope.CONFIG_WRITE),
    ("get", f"{WEBHOOKS}{NOBODYS}/", Scope.CONFIG_WRITE),
    ("patch", f"{WEBHOOKS}{NOBODYS}/", Scope.CONFIG_WRITE),
    ("delete", f"{WEBHOOKS}{NOBODYS}/", Scope.CONFIG_WRITE),
    ("post", f"{WEBHOOKS}{NOBODYS}/test/", Scope.CONFIG_WRITE),
    ("get", f"{WEBHOOKS}{NOBODYS}/deliveries/", Scope.CONFIG_WRITE),
    ("post", f"{WEBHOOKS}{NOBODYS}/deliveries/{NOBODYS}/retry/", Scope.CONFIG_WRITE),
]


def _bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def _token(**fields: Any) -> tuple[AccessToken, str]:
    user, _ = User.objects.get_or_create(username="web")
    return AccessToken.objects.create(
        user=user, name="web", **{"scopes": [Scope.CACHE_READ], "service": True, **fields}
    )


def _signed_in(user: User) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    return client


# Tokens


def test_token_is_found_as_it_was_made_with_its_user() -> None:
    """Each column of both comes back as the ORM reads it: names, scopes, times, ids."""
    made, _ = _token(owner=None, scopes=[Scope.CACHE_READ, Scope.ENRICH_RUN])

    found = token_lookup.find(made.digest)

    kept = AccessToken.objects.select_related("user").get(digest=made.digest)
    assert found is not None
    for row, as_kept in ((found, kept), (found.user, kept.user)):
        names = [field.attname for field in row._meta.concrete_fields]
        assert [getattr(row, name) for name in names] == [getattr(as_kept, name) for name in names]


def test_unknown_digest_is_nobodys_token() -> None:
    """A token that was revoked, or never was, is not found."""
    _token()

    assert token_lookup.find("0" * 128) is None


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
def test_token_of_the_scope_alone_gets_in(api: Any, method: str, path: str, scope: Scope) -> None:
    """An endpoint wants its one scope; an empty request is then judged by what it asks."""
    assert getattr(api(scope), method)(path, {}, format="json").status_code in {200, 400, 404}


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
def test_token_of_all_other_scopes_is_403(api: Any, method: str, path: str, scope: Scope) -> None:
    """No other scope, nor all of them together, stands in for the one."""
    others = [other for other in Scope if other != scope]
    response = getattr(api(*others), method)(path, {}, format="json")
    assert response.status_code == 403
    assert response.json()["detail"] == "This needs another scope or permission."


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
def test_anonymous_is_401_and_told_how_to_come_in(method: str, path: str, scope: Scope) -> None:
    """Without credentials the answer says which kind is wanted."""
    response = getattr(APIClient(), method)(path, {}, format="json")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_token_without_scopes_is_403(api: Any) -> None:
    """A token may do nothing but what it names."""
    assert api().get(STATS).status_code == 403


def test_token_of_staff_has_no_more_than_its_scopes(api: Any) -> None:
    """Who owns a token does not widen it."""
    client = api(Scope.ENRICH_READ, name="chief")
    User.objects.filter(username="chief").update(is_staff=True, is_superuser=True)
    assert client.get(STATS).status_code == 403


def test_token_expired_is_401() -> None:
    """A token ends on its day."""
    _, token = _token(expiry=timedelta(seconds=-1))
    response = _bearer(token).get(STATS)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_token_deleted_is_401() -> None:
    """A token that was taken back opens nothing."""
    kept, token = _token()
    kept.delete()
    assert _bearer(token).get(STATS).status_code == 401


def test_token_of_an_inactive_user_is_401() -> None:
    """Nor does one whose user was shut out."""
    _, token = _token()
    User.objects.update(is_active=False)
    assert _bearer(token).get(STATS).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer garbage", "Bearer", "Bearer a b", f"Bearer {'0' * 64}", "Bearer \x00", "Bearer é"],
)
def test_token_garbage_is_401(header: str) -> None:
    """What is no token of ours is answered as no token."""
    _token()
    response = APIClient().get(STATS, HTTP_AUTHORIZATION=header)
    assert response.status_code == 401
    assert response.json()["status"] == 401


@pytest.mark.parametrize("scheme", ["Token", "Basic"])
def test_token_of_another_scheme_is_401(scheme: str) -> None:
    """A token comes as Bearer."""
    _, token = _token()
    response = APIClient().get(STATS, HTTP_AUTHORIZATION=f"{scheme} {token}")
    assert response.status_code == 401


def test_token_is_kept_as_its_hash_alone() -> None:
    """Who reads the table can't use what is in it."""
    kept, token = _token()
    stored = " ".join(str(value) for value in AccessToken.objects.values_list().get())
    assert token not in stored
    assert kept.digest in stored


# People


def test_session_of_a_person_reaches_what_is_personal(person: User) -> None:
    """Anybody who can sign in may read reflections; which ones is not decided here."""
    assert _signed_in(person).get(f"/api/v1/reflections/{NOBODYS}/").status_code == 404


def test_session_of_a_person_does_not_reach_the_cache(person: User) -> None:
    """The cache's numbers take a permission."""
    assert _signed_in(person).get(STATS).status_code == 403


def test_session_of_a_viewer_reaches_the_cache() -> None:
    """Who has the permission needs no token."""
    assert _signed_in(member("viewer")).get(STATS).status_code == 200


def test_session_of_staff_alone_does_not_reach_the_cache(person: User) -> None:
    """To be let into the admin is no permission."""
    User.objects.update(is_staff=True)
    person.refresh_from_db()
    assert _signed_in(person).get(STATS).status_code == 403


@pytest.mark.parametrize("path", ["/api/v1/reflections/", "/api/v1/cache/purge/"])
def test_session_that_writes_without_csrf_token_is_403(person: User, path: str) -> None:
    """Another site can't make a signed-in browser write."""
    User.objects.update(is_superuser=True)
    person.refresh_from_db()
    response = _signed_in(person).post(path, {}, format="json")
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]


def test_session_that_writes_with_csrf_token_gets_in(person: User) -> None:
    """Our own pages send the token, and the request is judged by what it asks."""
    client = _signed_in(person)
    client.get("/login/")
    token = client.cookies["csrftoken"].value
    response = client.post("/api/v1/reflections/", {}, format="json", HTTP_X_CSRFTOKEN=token)
    assert response.status_code == 400


def test_token_needs_no_csrf_token() -> None:
    """A browser does not add a token by itself, so nothing is to be forged."""
    _, token = _token(scopes=[Scope.CACHE_PURGE])
    client = APIClient(enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.post("/api/v1/cache/purge/", {}, format="json").status_code == 400


# The rule itself


class _Door(APIView):
    """A view with a scope for GET, and a POST whose author forgot to name one."""

    required_scopes: ClassVar = {}

    def get(self, _request: Request) -> Response:
        return Response("in")

    def post(self, _request: Request) -> Response:
        return Response("in")


def _knock(method: str, user: User, token: AccessToken | None, needed: str = "") -> int:
    request = getattr(APIRequestFactory(), method)("/")
    force_authenticate(request, user, token)
    view = type("Door", (_Door,), {"required_scopes": {"GET": needed} if needed else {}})
    return int(view.as_view()(request).status_code)


@pytest.mark.parametrize("needed", Scope)
@pytest.mark.parametrize("held", Scope)
def test_scope_opens_its_own_door_only(held: Scope, needed: Scope) -> None:
    """Of all pairs of scopes, just the equal ones fit."""
    token, _ = _token(scopes=[held.value])
    assert _knock("get", token.user, token, needed) == (200 if held == needed else 403)


ADDED = {
    "viewer": {Scope.CACHE_READ, Scope.CONFIG_READ},
    "operator": {Scope.CACHE_PURGE},
    "admin": {Scope.CONFIG_WRITE},
}


@pytest.mark.parametrize("needed", Scope)
@pytest.mark.parametrize("role", ["", *ADDED])
def test_scope_of_a_session_follows_the_permissions(needed: Scope, role: str) -> None:
    """What is personal is open to anybody; each group opens more than the one before."""
    user = member(role) if role else User.objects.create_user("ada")
    opened = {Scope.ENRICH_RUN, Scope.ENRICH_READ, Scope.TOKEN_ISSUE}
    for each in list(ADDED)[: list(ADDED).index(role) + 1] if role else []:
        opened |= ADDED[each]
    assert _knock("get", user, None, needed) == (200 if needed in opened else 403)


def test_scope_forgotten_by_a_view_closes_it(person: User) -> None:
    """A method without a scope is closed to everybody, not open."""
    person.is_staff = person.is_superuser = True
    token, _ = _token(scopes=Scope.values)
    assert _knock("get", person, None) == 403
    assert _knock("post", token.user, token) == 403


def test_scope_of_a_method_that_is_not_there_is_405(person: User) -> None:
    """What a view can't do is told as that."""
    assert _knock("put", person, None, Scope.ENRICH_READ) == 405


def test_scope_of_head_is_that_of_get(person: User) -> None:
    """HEAD tells no more and no less than GET does."""
    assert _knock("head", person, None, Scope.ENRICH_READ) == 200
    assert _knock("head", person, None, Scope.CACHE_READ) == 403
