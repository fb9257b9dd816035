"""How often a password may be tried: of one account from one address, and from one address at all.

A try is counted before the password is looked at, in one step for all processes: who guesses many
at once gets no further than who guesses one after the other. What succeeds is taken back. An
account is never locked for other addresses, or anybody could lock anybody out. What is kept tells
neither who nor where from.
"""

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from perfsite.counters import Counter, CounterUnavailable, RedisCounter, SqliteCounter

WINDOW_SECONDS = 15 * 60
# Of one account from one address: people mistype, but not for long.
TRIES_OF_ACCOUNT = 5
# Of all accounts: a whole office may sit behind one address, and so may who tries every name.
TRIES_OF_ADDRESS = 50
# While nothing can be counted.
TRY_AGAIN_SECONDS = 5
# Whoever has one address of the newer kind has all of its network.
IPV6_NETWORK_BITS = 64

Value = TypeVar("Value")

logger = logging.getLogger(__name__)


class LockedOut(Exception):
    """No password is looked at for so many seconds."""

    def __init__(self, seconds: int, status: HTTPStatus = HTTPStatus.TOO_MANY_REQUESTS) -> None:
        super().__init__(f"for {seconds} s")
        self.seconds = seconds
        self.status = status


class Try(NamedTuple):
    """One look at a password, by the keys that it is counted under."""

    account: str
    address: str

    def succeeded(self) -> None:
        """Forget the account's failures from this address, and that this one was counted."""
        with suppress(CounterUnavailable):
            _with_counter(lambda counter: counter.forget(self.account))
            _with_counter(lambda counter: counter.take_back(self.address))


class LoginLocks:
    """Answers whoever is locked out, wherever they try to sign in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page; None where it is another exception."""
        if not isinstance(exception, LockedOut):
            return None
        counted = exception.status == HTTPStatus.TOO_MANY_REQUESTS
        page = {"minutes": math.ceil(exception.seconds / 60), "counted": counted}
        answer = render(request, "perfsite/login_locked.html", page, status=exception.status)
        answer.headers["Retry-After"] = str(exception.seconds)
        return answer


def begin_try(username: str, address: str) -> Try:
    """Count a try at an account from an address, both as they came.

    Raises:
        LockedOut: there were too many, or they can't be counted now.
    """
    place = _network(address)
    made = Try(_key("account", username, place), _key("address", place))
    try:
        # In this order nobody fills the store with names.
        _count(made.address, TRIES_OF_ADDRESS, address)
        try:
            _count(made.account, TRIES_OF_ACCOUNT, address)
        except LockedOut:
            # One locked account is not held against the others behind the address.
            _with_counter(lambda counter: counter.take_back(made.address))
            raise
    except CounterUnavailable as exc:
        logger.warning("[LOGIN] Tries can't be counted, nobody can log in: %s", exc)
        raise LockedOut(TRY_AGAIN_SECONDS, HTTPStatus.SERVICE_UNAVAILABLE) from exc
    return made


def _count(key: str, limit: int, address: str) -> None:
    counted = _with_counter(lambda counter: counter.count(key, WINDOW_SECONDS))
    if counted.total <= limit:
        return
    seconds = max(1, math.ceil(counted.seconds_left))
    if counted.total == limit + 1:
        logger.warning("[LOGIN] %d tries from %s failed; locked for %d s", limit, address, seconds)
    raise LockedOut(seconds)


def _with_counter(work: Callable[[Counter], Value]) -> Value:
    """Use the counter that all machines share, or while that is away this machine's own.

    Raises:
        CounterUnavailable: neither can be used now.
    """
    *others, own = _counters(settings.REDIS_URL, settings.VAR_DIR / "logins.sqlite3")
    for counter in others:
        with suppress(CounterUnavailable):
            return work(counter)
    return work(own)


@cache
def _counters(redis_url: str, path: Path) -> tuple[Counter, ...]:
    shared = (RedisCounter(redis_url),) if redis_url else ()
    return (*shared, SqliteCounter(path))


def _key(*parts: str) -> str:
    return f"login:{salted_hmac('perfsite.login_throttle', repr(parts)).hexdigest()}"


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(ip_network((parsed.packed, IPV6_NETWORK_BITS), strict=False))
