"""The client of Ollama's API, and the only speaker of it; knows no Django.

https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import re
import socket
import time
import weakref
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import orjson
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_chain, wait_random

from enrichment.errors import (
    CallAborted,
    EnrichmentError,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
    ModelMissing,
    QuestionRefused,
)
from enrichment.inference.messages import ChatRequest, GenerateRequest, ModelIdentity, Reply
from enrichment.inference.replies import join, read_reply, split_lines

# By scheme; a host without one is where Ollama listens by default.
DEFAULT_PORTS = {"": 11434, "http": 80, "https": 443}
HOST_NAME = re.compile(r"[\w.:%-]+")
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named, never listened on
# A model that was replaced under its name is noticed within this time.
IDENTITY_SECONDS = 30.0
# A host that is away is not asked for its models again before this time.
TROUBLE_SECONDS = 5.0
# For what a healthy host answers in milliseconds.
LOOK_SECONDS = 2.0
BUSY_STATUSES = {429, 502, 503}
# The members of a request that hold somebody's words.
QUESTIONS = {"prompt", "messages"}

Guard = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How a host is spoken to, and the options sent with each request.

    keep_alive: how long the host keeps the model loaded. num_thread, num_ctx: constant on
    purpose, because a change of num_ctx makes the host load the model again. num_batch: None leaves
    it to the host.
    """

    timeout_connect: float
    timeout_read: float
    retry_attempts: int
    retry_backoff_ms: tuple[int, ...]
    max_connections: int
    keep_alive: str
    num_thread: int
    num_ctx: int
    num_batch: int | None = None


def normalise_host(host: str) -> str:
    """Return the base URL for what OLLAMA_HOST may hold, as Ollama itself reads it.

    Raises:
        ValueError: it is neither a host, host:port nor an http(s) URL.
    """
    try:
        return _base_url(host)
    except (KeyError, ValueError, httpx.InvalidURL) as exc:
        raise ValueError(f"{host!r} is not a host, host:port or http(s) URL") from exc


def _base_url(host: str) -> str:
    scheme, _, place = host.strip().rpartition("://")
    parts = urlsplit(f"//{place}")
    name = LOOPBACK.get(parts.hostname or "", parts.hostname or "")
    # The library drops line breaks and takes blanks.
    if not HOST_NAME.fullmatch(name) or re.search(r"\s", place):
        raise ValueError("no name of a host")
    port = parts.port or DEFAULT_PORTS[scheme.lower()]
    name = f"[{name}]" if ":" in name else name
    url = f"{scheme.lower() or 'http'}://{name}:{port}{parts.path.rstrip('/')}"
    httpx.URL(url)
    return url


