"""304 without the view: only where the view would say the same, in every header."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as site
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as property_settings
from hypothesis import strategies as st
from pytest_django import Settings

from enrichment import jobs
from enrichment.api.views import ReflectionDetail
from enrichment.models import Job, Reflection, Status
from enrichment.models.jobs import Priority
from perfsite import last_used, polling
from perfsite.models import AccessToken, Scope

pytestmark = pytest.mark.usefixtures("databases")

APP = "https://app.example.org"
READ = [Scope.ENRICH_READ.value]


@pytest.fixture
def web() -> User:
    """A web app's user, who submits for its people."""
    return User.objects.create_user("web")


def token(user: User, owner: str | None = "", scopes: list[str] = READ, **fields: Any) -> str:
    """Make a token; return its secret."""
    created = AccessToken.objects.create(
        user=user, name="web", owner=owner, scopes=scopes, service=True, **fields
    )
    return str(created[1])


def place_of(reflection: Reflection) -> str:
    return f"/api/v1/reflections/{reflection.pk}/"


def submitted(user: User, status: Status = Status.COMPLETE) -> str:
    """Return the place of a reflection of ada that a user submitted."""
    reflection = Reflection.objects.create(
        text="x", owner="ada", submitted_by=user, key_scope="site", timestamp=timezone.now()
    )
    jobs.create(reflection, priority=Priority.INTERACTIVE, status=status)
    return place_of(reflection)


def asked(secret: str, tag: str = "*", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", "If-None-Match": tag, **more}


def ask(place: str, headers: dict[str, str], method: str = "get") -> tuple[Any, ...]:
    """Return all that an answer says."""
    # Else each has a name of its own.
    named = {"X-Request-ID": "one-and-the-same", **headers}
    answer = getattr(Client(raise_request_exception=False), method)(place, headers=named)
    return answer.status_code, sorted(answer.headers.items()), answer.content


def ask_the_view(*request: Any) -> tuple[Any, ...]:
    """Return what is answered where this middleware is not."""
    others = [name for name in site.MIDDLEWARE if name != "perfsite.polling.Unchanged"]
    with override_settings(MIDDLEWARE=others):
        return ask(*request)


@contextmanager
def watched_view(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield the methods that come to the view of a reflection."""
    seen: list[str] = []
    dispatch = ReflectionDetail.dispatch

    def watched(view: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(request.method)
        return dispatch(view, request, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(ReflectionDetail, "dispatch", watched)
        yield seen


@pytest.mark.parametrize("owner", ["ada", "", None])
@pytest.mark.parametrize("method", ["get", "head"])
def test_unchanged_costs_two_statements_and_no_view(
    web: User, monkeypatch: pytest.MonkeyPatch, owner: str | None, method: str
) -> None:
    """The token and the state; for an owner's token, a service's and a person's."""
    place, secret = submitted(web), token(web, owner)
    ask(place, asked(secret), method)

    with watched_view(monkeypatch) as seen, CaptureQueriesContext(connection) as queries:
        code, _, content = ask(place, asked(secret), method)

    assert (code, content) == (304, b"")
    assert seen == []
    assert len(queries) == 2


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.QUEUED, Status.FAILED])
@pytest.mark.parametrize("origin", [{}, {"Origin": APP}, {"Origin": "https://evil.example"}])
def test_answer_is_the_views_header_for_header(
    web: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    status: Status,
    origin: dict[str, str],
) -> None:
    """While it is worked on and finished, to a page of another origin and to others."""
    settings.CORS_ALLOWED_ORIGINS = [APP]
    place, headers = submitted(web, status), asked(token(web), **origin)

    with watched_view(monkeypatch) as seen:
        lean = ask(place, headers)
    with watched_view(monkeypatch) as seen_then:
        whole = ask_the_view(place, headers)

    assert (seen, seen_then) == ([], ["GET"])
    assert lean[0] == 304
    assert lean == whole


def refused(web: User) -> dict[str, tuple[str, dict[str, str], int]]:
    """Return places and headers of those who may not, or not so, and what they are answered."""
    place, other = submitted(web), User.objects.create_user("other")
    stranger, gone = submitted(other), User.objects.create_user("gone", is_active=False)
    deleted = submitted(web)
    Reflection.objects.filter(pk=deleted.split("/")[-2]).delete()
    revoked, good = token(web), token(web)
    AccessToken.objects.filter(token_key=revoked[:15]).delete()
    of_bob, expired = token(web, "bob"), token(web, expiry=timedelta(seconds=-1))
    run_only = token(web, scopes=[Scope.ENRICH_RUN.value, Scope.CACHE_READ.value])
    return {
        "wrong scope": (place, asked(run_only), 403),
        "no scope": (place, asked(token(web, scopes=[])), 403),
        "expired": (place, asked(expired), 401),
        "revoked": (place, asked(revoked), 401),
        "inactive user": (submitted(gone), asked(token(gone)), 401),
        "other owner": (place, asked(of_bob), 404),
        "other submitter": (stranger, asked(good), 404),
        "other submitter, a person": (stranger, asked(token(web, None)), 404),
        "unknown": (f"/api/v1/reflections/{uuid4()}/", asked(good), 404),
        "deleted": (deleted, asked(good), 404),
        "no token": (place, {"If-None-Match": "*"}, 401),
        "a hash for a token": (place, asked(AccessToken.objects.first().digest), 401),
        "another scheme": (place, {**asked(good), "Authorization": f"Token {good}"}, 401),
        "two tokens": (place, {**asked(good), "Authorization": f"Bearer {good} {good}"}, 401),
        "no tag": (place, asked(good, ""), 200),
        "another tag": (place, asked(good, 'W/"x"'), 200),
        "a token in the address": (f"{place}?token={good}", asked(good), 401),
        "an unknown parameter": (f"{place}?x=1", asked(good), 400),
        "only HTML": (place, asked(good, Accept="text/html"), 406),
        "nothing accepted": (place, asked(good, Accept=""), 406),
        "another host": (place, asked(good, Host="evil.example"), 400),
    }


