"""How one message is sent, and what its receiver made of it. No Django.

Each goes on a connection of its own: no proxy, no redirect, nothing of the answer's body.
"""

import asyncio
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import httpcore

from enrichment.inference.http_fields import retry_after
from enrichment.webhooks.addresses import (
    AddressRefused,
    BadUrl,
    CheckedBackend,
    Resolver,
    Unresolved,
    place_of,
    read_url,
    resolve,
)

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0
GONE = 410


class Failure(StrEnum):
    """Why a message was not taken."""

    ADDRESS_REFUSED = "address_refused"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKE_OFF = "broke_off"
    REDIRECTED = "redirected"
    GONE = "gone"
    STATUS = "status"
    # What the sender never sees.
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105
    DISABLED = "disabled"
    TOO_MANY = "too_many"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent, and where."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one attempt. failure: None when the receiver took it."""

    failure: Failure | None
    duration_ms: float = 0.0
    http_status: int | None = None
    retry_after_seconds: float | None = None


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        self.failure = failure


async def send(
    message: Message, allowed: Collection[str], *, look_up: Resolver = resolve
) -> Outcome:
    """Send a message once, within ten seconds.

    Args:
        allowed: hosts that may be reached over http and at any address.
    """
    started = time.perf_counter()
    status: int | None = None
    failure: Failure | None
    wait: float | None = None
    try:
        with _naming_failures():
            async with asyncio.timeout(WHOLE_SECONDS):
                status, wait = await _post(message, allowed, look_up)
        failure = _failure_of(status)
    except _Failed as exc:
        failure = exc.failure
    return Outcome(
        failure=failure,
        duration_ms=(time.perf_counter() - started) * 1000,
        http_status=status,
        retry_after_seconds=wait,
    )


async def _post(
    message: Message, allowed: Collection[str], look_up: Resolver
) -> tuple[int, float | None]:
    """Return the status of the answer, and how long it asks to wait."""
    # The rules may be others than when the endpoint was made.
    url = read_url(message.url, allowed)
    host, port = place_of(url)
    target = httpcore.URL(scheme=url.raw_scheme, host=host, port=port, target=url.raw_path)
    headers: list[tuple[bytes | str, bytes | str]] = [
        ("host", url.netloc),
        ("content-type", "application/json"),
        ("user-agent", "Perfsite"),
        *message.headers.items(),
    ]
    backend = CheckedBackend(allowed, look_up)
    async with (
        httpcore.AsyncConnectionPool(_tls(), network_backend=backend) as pool,
        pool.stream(
            "POST",
            target,
            headers=headers,
            content=message.body,
            extensions={"timeout": {"connect": CONNECT_SECONDS}},
        ) as answer,
    ):
        return answer.status, retry_after(_header(answer, b"retry-after"), time.time())


def _header(answer: httpcore.Response, name: bytes) -> str | None:
    found = (value for key, value in answer.headers if key.lower() == name)
    value = next(found, None)
    return None if value is None else value.decode("latin-1")


def _failure_of(status: int) -> Failure | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Failure.REDIRECTED
    return Failure.GONE if status == GONE else Failure.STATUS


@contextmanager
def _naming_failures() -> Iterator[None]:
    """Turn whatever may happen on the way into its kind."""
    try:
        yield
    except (AddressRefused, BadUrl) as exc:
        raise _Failed(Failure.ADDRESS_REFUSED) from exc
    except Unresolved as exc:
        raise _Failed(Failure.UNRESOLVED) from exc
    except (TimeoutError, httpcore.TimeoutException) as exc:
        raise _Failed(Failure.TIMEOUT) from exc
    except httpcore.ConnectError as exc:
        raise _Failed(Failure.TLS if _is_of_tls(exc) else Failure.UNREACHABLE) from exc
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        raise _Failed(Failure.BROKE_OFF) from exc


def _is_of_tls(error: BaseException | None) -> bool:
    """Return whether certificate or handshake were the cause, below what libraries made of it."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


@cache
def _tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()
