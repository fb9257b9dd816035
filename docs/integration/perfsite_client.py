"""A client of Perfsite for a web app's server. Copy this one file; it needs Python 3.11 and httpx.

    with Perfsite.from_environment() as perfsite:
        reflection = perfsite.wait(perfsite.submit("I'm feeling grateful", owner="user-17"))

    PERFSITE_TOKEN=... python perfsite_client.py "I'm feeling grateful for my sister today"

PERFSITE_URL says where (http://127.0.0.1:8000), PERFSITE_TOKEN who asks. The token travels in the
header alone, and only over https or to this machine. What goes wrong is a `PerfsiteError`. A client
may be shared by threads.
"""

import os
import random
import string
import sys
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Literal, NotRequired, Self, TypedDict, Unpack, cast
from uuid import UUID, uuid4

import httpx

Cache = Literal["hit", "miss", "collapsed", "bypass"]
Outcome = Literal["model", "fallback", "curated", "safety"]
FINISHED = {"complete", "failed", "cancelled", "quarantined"}
# Nothing is wrong with the request: it was too early, too much at once, or met a restart.
PASSING = {429, 502, 503, 504}
# A server answers `?wait=` after at most 30 s; proxies cut off what is silent for longer.
WAIT_SECONDS = 25
URL = os.environ.get("PERFSITE_URL", "http://127.0.0.1:8000")
REFLECTIONS = "/api/v1/reflections/"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
TOKEN_CHARACTERS = {*string.ascii_letters, *string.digits, *"-._~+/="}


class Details(TypedDict, total=False):
    """What may be said of a text: times are ISO 8601 with an offset, zones IANA names."""

    owner: str
    timestamp: str
    timezone: str
    language: str
    priority: Literal["interactive", "bulk"]


class Wheel(TypedDict):
    """A feeling's place on the wheel, as deep as the text supports."""

    primary: str
    secondary: str | None
    tertiary: str | None


class Feeling(TypedDict):
    """What Stage 1 read in a text; scales are 0 to 1. More members: `/api/docs/`."""

    wheel: Wheel | None
    undetermined: bool
    valence: float
    arousal: float
    confidence: float


class Writing(TypedDict):
    """What Stage 2 wrote, in lines."""

    poem: list[str]
    tips: list[str]
    closing_line: str


class HelpLine(TypedDict):
    """Where somebody in danger finds a person; `hours` is empty where they are not known."""

    region: str
    name: str
    contact: str
    hours: str


class FeelingStage(TypedDict):
    """Stage 1 and how it came about."""

    result: Feeling
    outcome: Outcome
    cache: Cache
    duration_ms: float


class WritingStage(TypedDict):
    """Stage 2 and how it came about; has help lines where the text showed signs of danger."""

    result: Writing
    outcome: Outcome
    cache: Cache
    duration_ms: float
    help_lines: NotRequired[list[HelpLine]]


class Risk(TypedDict):
    """Whether a text showed signs of danger. Then show the help lines before all else."""

    flagged: bool
    signals: list[str]


class Reflection(TypedDict):
    """A reflection and how far it is; each stage is there as soon as it is done."""

    id: str
    status: str
    text: str
    owner: str
    timestamp: str
    created_at: str
    risk: Risk
    stage1: FeelingStage | None
    stage2: WritingStage | None


