"""How one call to another API is sent: a place, attempts, pauses, and what its answers mean."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_chain,
    wait_random,
)

from enrichment.inference.api_errors import (
    ApiBrokeOff,
    ApiError,
    ApiFailed,
    ApiRedirected,
    ApiRefused,
    ApiReplyInvalid,
    ApiRequestInvalid,
    ApiUnreachable,
)
from enrichment.inference.http_fields import retry_after, seconds
from enrichment.inference.http_messages import ApiResponse, ApiSettings
from enrichment.inference.places import Places

logger = logging.getLogger(__name__)

# RFC 9110, 9.2.2: asked twice they do no more than asked once.
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
IDEMPOTENCY_KEY = "idempotency-key"
# They pass; other errors, as 501 and 505, would be the same the next time.
PASSING = frozenset({429, 500, 502, 503, 504})
SAYING_WHEN = frozenset({429, 503})
DEFAULT_PORTS = {"http": 80, "https": 443}
# Nothing of the request has left yet.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, of which each attempt sends the same request.

    deadline_seconds: for all of it. ends_at: when that is over, by the event loop's clock.
    """

    request: httpx.Request
    deadline_seconds: float
    ends_at: float

    @property
    def repeatable(self) -> bool:
        """Whether asked twice it does no more than asked once."""
        request = self.request
        return request.method in IDEMPOTENT or bool(request.headers.get(IDEMPOTENCY_KEY))

    @property
    def shown(self) -> str:
        """What messages call it."""
        return f"{self.request.method} {without_secrets(self.request.url)}"

    @property
    def host(self) -> str:
        """The host's name, with its port where that is not the usual one."""
        return self.request.url.netloc.decode()

    @property
    def origin(self) -> str:
        """Whose places it takes."""
        url = self.request.url
        return f"{url.scheme}://{url.host}:{url.port or DEFAULT_PORTS[url.scheme]}"

    def has_no_time_for(self, pause_seconds: float) -> bool:
        """Return whether the deadline would pass in a pause."""
        return asyncio.get_running_loop().time() + pause_seconds >= self.ends_at


class NoTimeLeft(BaseException):
    """A call's deadline leaves no room for another attempt. error: what the call ends with.

    No Exception: it says nothing to others who wait for the same answer and have more time.
    """

    def __init__(self, error: ApiError) -> None:
        self.error = error
        super().__init__(str(error))


class Sender:
    """Sends calls through the connections of one event loop."""

    def __init__(
        self, http: httpx.AsyncClient, settings: ApiSettings, clock: Callable[[], float]
    ) -> None:
        """
        Args:
            clock: seconds since 1970.
        """
        self._http = http
        self._clock = clock
        self._most_bytes = settings.max_response_bytes
        self._places = Places(
            in_all=settings.max_concurrent_requests, per_host=settings.per_host_limit
        )
        self._enough = stop_after_attempt(1 + settings.retry_attempts)
        self._backoff = wait_chain(
            *[wait_random(ms / 1000, 1.5 * ms / 1000) for ms in settings.retry_backoff_ms]
            or [wait_random(0, 0.1)]
        )

    async def send(self, call: Call) -> ApiResponse:
        """Return the API's answer; tries again, after a pause, what may be tried again.

        A pause that the deadline leaves no room for is not begun: the error comes at once.

        Raises:
            ApiError: there is no usable answer, or an error status.
            NoTimeLeft: of the same, where another attempt was due and this call has no time for it.
        """
        retrying = AsyncRetrying(
            stop=lambda state: self._enough(state) or call.has_no_time_for(state.upcoming_sleep),
            wait=self._pause,
            retry=retry_if_exception(_is_retryable),
            before_sleep=lambda state: _log_pause(call, state),
            retry_error_callback=self._give_up,
        )
        return await retrying(self._send_once, call)

    def _give_up(self, state: RetryCallState) -> NoReturn:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, ApiError)  # noqa: S101  # no other is tried again
        raise error if self._enough(state) else NoTimeLeft(error)

    def _pause(self, state: RetryCallState) -> float:
        """Return how many seconds to wait: the tuning's, or longer where the API asks for it."""
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after_seconds if isinstance(error, ApiError) else None
        return max(told or 0.0, self._backoff(state))

    async def _send_once(self, call: Call) -> ApiResponse:
        async with self._places.place(call.origin):
            with _speaking(call):
                response = await self._http.send(call.request, stream=True)
                try:
                    content = await self._read(call, response)
                finally:
                    await response.aclose()
        if response.is_error or response.has_redirect_location:
            error = self._error(call, response)
            error.content = content
            raise error
        return ApiResponse(
            status=response.status_code,
            headers=dict(response.headers.items()),
            content=content,
            age_seconds=seconds(response.headers.get("age")) or 0,
        )

    async def _read(self, call: Call, response: httpx.Response) -> bytes:
        codings = response.headers.get_list("content-encoding", split_commas=True)
        if len(codings) > 1:
            # Packed three times, 255 bytes are 64 MB in the first piece, before any is counted.
            message = f"{call.shown}: the answer is compressed more than once"
            raise ApiReplyInvalid(message, response.status_code)
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._most_bytes:
                message = f"{call.shown}: the answer is larger than {self._most_bytes:,} bytes"
                raise ApiReplyInvalid(message, response.status_code)
        return bytes(content)

    def _error(self, call: Call, response: httpx.Response) -> ApiError:
        """Return what a status other than of success means."""
        status = response.status_code
        if response.next_request is not None:
            where = without_secrets(response.next_request.url)
            return ApiRedirected(f"{call.shown}: redirected ({status}) to {where}", status)
        message, wait = f"{call.shown}: answered {status}", None
        if status in SAYING_WHEN:
            wait = retry_after(response.headers.get("retry-after"), self._clock())
        if wait is not None:
            message += f" and asks to wait {wait:.0f} s"
        kind = ApiFailed if response.is_server_error else ApiRefused
        return kind(message, status, wait, call.repeatable and status in PASSING)


@contextmanager
def _speaking(call: Call) -> Iterator[None]:
    """Turn what httpx raises into errors of ours."""
    try:
        yield
    except NEVER_SENT as exc:
        why = str(exc) or type(exc).__name__
        raise ApiUnreachable(f"{call.shown}: no connection ({why})", retryable=True) from exc
    except httpx.LocalProtocolError as exc:
        raise ApiRequestInvalid(f"{call.shown}: a header or the method is not HTTP's") from exc
    except httpx.DecodingError as exc:
        raise ApiReplyInvalid(f"{call.shown}: the answer can't be decompressed") from exc
    except httpx.TimeoutException as exc:
        message = f"{call.shown}: silent for too long"
        raise ApiBrokeOff(message, retryable=call.repeatable) from exc
    except httpx.HTTPError as exc:
        message = f"{call.shown}: broke off ({type(exc).__name__})"
        raise ApiBrokeOff(message, retryable=call.repeatable) from exc


def without_secrets(url: httpx.URL) -> str:
    """Return a URL without query, fragment and user info."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _is_retryable(exc: BaseException) -> bool:
    return isinstance(exc, ApiError) and exc.retryable


def _log_pause(call: Call, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    what = getattr(error, "status", None) or type(error).__name__
    logger.info("[API] %s: %s; asked again in %.1f s", call.host, what, state.upcoming_sleep)
