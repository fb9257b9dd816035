"""manage.py create_token: prints a token once, and keeps its hash alone."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from perfsite.management.commands.create_token import Command
from perfsite.models import AccessToken

pytestmark = pytest.mark.django_db(databases=["default", "cache"])


def _run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def _exit_code(*arguments: str) -> int:
    """What a shell sees. It ends with its connections closed, so needs real commits."""
    try:
        Command(stdout=StringIO(), stderr=StringIO()).run_from_argv(
            ["manage.py", "create_token", *arguments]
        )
    except SystemExit as exc:
        return int(exc.code or 0)
    return 0


def test_create_token_prints_the_token_alone_and_once() -> None:
    """Standard output is the token, so that a script can keep it; the hint is elsewhere."""
    out, err = _run("web")
    assert out.strip() == out.removesuffix("\n")
    assert len(out.split()) == 1
    assert err == "Keep this token; it is not shown again:\n"


def test_create_token_opens_the_api() -> None:
    """What is printed is a working token of its scopes."""
    token = _run("web", "--scope", "cache:read")[0].strip()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/cache/stats/").status_code == 200
    assert client.post("/api/v1/cache/purge/", {}, format="json").status_code == 403


def test_create_token_keeps_the_hash_alone() -> None:
    """The token itself is nowhere in the table; knox keeps its first characters to find it by."""
    token = _run("web")[0].strip()
    stored = AccessToken.objects.values().get()
    assert not any(token in str(value) for value in stored.values())
    assert stored["digest"] not in token
    assert len(stored["token_key"]) < len(token) / 2


def test_create_token_json_prints_json_alone() -> None:
    """Scripts get one object: the token and its scopes."""
    out, err = _run("web", "--json", "--scope", "cache:read")
    made: dict[str, Any] = json.loads(out)
    assert set(made) == {"token", "scopes"}
    assert made["scopes"] == ["cache:read"]
    assert err == ""


def test_create_token_by_default_enriches_and_reads_for_90_days() -> None:
    """Without options a token does what most need."""
    made = json.loads(_run("web", "--json")[0])
    token = AccessToken.objects.get()
    assert made["scopes"] == token.scopes == ["enrich:run", "enrich:read"]
    assert (token.name, token.owner) == ("web", "")
    assert abs(token.expiry - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scope", "cache:read", "--scope", "cache:purge"],
        ["--scope", "cache:read", "cache:purge"],
        ["--scope", "cache:read", "cache:purge", "--scope", "cache:read"],
    ],
)
def test_create_token_takes_several_scopes(arguments: list[str]) -> None:
    """Scopes may come in one option or in several, and each is kept once."""
    _run("web", *arguments)
    assert AccessToken.objects.get().scopes == ["cache:purge", "cache:read"]


def test_create_token_owner_and_days_are_kept() -> None:
    """A token can be bound to one owner, and for a time."""
    _run("web", "--owner", "ada", "--days", "3")
    token = AccessToken.objects.get()
    assert token.owner == "ada"
    assert abs(token.expiry - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=1)


def test_create_token_service_user_can_not_sign_in() -> None:
    """The user that owns it has no password and no role."""
    _run("web")
    user = User.objects.get(username="web")
    assert not user.has_usable_password()
    assert not (user.is_staff or user.is_superuser)


def test_create_token_again_adds_a_token_to_the_same_service() -> None:
    """A token can be changed without a gap: the old one works until it ends."""
    assert _run("web")[0] != _run("web")[0]
    assert User.objects.count() == 1
    assert AccessToken.objects.count() == 2


def test_create_token_with_a_persons_name_is_refused(person: User) -> None:
    """A service never acts as a person."""
    with pytest.raises(CommandError, match="person's account; take another name"):
        _run(person.username)
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "99999999"])
def test_create_token_days_out_of_range_are_refused(days: str) -> None:
    """A token that is over before it begins, or never, is a mistake."""
    with pytest.raises(CommandError, match="--days must be 1 to 3650"):
        _run("web", f"--days={days}")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["web", "--days", "0"],
        ["web", "--days", "soon"],
        ["web", "--days", "1.5"],
        ["web", "--scope", "everything"],
        ["web", "--scope"],
        ["web", "other"],
    ],
)
def test_create_token_wrong_usage_exits_2(databases: None, arguments: list[str]) -> None:
    """Wrong usage makes no token."""
    assert _exit_code(*arguments) == 2
    assert not AccessToken.objects.exists()


def test_create_token_made_exits_0_and_refused_exits_1(databases: None, person: User) -> None:
    """A shell can tell what happened."""
    assert _exit_code("web") == 0
    assert _exit_code(person.username) == 1


@pytest.mark.parametrize("name", ["", "x" * 151, "two words", "\udcff"])
def test_create_token_name_that_no_user_can_have_is_refused(name: str) -> None:
    """A bad name is told with what is accepted, and no user is made."""
    with pytest.raises(CommandError, match="NAME must be"):
        call_command("create_token", name)

    assert not User.objects.exists()