class PerfsiteError(Exception):
    """A request that came to nothing.

    status: of the answer; None where there was none. errors: (field, message) for each field that
    was wrong. retry_after: seconds after which the same may work; None where it won't by itself.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[tuple[str, str]] = (),
        retry_after: float | None = None,
    ) -> None:
        fields = "; ".join(f"{field}: {message}" for field, message in errors)
        super().__init__(f"{detail} ({fields})" if fields else detail)
        self.status, self.detail, self.errors = status, detail, list(errors)
        self.retry_after = retry_after


class NotFinished(PerfsiteError):
    """A reflection that was not finished in time. It still is worked on; `wait` for it again."""


class Perfsite:
    """A connection to one site.

    Args:
        url: of the site, without a path: https, or http on this machine.
        token: with the scopes enrich:run and enrich:read.
        deadline_seconds: for one call with all its retries.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        deadline_seconds: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = httpx.URL(url)
        local = self._url.host in LOOPBACK
        if self._url.scheme != "https" and not (self._url.scheme == "http" and local):
            raise ValueError("url must be https; http only on this machine")
        if self._url.userinfo or self._url.query:
            raise ValueError("url must hold neither a password nor a query")
        if not token or set(token) - TOKEN_CHARACTERS:
            raise ValueError("token is empty, or holds what no token does")
        self._deadline_seconds = deadline_seconds
        self._http = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(WAIT_SECONDS + 10, connect=5),
            trust_env=not local,  # no proxy between this machine and itself
            transport=transport,
        )

    @classmethod
    def from_environment(cls, *, deadline_seconds: float = 60) -> Self:
        """Return a client of the site that PERFSITE_URL and PERFSITE_TOKEN name."""
        token = os.environ.get("PERFSITE_TOKEN", "").strip()
        if not token:
            raise ValueError("PERFSITE_TOKEN is not set")
        return cls(URL, token, deadline_seconds=deadline_seconds)

    def __repr__(self) -> str:
        return f"Perfsite({str(self._url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(
        self,
        text: str,
        *,
        idempotency_key: str | None = None,
        wait_seconds: int = 0,
        **details: Unpack[Details],
    ) -> Reflection:
        """Submit a text and return its reflection: finished if all of it was cached.

        Args:
            idempotency_key: the same for the same submission, however often your program sends it;
                one of your own survives a crash, else one is made for this call's retries.
            wait_seconds: 0 to 30; how long the answer may wait for the work to be finished.
        """
        key = idempotency_key or str(uuid4())
        answer = self._send(
            "POST",
            REFLECTIONS,
            headers={"Idempotency-Key": key},
            params={"wait": wait_seconds} if wait_seconds else {},
            json={"text": text, **details},
        )
        return _reflection(answer)

    def wait(self, reflection: Reflection, *, timeout_seconds: float = 300) -> Reflection:
        """Return the reflection once it is finished: complete, failed, cancelled or quarantined.

        Raises:
            NotFinished: it took longer.
        """
        ends_at = time.monotonic() + timeout_seconds
        tag: str | None = None
        while reflection["status"] not in FINISHED:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise NotFinished(f"still {reflection['status']}", retry_after=2)
            answer = self._send(
                "GET",
                _path(reflection["id"]),
                headers={"If-None-Match": tag} if tag else {},
                params={"wait": min(int(left), WAIT_SECONDS)},
                ends_at=ends_at,
            )
            if answer.status_code == HTTPStatus.OK:
                reflection, tag = _reflection(answer), answer.headers.get("ETag")
            if answer.status_code == HTTPStatus.NOT_MODIFIED or not tag:
                # If too many waited already, this answer came at once.
                time.sleep(min(_retry_after(answer) or 2, left))
        return reflection

    def read(self, reflection_id: str) -> Reflection:
        """Return a reflection as far as it is."""
        return _reflection(self._send("GET", _path(reflection_id)))

    def reflections(self, **filters: str) -> Iterator[Reflection]:
        """Yield all reflections that the token may see, newest first, page by page.

        Args:
            filters: status, owner, created_after, created_before, order, page_size.
        """
        params: httpx.QueryParams | None = httpx.QueryParams(filters)
        while params is not None:
            page = _json(self._send("GET", REFLECTIONS, params=params))
            yield from page["results"]
            # Only what it asks for is taken from `next`: the token goes nowhere else.
            params = httpx.URL(page["next"]).params if page["next"] else None

    def retry(self, reflection_id: str) -> Reflection:
        """Queue what failed, was cancelled or quarantined again; anything else is a 409."""
        return _reflection(self._send("POST", _path(reflection_id, "retry/")))

    def cancel(self, reflection_id: str) -> Reflection:
        """End unfinished work; a 409 if there is none."""
        return _reflection(self._send("POST", _path(reflection_id, "cancel/")))

    def delete(self, reflection_id: str) -> None:
        """Forget a reflection and all that was made of it; a 404 if it is gone already."""
        self._send("DELETE", _path(reflection_id))

    def issue_token(self, owner: str, *, seconds: int = 600) -> str:
        """Return a token for an owner's browser, which reaches that owner's reflections alone.

        Needs the scopes token:issue, enrich:run and enrich:read.

        Args:
            seconds: 1 to 3600; how long it opens anything.
        """
        wanted = {"name": "browser", "scopes": ["enrich:run", "enrich:read"], "owner": owner}
        wish = {**wanted, "expires_in_seconds": seconds}
        return str(_json(self._send("POST", "/api/v1/auth/tokens/", json=wish))["token"])

    def _send(
        self, method: str, path: str, *, ends_at: float | None = None, **request: Any
    ) -> httpx.Response:
        """Return a good answer; try again, until the deadline, what may pass.

        That is safe for all that this client sends: a submission has its key, and the rest comes
        to the same when it is sent twice.
        """
        deadline = time.monotonic() + self._deadline_seconds
        ends_at = min(ends_at or deadline, deadline)
        backoff = 0.25
        while True:
            try:
                answer = self._http.request(method, path, **request)
            except httpx.RequestError as exc:
                # Without the cause: it holds the request, and so the text that was sent.
                error = PerfsiteError(f"no answer: {type(exc).__name__}", retry_after=backoff)
            else:
                if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
                    return answer
                error = _error(answer, backoff)
            pause = (error.retry_after or 0) + random.uniform(0, backoff)
            if error.retry_after is None or time.monotonic() + pause > ends_at:
                raise error
            time.sleep(pause)
            backoff = min(backoff * 2, 8)


