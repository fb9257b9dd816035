"""How often a password may be tried, where the site and its admin ask for it."""

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from perfsite.login_throttle import TRIES_OF_ACCOUNT, TRIES_OF_ADDRESS, LockedOut, begin_try
from tests.databases import content
from tests.servers import running_redis

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
LOGINS = ("/login/", "/admin/login/")


@pytest.fixture(autouse=True)
def people(person: User) -> None:
    """Two who may sign in, also to the admin."""
    User.objects.filter(pk=person.pk).update(is_staff=True)
    User.objects.create_user("bob", password="pass", is_staff=True)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


def log_in(password: str, *, name: str = "ada", address: str = HOME, path: str = "/login/") -> Any:
    return Client(REMOTE_ADDR=address).post(path, {"username": name, "password": password})


def fail(times: int = TRIES_OF_ACCOUNT, **how: str) -> None:
    for _ in range(times):
        assert log_in("wrong", **how).status_code == 200


@pytest.mark.parametrize("path", LOGINS)
def test_failures_lock_an_account_for_an_address_and_for_no_other(path: str) -> None:
    """Not even the right password is looked at; from elsewhere, and for others, it is."""
    fail(path=path)

    locked = log_in("pass", path=path)

    assert locked.status_code == 429
    assert 890 <= int(locked.headers["Retry-After"]) <= 900
    assert "Too many failed log-ins" in locked.content.decode()
    assert "another 15 minutes" in locked.content.decode()
    assert "style=" not in locked.content.decode()
    assert "<script>" not in locked.content.decode()
    assert "default-src 'self'" in locked.headers["Content-Security-Policy"]
    assert log_in("pass", path=path, address=ELSEWHERE).status_code == 302
    assert log_in("pass", path=path, name="bob").status_code == 302


def test_both_logins_count_together() -> None:
    """Who is locked out of one does not go on at the other."""
    fail(path=LOGINS[0])
    assert log_in("pass", path=LOGINS[1]).status_code == 429


def test_lock_ends_by_itself() -> None:
    """A quarter of an hour after the first failure, and tries meanwhile do not prolong it."""
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        fail()
        clock.shift(timedelta(minutes=10))
        assert log_in("pass").headers["Retry-After"] == "300"
        clock.shift(timedelta(minutes=5, seconds=1))
        assert log_in("pass").status_code == 302


def test_success_forgets_failures_and_is_never_counted() -> None:
    """Who mistypes begins anew once it was right; signing in often is no failure."""
    for _ in range(3):
        fail(TRIES_OF_ACCOUNT - 1)
        assert log_in("pass").status_code == 302
    for _ in range(TRIES_OF_ADDRESS):
        begin_try("ada", HOME).succeeded()
    assert log_in("pass").status_code == 302


def test_success_asks_the_databases_nothing_more(django_assert_num_queries: Any) -> None:
    """As many queries as without the counting: it has a store of its own."""
    request = RequestFactory(REMOTE_ADDR=HOME).post("/login/")
    with django_assert_num_queries(1):
        assert authenticate(request, username="ada", password="pass")


def test_address_that_tries_many_accounts_is_locked() -> None:
    """Also one that takes another address of its network each time."""
    for number in range(TRIES_OF_ADDRESS):
        begin_try(f"name {number}", f"2001:db8::{number:x}")
    with pytest.raises(LockedOut):
        begin_try("ada", "2001:db8::ffff")
    assert begin_try("ada", "2001:db8:0:1::1")


def test_locked_account_is_not_held_against_its_address() -> None:
    """One person's forgotten password locks no office."""
    fail()
    for _ in range(TRIES_OF_ADDRESS):
        with pytest.raises(LockedOut):
            begin_try("ada", HOME)
    assert log_in("pass", name="bob").status_code == 302


def test_guesses_at_once_are_no_more_than_guesses_in_turn() -> None:
    """A password is looked at by as many as the limit, though all came before any failed."""
    admitted: list[int] = []
    together = threading.Barrier(12)

    def guess(number: int) -> None:
        together.wait(10)
        try:
            begin_try("ada", HOME)
        except LockedOut:
            return
        admitted.append(number)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(admitted) == TRIES_OF_ACCOUNT


def test_nothing_readable_is_kept_or_logged_of_who_failed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """People type passwords into the wrong field. The log has the address, once a lock."""
    caplog.set_level(logging.INFO)
    fail(name="hunter2-my-password")
    for _ in range(3):
        log_in("pass", name="hunter2-my-password")

    kept = content(settings.VAR_DIR / "logins.sqlite3")
    assert b"login:" in kept
    assert b"hunter2" not in kept
    assert HOME.encode() not in kept
    assert "hunter2" not in caplog.text
    assert caplog.text.count(f"tries from {HOME} failed") == 1


def test_machines_count_together_in_redis(settings: Settings, redis_url: str) -> None:
    """Each machine has another file; what one counted locks on the other."""
    settings.REDIS_URL = redis_url
    fail()
    settings.VAR_DIR = settings.VAR_DIR / "another machine"
    settings.VAR_DIR.mkdir(exist_ok=True)
    assert log_in("pass").status_code == 429
    assert log_in("pass", name="bob").status_code == 302
    fail(TRIES_OF_ACCOUNT - 1, name="bob")
    assert log_in("pass", name="bob").status_code == 302
    fail(TRIES_OF_ACCOUNT - 1, name="bob")


def test_machine_counts_by_itself_while_redis_is_away(settings: Settings) -> None:
    """An outage opens no door, and locks nobody out who has the right password."""
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert log_in("pass").status_code == 302
    fail()
    assert log_in("pass").status_code == 429


def test_nobody_logs_in_while_nothing_can_be_counted(settings: Settings, tmp_path: Any) -> None:
    """Or whoever fills the disk could guess without end. It is said, with when to come again."""
    settings.VAR_DIR = tmp_path / "gone"
    refused = log_in("pass")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert "Nobody can log in right now" in refused.content.decode()