class OllamaClient:
    """One host's client; one object serves all threads of a process."""

    def __init__(
        self,
        base_url: str,
        settings: ClientSettings,
        *,
        model: str = "",
        guard: Guard = nullcontext,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """
        Args:
            base_url: as `normalise_host` returns it.
            model: the model to ask; empty means the first text model that the host lists.
            guard: around each question; raises what callers get if the host is not to be asked.
        """
        self.base_url = base_url
        self._settings = settings
        self._model = model
        self._guard = guard
        self._identity: ModelIdentity | None = None
        self._trouble: InferenceError | None = None
        self._ask_again_at = 0.0
        self._aborts = 0
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._http = httpx.Client(
            base_url=base_url,
            transport=transport,
            # A local service is never reached through a proxy.
            trust_env=False,
            timeout=httpx.Timeout(settings.timeout_read, connect=settings.timeout_connect),
            limits=httpx.Limits(max_connections=settings.max_connections),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def abort(self) -> None:
        """Break off what is being asked, from another thread: the caller gets CallAborted.

        Ollama stops working on a question whose connection is gone.
        """
        self._aborts += 1
        for connection in tuple(self._sockets):
            # Closing alone would wake nobody who waits for it.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def trouble(self) -> InferenceError | None:
        """Why the host did not answer when it was last asked who it is; None if it did."""
        return self._trouble

    def version(self) -> str:
        """Return the host's version.

        Raises:
            InferenceError: nothing that speaks Ollama's API answers there.
        """
        version = self._look("/api/version").get("version")
        if not isinstance(version, str):
            raise HostFailed(f"{self.base_url} does not speak Ollama's API")
        return version

    def identity(self) -> ModelIdentity:
        """Return which model answers, at most half a minute old.

        While the host is away it is the one that answered last, so that what is cached can still
        be served; a question to the model then fails by itself.

        Raises:
            ModelMissing: the host has no such model; the message says how to get it.
            InferenceError: the host has never answered, and does not now.
        """
        if time.monotonic() < self._ask_again_at:
            if self._identity:
                return self._identity
            if self._trouble:
                raise self._trouble
        try:
            self._identity, self._trouble = self._choose(self._models("/api/tags")), None
        except (HostUnreachable, HostBusy, HostBrokeOff) as exc:
            self._ask_again_at = time.monotonic() + TROUBLE_SECONDS
            self._trouble = exc
            if self._identity is None:
                raise
            return self._identity
        self._ask_again_at = time.monotonic() + IDENTITY_SECONDS
        return self._identity

    def loaded_models(self) -> tuple[str, ...]:
        """Return the names of the models in the host's memory."""
        return tuple(entry["name"] for entry in self._models("/api/ps"))

    def capabilities(self) -> frozenset[str]:
        """Return what the model can do, in Ollama's words: completion, vision, ...

        Raises:
            InferenceError: the host does not tell.
        """
        body = {"model": self.identity().name}
        with self._speaking() as extensions:
            response = self._http.post(
                "/api/show", json=body, timeout=LOOK_SECONDS, extensions=extensions
            )
        told = self._content(response.status_code, response.content, body).get("capabilities")
        return frozenset(map(str, told)) if isinstance(told, list) else frozenset()

    def preload(self) -> None:
        """Have the model loaded, so that the first question does not wait for it."""
        self._call("/api/generate", self._body({}, {}))

    def generate(self, request: GenerateRequest) -> Reply:
        """Return how the model goes on.

        Raises:
            InvalidReply: the host's answer has not the form of Ollama's API.
            InferenceError: there was no answer.
        """
        body: dict[str, Any] = {"prompt": request.prompt, "raw": request.raw}
        if request.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        content = self._ask("/api/generate", body, request.options)
        return read_reply(content, content.get("response"))

    def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; raises as `generate` does."""
        messages: list[dict[str, Any]]
        messages = [{"role": role, "content": text} for role, text in request.messages]
        if request.images:
            messages[-1]["images"] = [b64encode(image).decode() for image in request.images]
        body: dict[str, Any] = {"messages": messages}
        if request.format is not None:
            body["format"] = request.format
        content = self._ask("/api/chat", body, request.options)
        message = content.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        return read_reply(content, text)

    def _ask(self, path: str, body: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Put a question to the model, which stays loaded afterwards."""
        whole = self._body(body, options)
        with self._guard():
            return self._call(path, whole)

    def _body(self, question: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **question,
            "model": self.identity().name,
            "stream": True,
            "keep_alive": self._settings.keep_alive,
            "options": self._options(options),
        }

    def _look(self, path: str) -> dict[str, Any]:
        """Return what a host says of itself; pages wait for it, so it is tried once and shortly."""
        with self._speaking() as extensions:
            response = self._http.get(path, timeout=LOOK_SECONDS, extensions=extensions)
        return self._content(response.status_code, response.content, {})

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        fixed = {"num_ctx": self._settings.num_ctx, "num_thread": self._settings.num_thread}
        if self._settings.num_batch is not None:
            fixed["num_batch"] = self._settings.num_batch
        return {**fixed, **options}

    def _models(self, path: str) -> list[dict[str, Any]]:
        """Return the models that a path lists, each with a name."""
        listed = self._look(path).get("models") or []
        if not isinstance(listed, list) or not all(map(_is_model, listed)):
            raise HostFailed(f"{self.base_url} does not speak Ollama's API")
        return listed

    def _choose(self, listed: list[dict[str, Any]]) -> ModelIdentity:
        """Return the model to ask among those that /api/tags lists."""
        wanted = self._model if ":" in self._model or not self._model else f"{self._model}:latest"
        for entry in listed:
            capabilities = entry.get("capabilities")
            # Older hosts don't tell them.
            speaks = not isinstance(capabilities, list) or "completion" in capabilities
            if entry["name"] == wanted or (not wanted and speaks):
                return ModelIdentity(
                    name=entry["name"],
                    digest=str(entry.get("digest", "")),
                    # The embedded model names itself; Ollama has no such member.
                    engine=str(entry.get("engine", "ollama")),
                )
        if wanted:
            raise ModelMissing(f"{self.base_url} has no model {wanted}: ollama pull {wanted}")
        raise ModelMissing(f"{self.base_url} has no text model yet: ollama pull NAME")

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return what the host answers to a question; tries again only what was not accepted."""
        waits = [
            wait_random(ms / 1000, 1.5 * ms / 1000) for ms in self._settings.retry_backoff_ms
        ] or [wait_random(0, 0.1)]
        retrying = Retrying(
            stop=stop_after_attempt(self._settings.retry_attempts),
            wait=wait_chain(*waits),
            retry=retry_if_exception(_was_not_accepted),
            reraise=True,
        )
        return retrying(self._call_once, path, body)

    def _call_once(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a question, put together while the host streams it."""
        ends_at = time.monotonic() + self._settings.timeout_read
        with (
            self._speaking() as extensions,
            self._http.stream("POST", path, json=body, extensions=extensions) as response,
        ):
            if response.status_code != httpx.codes.OK:
                response.read()
                return self._content(response.status_code, response.content, body)
            lines = split_lines(self._chunks(response, ends_at))
            contents = [self._content(response.status_code, line, body) for line in lines]
        if not contents:
            raise HostFailed(f"{self.base_url} does not speak Ollama's API")
        return join(contents)

    def _chunks(self, response: httpx.Response, ends_at: float) -> Iterator[bytes]:
        """Yield an answer's bytes as they come; nothing that comes after the end is taken."""
        for chunk in response.iter_bytes():
            if time.monotonic() > ends_at:
                raise HostBrokeOff(f"{self.base_url} did not answer in time")
            yield chunk

    @contextmanager
    def _speaking(self) -> Iterator[dict[str, Any]]:
        """Turn what httpx raises into errors of ours; yields the extensions to call it with."""
        aborts = self._aborts
        try:
            yield {"trace": self._note_socket}
        except httpx.HTTPError as exc:
            if self._aborts != aborts:
                raise CallAborted from exc
            raise self._failed(exc) from exc

    def _failed(self, exc: httpx.HTTPError) -> InferenceError:
        if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
            return HostUnreachable(f"nothing answers at {self.base_url}")
        if isinstance(exc, httpx.TimeoutException):
            return HostBrokeOff(f"{self.base_url} did not answer in time")
        return HostBrokeOff(f"{self.base_url} broke off ({type(exc).__name__})")

    def _note_socket(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep each new connection's socket, for `abort`; called by httpx on its way."""
        # The second one's takes the first one's place.
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._sockets.add(info["return_value"].get_extra_info("socket"))

    def _content(self, status: int, body: bytes, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object of a body or a line, or raise what status or words say."""
        try:
            # Unlike the standard library's, this reader refuses NaN and halves of characters.
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        said = content.get("error") if isinstance(content, dict) else None
        if status in BUSY_STATUSES:
            raise HostBusy(f"{self.base_url} is busy ({status})")
        if status == httpx.codes.NOT_FOUND and said and "model" in asked:
            model = asked["model"]
            raise ModelMissing(f"{self.base_url} has no model {model}: ollama pull {model}")
        if httpx.codes.is_error(status) or said:
            # What a host says of a question may quote it, so it goes into no message.
            quotable = said and asked.keys().isdisjoint(QUESTIONS)
            kind = QuestionRefused if status == httpx.codes.BAD_REQUEST else HostFailed
            raise kind(
                f"{self.base_url} answered {status} with an error"
                + (f": {said}" if quotable else "")
            )
        if not isinstance(content, dict):
            raise HostFailed(f"{self.base_url} does not speak Ollama's API")
        return content


def _is_model(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _was_not_accepted(exc: BaseException) -> bool:
    return isinstance(exc, EnrichmentError) and exc.retryable