def _path(reflection_id: str, action: str = "") -> str:
    return f"{REFLECTIONS}{UUID(reflection_id)}/{action}"


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        # A proxy's page, say.
        raise PerfsiteError("the answer is not JSON", status=answer.status_code) from None


def _reflection(answer: httpx.Response) -> Reflection:
    return cast(Reflection, _json(answer))


def _retry_after(answer: httpx.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _error(answer: httpx.Response, backoff: float) -> PerfsiteError:
    """Return what an answer complains of; a proxy's need not be JSON."""
    told = {}
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        told = _json(answer)
    after = _retry_after(answer)
    if after is None and answer.status_code in PASSING:
        after = backoff
    return PerfsiteError(
        told.get("detail") or f"{answer.status_code} {answer.reason_phrase}",
        status=answer.status_code,
        errors=[(error["field"], error["message"]) for error in told.get("errors", [])],
        # A conflict has one where the first request with the same key is still at work.
        retry_after=after if answer.status_code in PASSING | {HTTPStatus.CONFLICT} else None,
    )


def main(text: str) -> None:
    """Submit a text and print what came of it."""
    with Perfsite.from_environment() as perfsite:
        reflection = perfsite.wait(perfsite.submit(text, wait_seconds=WAIT_SECONDS))
    feeling, writing = reflection["stage1"], reflection["stage2"]
    for line in writing.get("help_lines", []) if writing else []:
        print(f"{line['contact']} - {line['name']} ({line['region']}) {line['hours']}".rstrip())
    if feeling:
        wheel = feeling["result"]["wheel"]
        print(f"Feeling: {wheel['primary'] if wheel else 'not clear'} ({feeling['cache']})")
    if writing:
        result = writing["result"]
        print(*result["poem"], *(f"- {tip}" for tip in result["tips"]), sep="\n")
        print(f"{result['closing_line']} ({writing['outcome']}, {writing['cache']})")
    print(f"Status: {reflection['status']}")


if __name__ == "__main__":
    try:
        main(" ".join(sys.argv[1:]))
    except (PerfsiteError, ValueError) as problem:
        sys.exit(f"Perfsite: {problem}")
