"""Tokens over HTTP: who may make, see and revoke which."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from enrichment import jobs
from enrichment.models import Reflection, Status
from enrichment.models.jobs import Priority
from perfsite import last_used, tokens
from perfsite.models import AccessToken, Scope
from perfsite.throttles import who
from tests.clients import bearer, session_without_csrf, signed_in
from tests.threads import at_once

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

TOKENS = "/api/v1/auth/tokens/"
REFLECTIONS = "/api/v1/reflections/"
BOTH = ["enrich:run", "enrich:read"]
PERSONAL = {"name": "my script", "scopes": BOTH}


@pytest.fixture
def chief() -> User:
    """Who may see all."""
    return User.objects.create_superuser("chief", password="pass")


def made(client: APIClient, **body: Any) -> dict[str, Any]:
    answer = client.post(TOKENS, {**PERSONAL, **body}, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def listed(client: APIClient) -> list[str]:
    return [token["name"] for token in client.get(TOKENS).json()["results"]]


def lifetime(token: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(token["expires_at"]) - timezone.now()


# People


def test_person_makes_a_token_for_what_they_may_do(person: User) -> None:
    """It is bound to their own name, lives 90 days, and opens what its scopes say."""
    token = made(signed_in(person))

    assert (token["owner"], token["scopes"]) == ("ada", BOTH)
    assert timedelta(days=89) < lifetime(token) <= timedelta(days=90)
    client = bearer(token["token"])
    assert client.post(REFLECTIONS, {"text": "hello"}, format="json").status_code == 202
    assert client.get("/api/v1/cache/stats/").status_code == 403


def test_person_by_token_reaches_what_the_session_reaches_and_no_more(person: User) -> None:
    """A web app's user of the same name stays a stranger; so does what others submitted."""
    web = User.objects.create_user("web")
    now = timezone.now()
    stranger = Reflection.objects.create(text="x", owner="ada", submitted_by=web, timestamp=now)
    mine = signed_in(person).post(REFLECTIONS, {"text": "mine"}, format="json").json()

    client = bearer(made(signed_in(person))["token"])

    assert client.get(f"{REFLECTIONS}{mine['id']}/").status_code == 200
    assert client.get(f"{REFLECTIONS}{stranger.pk}/").status_code == 404


def test_person_by_token_shares_answers_with_themselves_alone(person: User) -> None:
    """What is submitted by token has the owner and the share of the cache of the session."""
    session, token = signed_in(person), bearer(made(signed_in(person))["token"])
    for client in (session, token):
        client.post(REFLECTIONS, {"text": "hello"}, format="json")

    kinds = set(Reflection.objects.values_list("owner", "key_scope", "submitted_by"))
    assert kinds == {("ada", f"user:{person.pk}", person.pk)}


@pytest.mark.parametrize("owner", [None, "", "ada"])
def test_person_may_name_themselves_or_nobody(person: User, owner: str | None) -> None:
    """All are the same."""
    assert made(signed_in(person), owner=owner)["owner"] == "ada"


@pytest.mark.parametrize(
    "wish", [{"owner": "bob"}, {"scopes": ["cache:read"]}, {"scopes": ["token:issue"]}]
)
def test_person_gives_away_no_more_than_they_have(person: User, wish: dict[str, Any]) -> None:
    """Another's name, a scope that takes a permission: 403, and nothing is made."""
    answer = signed_in(person).post(TOKENS, {**PERSONAL, **wish}, format="json")
    assert answer.status_code == 403
    assert not AccessToken.objects.exists()


def test_superuser_gives_away_any_scope_and_owner(chief: User) -> None:
    """And without an owner a token is bound to none."""
    client = signed_in(chief)
    assert made(client, scopes=Scope.values)["owner"] == ""
    assert made(client, owner="bob", days=1)["owner"] == "bob"


def test_lists_are_newest_first_and_each_sees_what_is_theirs(person: User, chief: User) -> None:
    """A person their own, a superuser all."""
    made(signed_in(person), name="a")
    made(signed_in(chief), name="b")
    made(signed_in(person), name="c")

    assert listed(signed_in(person)) == ["c", "a"]
    assert listed(signed_in(chief)) == ["c", "b", "a"]


