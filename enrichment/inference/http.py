"""The client of other APIs, for workers of your own; knows no Django, and its cache is passed in.

It holds two limits (requests at once to one host, and in all), tries again what may be tried
again, ends within a deadline, and keeps answers to GET as they allow.

Redirects are not followed: they would lead to hosts whose places are not held and that nobody
named. Certificates are always checked. Proxies and certificate bundles of the environment
(HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE) count, because many sites reach others only through them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Protocol, Self

import httpx

from enrichment.inference.api_errors import ApiRequestInvalid, ApiTimedOut
from enrichment.inference.http_caching import (
    CACHE_TYPE,
    key_of,
    restored,
    seconds_to_keep,
    stored,
)
from enrichment.inference.http_fields import LONGEST_SECONDS
from enrichment.inference.http_messages import COLLAPSED, HIT, ApiResponse, ApiSettings
from enrichment.inference.http_sending import (
    DEFAULT_PORTS,
    IDEMPOTENCY_KEY,
    Call,
    NoTimeLeft,
    Sender,
)

BAD_URL = "url must be an absolute http or https URL"


class Found(Protocol):
    """What a cache gives: a value, how it came by it, and for how long it was kept."""

    @property
    def value(self) -> Any: ...
    @property
    def state(self) -> str: ...
    @property
    def age_seconds(self) -> int: ...


class AnswerCache(Protocol):
    """A cache that computes what it doesn't have; `cachestats.cache.PerfCache` is one."""

    async def aget_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Awaitable[Any]],
        params: Mapping[str, Any] | None = None,
        ttl: Callable[[Any], int | None] | None = None,
        cache_type: str = "default",
    ) -> Found: ...


class ApiClient:
    """A client for one event loop: open it there, by `async with`, and share it there.

    The limits hold for all that goes through one client. A forked process or another event loop
    needs its own.
    """

    def __init__(
        self,
        settings: ApiSettings,
        *,
        cache: AnswerCache | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            cache: keeps answers to `get`; None: nothing is kept.
            clock: seconds since 1970.
        """
        self._settings = settings
        self._cache = cache
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        in_all = settings.max_concurrent_requests
        self._http = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(
                settings.timeout_read,
                connect=settings.timeout_connect,
                pool=settings.timeout_connect,
            ),
            limits=httpx.Limits(max_connections=in_all, max_keepalive_connections=in_all),
            # What one caller's answer sets must not go out with another's request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
        self._sender = Sender(self._http, settings, clock)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop = None
        await self._http.aclose()

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        ttl: int | None = None,
    ) -> ApiResponse:
        """Return the answer to a GET, from the cache where it has one.

        Of equal ones at once one asks; the others get its answer too if it may be kept. Who sends
        a Cache-Control header goes past the cache.

        Args:
            params: for the query, beside those that the URL has.
            deadline_seconds: for the whole call: waiting, pauses and all attempts. None: the time
                to connect and the time to read together.
            ttl: how many seconds this call's answer is kept at most, and where it doesn't say how
                long; None: as the site's tuning has it. 0: past the cache. One that is kept
                already is given however old it is: see its `age_seconds`.

        Raises:
            ApiError: there is no usable answer, or an error status.
        """
        if ttl is not None and not 0 <= ttl <= LONGEST_SECONDS:
            raise ApiRequestInvalid(f"ttl must be 0 (past the cache) to {LONGEST_SECONDS} seconds")
        call = self._prepare("GET", url, deadline_seconds, params=params, headers=headers)
        async with self._in_time(call):
            own = httpx.Headers(headers).multi_items()
            past = ttl == 0 or any(name == "cache-control" for name, _ in own)
            if self._cache is None or past:
                return await self._sender.send(call)
            return await self._look_up(call, self._cache, own, ttl)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | str | None = None,
        idempotency_key: str | None = None,
        deadline_seconds: float | None = None,
    ) -> ApiResponse:
        """Return the answer to a request, which the cache takes no part in.

        Args:
            json, content: the body, one of them; None: no body.
            idempotency_key: goes into the header of that name, the same in each attempt. Only
                with it a POST or PATCH that may have arrived is sent again. The API has to know
                such keys.

        Raises:
            ApiError: there is no usable answer, or an error status.
        """
        if idempotency_key is not None:
            headers = {**(headers or {}), IDEMPOTENCY_KEY: idempotency_key}
        if json is not None and content is not None:
            raise ApiRequestInvalid("json and content are both a body: give one of them")
        body = {"json": json, "content": content}
        call = self._prepare(method, url, deadline_seconds, params=params, headers=headers, **body)
        async with self._in_time(call):
            return await self._sender.send(call)

    def _prepare(
        self,
        method: str,
        url: str,
        deadline_seconds: float | None,
        *,
        params: Mapping[str, Any] | None,
        **what: Any,
    ) -> Call:
        """Return a call, or raise what is wrong with it before anything is sent."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            raise RuntimeError("an ApiClient is used in the event loop where it was opened")
        allowed = self._settings.deadline_seconds if deadline_seconds is None else deadline_seconds
        if not allowed > 0:
            raise ApiRequestInvalid("deadline_seconds must be above 0")
        try:
            target = httpx.URL(url)
            if params:
                target = target.copy_merge_params(dict(params))
        except (httpx.InvalidURL, TypeError, ValueError) as exc:
            # What the library says of it may quote a password.
            raise ApiRequestInvalid(BAD_URL) from exc
        if target.scheme not in DEFAULT_PORTS or not target.host:
            raise ApiRequestInvalid(BAD_URL)
        try:
            request = self._http.build_request(method.upper(), target, **what)
        except (TypeError, ValueError) as exc:
            raise ApiRequestInvalid(f"headers or body can't be sent: {exc}") from exc
        return Call(request=request, deadline_seconds=allowed, ends_at=loop.time() + allowed)

    @asynccontextmanager
    async def _in_time(self, call: Call) -> AsyncIterator[None]:
        """End the block when the deadline passes, or leaves no room for another attempt.

        Either way the cache sees no error of the answer's, so that others who wait for it ask
        themselves.
        """
        try:
            async with asyncio.timeout(call.deadline_seconds) as limit:
                yield
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise ApiTimedOut(
                f"{call.shown}: no answer within {call.deadline_seconds:g} s",
                retryable=call.repeatable,
            ) from exc
        except NoTimeLeft as exc:
            raise exc.error from exc.error.__cause__

    async def _look_up(
        self, call: Call, cache: AnswerCache, own: list[tuple[str, str]], ttl: int | None
    ) -> ApiResponse:
        """Return the cache's answer, or the API's."""
        answers: list[ApiResponse] = []

        async def ask() -> dict[str, Any]:
            answers.append(await self._sender.send(call))
            return stored(answers[-1])

        def to_keep(_value: Any) -> int | None:
            return seconds_to_keep(answers[-1], ttl, self._clock())

        url = str(call.request.url.copy_with(fragment=None))
        content, params = key_of(url, call.host, own)
        found = await cache.aget_or_compute(content, ask, params, to_keep, CACHE_TYPE)
        state = str(found.state)
        if state in {HIT, COLLAPSED}:
            return restored(found.value, state, found.age_seconds)
        # With all its headers, of which the cache keeps a few.
        return replace(answers[-1], cache=state)
