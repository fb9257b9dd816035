"""Where messages may go: https to public addresses, and what the operator names. No Django.

What counts is the address that a name leads to, at the moment of the connection: however a name or
number is written, and whatever it led to before.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import httpcore
import httpx

MAX_URL_CHARACTERS = 2000
# As the API describes it; more is refused below.
URL = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+([/?][^\s#]*)?")
HOST = re.compile(r"[a-z0-9._:-]+")
CHECK_SECONDS = 5.0
DEFAULT_PORTS = {"http": 80, "https": 443}
# Beside what Python calls private or reserved: 6to4 relays, AS112 and AMT, and Azure's platform
# address, which is public only by its number.
NEVER_V4 = [
    ip_network(written)
    for written in (
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "168.63.129.16/32",
    )
]
# Of IPv6 only what is given out for the public network, which leaves out mapped IPv4, NAT64,
# private, link-local and multicast addresses. Not tunnels, documentation and what is set apart.
GLOBAL_V6 = ip_network("2000::/3")
NEVER_V6 = [
    ip_network(written)
    for written in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]

Resolver = Callable[[str, int], Awaitable[list[str]]]


class BadUrl(ValueError):
    """No address that a message may be sent to; says why, and what is accepted."""


class AddressRefused(Exception):
    """A name leads to an address that is not public."""


class Unresolved(Exception):
    """A name leads nowhere, at least now."""


class TooSlow(Unresolved):
    """The resolver does not answer in time."""


def read_allowed_hosts(written: Iterable[str]) -> frozenset[str]:
    """Return hosts, with or without a port, that may be reached over http and at any address.

    Raises:
        ValueError: names the one that is neither host nor host:port.
    """
    return frozenset(_allowed_host(host.strip()) for host in written if host.strip())


def _allowed_host(written: str) -> str:
    try:
        url = httpx.URL(f"http://{written}/")
    except httpx.InvalidURL as exc:
        raise ValueError(f"{written!r} is neither a host nor host:port") from exc
    host = url.raw_host.decode()
    # The library leaves out 80, as it is the scheme's own.
    port = url.port or (80 if written.endswith(":80") else None)
    if not HOST.fullmatch(host) or url.raw_path != b"/" or url.userinfo or url.fragment:
        raise ValueError(f"{written!r} is neither a host nor host:port")
    return _named(host, port)


def _named(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def is_allowed(host: str, port: int, allowed: Collection[str]) -> bool:
    """Return whether the operator named this host, with this port or for all of them."""
    return _named(host, None) in allowed or _named(host, port) in allowed


def read_url(written: str, allowed: Collection[str]) -> httpx.URL:
    """Return a URL that messages may be sent to, as far as can be told without looking it up.

    Raises:
        BadUrl: it is none.
    """
    try:
        url = httpx.URL(written)
    except httpx.InvalidURL as exc:
        raise BadUrl("is no URL") from exc
    if len(written) > MAX_URL_CHARACTERS:
        raise BadUrl(f"may have at most {MAX_URL_CHARACTERS:,} characters")
    if url.scheme not in DEFAULT_PORTS or not url.host:
        raise BadUrl("must begin with https:// and a host")
    if url.userinfo or url.fragment or "#" in written:
        raise BadUrl("may have neither a user or password nor a fragment")
    if url.port is not None and not 0 < url.port < 2**16:
        raise BadUrl("must have a port of 1 to 65535, or none")
    if not URL.fullmatch(written):
        raise BadUrl("may have no blanks")
    if url.scheme == "http" and not is_allowed(*place_of(url), allowed):
        raise BadUrl("must be https; http is for hosts of the setting WEBHOOK_ALLOWED_HOSTS")
    return url


def place_of(url: httpx.URL) -> tuple[str, int]:
    """Return a URL's host, as it is looked up, and its port."""
    return url.raw_host.decode(), url.port or DEFAULT_PORTS[url.scheme]


def check_place(host: str, port: int, allowed: Collection[str]) -> None:
    """Look a host up now, for at most five seconds.

    Raises:
        AddressRefused: it is not allowed by name, and leads to an address that is not public.
        TooSlow: it was not found in time.
        Unresolved: it leads nowhere.
    """
    with _looking_up(host):
        found = _begin_look_up(host, port).result(CHECK_SECONDS)
    _checked(host, port, found, allowed)


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that a host leads to now, in the order in which to try them.

    Raises:
        Unresolved: it leads nowhere.
    """
    with _looking_up(host):
        return await asyncio.wrap_future(_begin_look_up(host, port))


def _begin_look_up(host: str, port: int) -> "Future[list[str]]":
    """Return what will hold a host's addresses.

    The system's resolver can't be interrupted. Each look-up has a thread of its own, so that a slow
    one keeps neither others nor the end of the process waiting.
    """
    looked_up: Future[list[str]] = Future()
    # Who gives up waiting can't cancel it any more.
    looked_up.set_running_or_notify_cancel()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            looked_up.set_result(_addresses(found))
        except Exception as exc:
            looked_up.set_exception(exc)

    threading.Thread(target=look_up, name="webhooks look-up", daemon=True).start()
    return looked_up


def is_public(written: str) -> bool:
    """Return whether an IP address is one of the public network's, and of a single machine."""
    address = ip_address(written)
    if isinstance(address, IPv4Address):
        return (
            address.is_global
            and not address.is_multicast
            and not any(address in network for network in NEVER_V4)
        )
    return address in GLOBAL_V6 and not any(address in network for network in NEVER_V6)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Makes connections to addresses that were looked up and checked just before, and to no other.

    So a name that leads elsewhere the next time is no way around the check.
    """

    def __init__(self, allowed: Collection[str], look_up: Resolver = resolve) -> None:
        self._allowed = allowed
        self._look_up = look_up
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of a host's addresses that answers.

        Raises:
            AddressRefused: one of them is not public.
            Unresolved: there is none.
        """
        found = _checked(host, port, await self._look_up(host, port), self._allowed)
        for address in found[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._plain.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
        return await self._plain.connect_tcp(
            found[-1], port, timeout, local_address, socket_options
        )


def _checked(host: str, port: int, found: list[str], allowed: Collection[str]) -> list[str]:
    if not is_allowed(host, port, allowed) and not all(map(is_public, found)):
        raise AddressRefused(host)
    return found


@contextmanager
def _looking_up(host: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as exc:
        raise TooSlow(host) from exc
    except (OSError, UnicodeError) as exc:
        raise Unresolved(host) from exc


def _addresses(found: Iterable[tuple[Any, ...]]) -> list[str]:
    """Return each address of what the resolver found once; there is at least one."""
    return list(dict.fromkeys(str(place[0]) for *_, place in found))