def test_secret_and_its_hash_are_in_no_list(person: User) -> None:
    """What was shown once is shown no more, nor anything that it could be found by."""
    client = signed_in(person)
    secret = made(client)["token"]
    row = AccessToken.objects.get()

    told = client.get(TOKENS).content.decode()

    assert not any(part in told for part in (secret, row.digest, row.token_key))
    assert str(row.public_id).replace("-", "") not in row.digest


def test_secret_is_kept_by_no_cache(person: User) -> None:
    """Neither a browser nor a proxy keeps an answer with a secret."""
    answer = signed_in(person).post(TOKENS, PERSONAL, format="json")
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_revoked_token_opens_nothing_at_once(person: User) -> None:
    """The answer's address is the token's."""
    client = signed_in(person)
    answer = client.post(TOKENS, PERSONAL, format="json")
    token = bearer(answer.json()["token"])
    assert token.get(f"{REFLECTIONS}{answer.json()['id']}/").status_code == 404

    assert client.delete(answer.headers["Location"]).status_code == 204

    assert token.get(f"{REFLECTIONS}{answer.json()['id']}/").status_code == 401


def test_token_of_somebody_else_is_not_found_and_stays(person: User, chief: User) -> None:
    """A superuser may revoke anybody's."""
    where = f"{TOKENS}{made(signed_in(chief))['id']}/"
    assert signed_in(person).delete(where).status_code == 404
    assert signed_in(chief).delete(where).status_code == 204


@pytest.mark.parametrize("method", ["post", "delete"])
def test_session_without_csrf_token_changes_nothing(person: User, method: str) -> None:
    """Another site's page can't make or revoke tokens with a signed-in browser."""
    token = made(signed_in(person))
    client = session_without_csrf(person)
    where = TOKENS if method == "post" else f"{TOKENS}{token['id']}/"
    assert getattr(client, method)(where, PERSONAL, format="json").status_code == 403
    assert AccessToken.objects.count() == 1


# A web app's server


@pytest.fixture
def issuer(api: Any) -> Iterator[APIClient]:
    """A server that may enrich and issue."""
    return api("enrich:run", "enrich:read", "token:issue")  # type: ignore[no-any-return]


def test_issued_token_is_bound_and_lives_an_hour_at_most(issuer: APIClient, model: Any) -> None:
    """It submits and reads in its owner's name; another owner's reflections are not found."""
    ada, bob = (bearer(made(issuer, owner=owner)["token"]) for owner in ("ada", "bob"))

    submitted = ada.post(REFLECTIONS, {"text": "hello"}, format="json")

    where = submitted.headers["Location"]
    assert (ada.get(where).status_code, bob.get(where).status_code) == (200, 404)
    assert submitted.json()["owner"] == "ada"
    token = issuer.get(TOKENS).json()["results"][0]
    assert timedelta(minutes=59) < lifetime(token) <= timedelta(hours=1)


def test_issued_token_may_live_shorter(issuer: APIClient) -> None:
    """A few minutes will do for one page."""
    assert lifetime(made(issuer, owner="ada", expires_in_seconds=60)) <= timedelta(seconds=60)


@pytest.mark.parametrize(
    "wish",
    [
        {"owner": None},
        {"owner": "ada", "expires_in_seconds": 3601},
        {"owner": "ada", "days": 1},
        {"owner": "ada", "scopes": ["token:issue"]},
        {"owner": "ada", "scopes": ["cache:read"]},
    ],
)
def test_issuer_gives_away_no_more_than_it_may(issuer: APIClient, wish: dict[str, Any]) -> None:
    """No unbound one, none that lives longer, none of another scope."""
    answer = issuer.post(TOKENS, {**PERSONAL, **wish}, format="json")
    assert answer.status_code == 403
    assert AccessToken.objects.count() == 1


def test_issuer_gives_no_scope_that_it_lacks(api: Any) -> None:
    """One that may only read issues none that runs."""
    client = api("enrich:read", "token:issue")
    answer = client.post(TOKENS, {**PERSONAL, "owner": "ada"}, format="json")
    assert answer.status_code == 403
    assert made(client, owner="ada", scopes=["enrich:read"])


def test_issuer_that_is_bound_issues_for_its_owner_alone(api: Any) -> None:
    """Nobody gets out of an owner by issuing."""
    client = api("enrich:run", "enrich:read", "token:issue", owner="ada")
    assert client.post(TOKENS, {**PERSONAL, "owner": "bob"}, format="json").status_code == 403
    assert made(client, owner="ada")