def test_who_may_not_is_answered_by_the_view(web: User) -> None:
    """The same status, headers and words as without the middleware."""
    for name, (place, headers, status) in refused(web).items():
        lean = ask(place, headers)
        whole = ask_the_view(place, headers)
        assert lean[0] == status, name
        assert lean == whole, name


def test_who_sees_all_is_answered_by_the_view(web: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether somebody is staff is not asked here."""
    staff = User.objects.create_user("staff")
    staff.user_permissions.add(Permission.objects.get(codename="view_text"))

    with watched_view(monkeypatch) as seen:
        code, _, _ = ask(submitted(web), asked(token(staff)))

    assert (code, seen) == (304, ["GET"])


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
TYPES = st.sampled_from(
    ["*/*", "application/json", "application/*", "text/html", "application/json;q=0", "x", ""]
)
AUTHORIZATIONS = st.one_of(
    st.sampled_from(["Bearer {}", "bearer {}", "BEARER  {}", "Bearer {} ", "Bearer\t{}", "{}"]),
    st.builds("{0}{{}}{1}".format, st.sampled_from(["", "Bearer ", "x "]), st.sampled_from("x, ")),
)


@given(
    method=st.sampled_from(["get", "head", "options", "trace"]),
    authorization=AUTHORIZATIONS,
    accept=st.none() | st.lists(TYPES, min_size=1, max_size=4).map(", ".join) | WORDS,
    condition=st.sampled_from(["{}", "*", 'W/"x", {}', "{}, *", "", "x{}"]) | st.none(),
    query=st.sampled_from(["", "", "?", "?wait=0", "?wait=x", "?x"]),
    cookie=st.sampled_from([None, "sessionid=x", "csrftoken=x", "sessionid="]),
)
@example("get", "Bearer {}", "text/html, */*", "{}", "", None)
@property_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_request_is_answered_as_without_it(
    web: User,
    method: str,
    authorization: str,
    accept: str | None,
    condition: str | None,
    query: str,
    cookie: str | None,
) -> None:
    """Whatever the headers, the two ways can't be told apart."""
    place, secret = submitted(web, Status.QUEUED), token(web)
    tag = dict(ask(place, asked(secret))[1])["ETag"]
    headers = {"Authorization": authorization.replace("{}", secret)}
    if accept is not None:
        headers["Accept"] = accept
    if condition is not None:
        headers["If-None-Match"] = condition.replace("{}", tag)
    if cookie is not None:
        headers["Cookie"] = cookie
    request = (place + query, headers, method)

    assert ask(*request) == ask_the_view(*request)


def test_poll_counts_as_one_read_of_its_token(web: User, settings: Settings) -> None:
    """The same reads as of the view; beyond the limit it is the same 429."""
    settings.THROTTLES = {**settings.THROTTLES, "read": 4}
    place, secret = submitted(web), token(web)

    codes = [ask(place, asked(secret, tag))[0] for tag in ("*", '"x"', "*", '"x"', "*", '"x"')]

    assert codes == [304, 200, 304, 200, 429, 429]
    lean, whole = ask(place, asked(secret)), ask_the_view(place, asked(secret))
    assert lean[0] == 429
    assert {name for name, _ in lean[1]} == {name for name, _ in whole[1]}
    assert "Retry-After" in dict(lean[1])


def test_limit_of_0_is_none(web: User, settings: Settings) -> None:
    """Nothing is counted."""
    settings.THROTTLES = {**settings.THROTTLES, "read": 0}
    place, secret = submitted(web), token(web)

    assert [ask(place, asked(secret))[0] for _ in range(3)] == [304] * 3


def test_database_that_fails_it_is_the_views_affair(
    web: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which knows what to say; here it has better luck."""
    place, secret = submitted(web), token(web)

    def away(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(polling, "state_of", away)
    with watched_view(monkeypatch) as seen:
        assert ask(place, asked(secret))[0] == 304

    assert seen == ["GET"]


def test_poll_is_a_use_of_its_token(web: User) -> None:
    """It is shown in the list of tokens."""
    place, secret = submitted(web), token(web)
    assert ask(place, asked(secret))[0] == 304

    last_used.flush()

    assert AccessToken.objects.get().last_used_at is not None


def test_poll_sees_what_was_just_written(web: User) -> None:
    """Nothing is remembered between two polls."""
    place, secret = submitted(web, Status.QUEUED), token(web)
    tag = dict(ask(place, asked(secret))[1])["ETag"]
    assert ask(place, asked(secret, tag))[0] == 304

    Job.objects.update(status=Status.STAGE1_COMPLETE)
    assert ask(place, asked(secret, tag))[0] == 200

    AccessToken.objects.update(scopes=[])
    assert ask(place, asked(secret))[0] == 403
    AccessToken.objects.all().delete()
    assert ask(place, asked(secret))[0] == 401