def test_issuer_sees_and_revokes_what_it_issued_alone(issuer: APIClient, api: Any) -> None:
    """Not its own, not its user's others, not another issuer's."""
    mine = made(issuer, name="mine", owner="ada")
    other = made(api("enrich:run", "enrich:read", "token:issue"), name="other", owner="ada")

    assert listed(issuer) == ["mine"]
    assert issuer.delete(f"{TOKENS}{other['id']}/").status_code == 404
    assert issuer.delete(f"{TOKENS}{mine['id']}/").status_code == 204


def test_issuer_takes_along_what_it_issued(issuer: APIClient) -> None:
    """Who got hold of a server's token keeps nothing by having issued some."""
    issued = bearer(made(issuer, owner="ada")["token"])
    AccessToken.objects.filter(issuer=None).delete()
    assert issued.get(f"{REFLECTIONS}{AccessToken().public_id}/").status_code == 401


def test_issued_token_lives_no_longer_than_its_issuer(issuer: APIClient) -> None:
    """An hour before the end nothing is issued for an hour."""
    AccessToken.objects.update(expiry=timezone.now() + timedelta(minutes=5))
    assert lifetime(made(issuer, owner="ada")) <= timedelta(minutes=5)


# Bodies and pages


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 151}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "enrich:run"}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": [["enrich:run"]]}, "scopes"),
        ({"scopes": [None]}, "scopes"),
        ({"owner": "\x00"}, "owner"),
        ({"owner": 1}, "owner"),
        ({"days": 0}, "days"),
        ({"days": 3651}, "days"),
        ({"days": True}, "days"),
        ({"days": "1"}, "days"),
        ({"days": 1, "expires_in_seconds": 1}, "days"),
        ({"expires_in_seconds": 0}, "expires_in_seconds"),
        ({"expires_in_seconds": 10**18}, "expires_in_seconds"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_body_wrong_is_told_by_field(chief: User, wish: dict[str, Any], field: str) -> None:
    """Each field says what is accepted, and nothing is made."""
    answer = signed_in(chief).post(TOKENS, {**PERSONAL, **wish}, format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not AccessToken.objects.exists()


def test_pages_hold_each_token_once(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """From page to page by `next`, also where several were made in one moment."""
    monkeypatch.setattr("perfsite.token_views.PAGE_SIZE", 2)
    client = signed_in(person)
    names = [made(client, name=str(number))["name"] for number in range(5)]
    AccessToken.objects.filter(name__in=["1", "2", "3"]).update(created=timezone.now())

    found, where = [], TOKENS
    while where:
        page = client.get(where).json()
        found += [token["name"] for token in page["results"]]
        where = page["next"]

    assert sorted(found) == names


@pytest.mark.parametrize("cursor", ["", "x", "1", "9" * 40, "1.00"])
def test_cursor_that_is_none_of_ours_is_told(person: User, cursor: str) -> None:
    """It is no fault of ours, nor taken for the first page."""
    answer = signed_in(person).get(TOKENS, {"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_long_expired_tokens_go_when_one_is_made(person: User) -> None:
    """A week after its end nobody wonders any more."""
    client = signed_in(person)
    for name, days in (("old", 8), ("late", 6)):
        made(client, name=name)
        AccessToken.objects.filter(name=name).update(expiry=timezone.now() - timedelta(days=days))
    made(client, name="new")
    assert listed(client) == ["new", "late"]


# On the hot path


def test_look_up_of_a_token_is_one_query(api: Any) -> None:
    """However many tokens its user has, and whether or not some have expired."""
    for _ in range(3):
        api(Scope.CONFIG_READ)
        User.objects.get().auth_token_set.update(name="other")
    client = api(Scope.CONFIG_READ)
    AccessToken.objects.exclude(name="web").update(expiry=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert client.get(TOKENS).status_code == 403
    assert len(queries) == 1


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "Authorization"])
@pytest.mark.parametrize("header", [True, False])
def test_token_in_the_address_is_refused(api: Any, name: str, header: bool) -> None:
    """Also beside a good header: it stands in somebody's log now."""
    client = api(Scope.CACHE_READ) if header else APIClient()
    answer = client.get(f"/api/v1/cache/stats/?{name}=abc")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "address" in answer.json()["detail"]


def test_last_use_is_shown_and_written_at_most_once_a_minute(person: User) -> None:
    """Several uses are one write; a minute later it is another."""
    client = signed_in(person)
    token = bearer(made(client)["token"])
    assert client.get(TOKENS).json()["results"][0]["last_used_at"] is None

    token.get(f"{REFLECTIONS}{AccessToken().public_id}/")
    last_used.flush()
    first = client.get(TOKENS).json()["results"][0]["last_used_at"]
    token.get(f"{REFLECTIONS}{AccessToken().public_id}/")
    last_used.flush()

    assert first is not None
    assert client.get(TOKENS).json()["results"][0]["last_used_at"] == first
    AccessToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    token.get(f"{REFLECTIONS}{AccessToken().public_id}/")
    last_used.flush()
    assert client.get(TOKENS).json()["results"][0]["last_used_at"] > first


# What a bound token reaches


def reaches(secret: str, reflection: Reflection) -> tuple[bool, bool, bool, bool]:
    """Return whether a token lists, reads, polls and deletes a reflection."""
    client = bearer(secret)
    place = f"{REFLECTIONS}{reflection.pk}/"
    listed = str(reflection.pk) in str(client.get(REFLECTIONS).json())
    read = client.get(place).status_code == 200
    polled = client.get(place, headers={"If-None-Match": "*"}).status_code == 304
    return listed, read, polled, client.delete(place).status_code == 204


def written(owner: str, user: User, key_scope: str) -> Reflection:
    reflection = Reflection.objects.create(
        text="x", owner=owner, submitted_by=user, key_scope=key_scope, timestamp=timezone.now()
    )
    jobs.create(reflection, priority=Priority.INTERACTIVE, status=Status.COMPLETE)
    return reflection


def bound(user: User, issuer: AccessToken | None = None) -> tuple[AccessToken, str]:
    return tokens.make(
        tokens.Wanted(name="bound", scopes=BOTH, owner="ada"),
        user=user,
        issuer=issuer,
        service=True,
    )


@pytest.mark.parametrize("issued", [False, True])
def test_bound_token_never_reaches_a_person_of_that_name(person: User, issued: bool) -> None:
    """Whatever is asked; not even where the token's user is that person."""
    issuer = bound(person)[0] if issued else None
    theirs = written("ada", person, f"user:{person.pk}")
    assert not any(reaches(bound(person, issuer)[1], theirs))


def test_issued_token_reaches_what_its_user_submitted_and_no_more() -> None:
    """One that was made for the owner reaches what others submitted as well."""
    web, other = User.objects.create_user("web"), User.objects.create_user("other")
    issuer, whole = bound(web)
    _, issued = bound(web, issuer)

    assert not any(reaches(issued, written("ada", other, "site")))
    assert all(reaches(issued, written("ada", web, "owner:ada")))
    assert all(reaches(whole, written("ada", other, "site")))


# Limits of people


def test_many_tokens_are_counted_as_one(person: User) -> None:
    """A person's as the person, issued ones by who issued them and for whom."""
    one, two = uuid4(), uuid4()
    assert who(one, 1, None, None) == who(two, 1, None, None) == "user:1"
    assert who(one, 1, "ada", "x") == who(two, 1, "ada", "x") != who(two, 1, "bob", "x")
    assert who(one, 1, "ada", None) != who(two, 1, "ada", None)


def test_person_has_a_hundred_tokens_of_a_year_at_most(person: User) -> None:
    """More is refused, and says what there may be."""
    client = signed_in(person)
    answer = client.post(TOKENS, {**PERSONAL, "days": 366}, format="json")
    assert (answer.status_code, "365" in answer.json()["detail"]) == (403, True)
    for _ in range(100):
        bound(person)
    answer = client.post(TOKENS, PERSONAL, format="json")
    assert (answer.status_code, "100" in answer.json()["detail"]) == (403, True)


def test_person_has_a_hundred_tokens_however_many_are_asked_for_at_once(
    main_database: None, person: User
) -> None:
    """Of eight requests that find room for one token, one makes it."""
    for _ in range(99):
        bound(person)
    wanted = tokens.Wanted(name="my script", scopes=BOTH)
    raised = [done.exception() for done in at_once(lambda: tokens.make_for(person, wanted), 8)]
    assert raised.count(None) == 1
    assert all(isinstance(exc, tokens.NotAllowed) for exc in raised if exc)
    assert AccessToken.objects.filter(user=person).count() == 100
