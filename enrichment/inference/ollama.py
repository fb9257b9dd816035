"""The client of Ollama's API, and the only speaker of it; knows no Django.

https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_chain, wait_random

from enrichment.errors import (
    EnrichmentError,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
    InvalidReply,
    ModelMissing,
)
from enrichment.inference.messages import (
    ChatRequest,
    GenerateRequest,
    ModelIdentity,
    Reply,
    Timings,
)

DEFAULT_PORT = 11434
NANOSECONDS_PER_MS = 1e6
# A model that was replaced under its name is noticed within this time.
IDENTITY_SECONDS = 30.0
# A host that is away is not asked for its models again before this time.
TROUBLE_SECONDS = 3.0
BUSY_STATUSES = {429, 502, 503}
# Of an answer that is kept for diagnosis.
RAW_CHARACTERS = 10_000


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How a host is spoken to, and the options sent with each request.

    keep_alive: how long the host keeps the model loaded. num_thread, num_ctx: constant on
    purpose, because a change of num_ctx makes the host load the model again.
    """

    timeout_connect: float
    timeout_read: float
    retry_attempts: int
    retry_backoff_ms: tuple[int, ...]
    max_connections: int
    keep_alive: str
    num_thread: int
    num_ctx: int


def normalise_host(host: str) -> str:
    """Return the base URL for what OLLAMA_HOST may hold, as Ollama itself reads it.

    Raises:
        ValueError: it is neither a host, host:port nor an http(s) URL.
    """
    url = host.strip().rstrip("/")
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{host!r} is not a host, host:port or http(s) URL")
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parts.hostname, parts.hostname)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    default_port = {"https": 443}.get(parts.scheme, DEFAULT_PORT) if "://" in host else DEFAULT_PORT
    return f"{parts.scheme}://{name}:{parts.port or default_port}{parts.path}"


class OllamaClient:
    """One host's client; one object serves all threads of a process."""

    def __init__(
        self,
        base_url: str,
        settings: ClientSettings,
        *,
        model: str = "",
        engine: str = "ollama",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """
        Args:
            base_url: as `normalise_host` returns it.
            model: the model to ask; empty means the first text model that the host lists.
            engine: the name under which answers are filed.
        """
        self.base_url = base_url
        self._settings = settings
        self._model = model
        self._engine = engine
        self._identity: ModelIdentity | None = None
        self._trouble: InferenceError | None = None
        self._ask_again_at = 0.0
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

    def version(self) -> str:
        """Return the host's version.

        Raises:
            InferenceError: nothing that speaks Ollama's API answers there.
        """
        version = self._call("GET", "/api/version").get("version")
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
            listed = self._call("GET", "/api/tags").get("models") or []
            self._identity, self._trouble = self._choose(listed), None
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
        running = self._call("GET", "/api/ps").get("models") or []
        return tuple(str(model.get("name", "")) for model in running)

    def preload(self) -> None:
        """Have the model loaded, so that the first question does not wait for it."""
        self._ask("/api/generate", {}, {})

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
        return _reply(content, content.get("response"))

    def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; raises as `generate` does."""
        messages = [{"role": role, "content": text} for role, text in request.messages]
        body: dict[str, Any] = {"messages": messages}
        if request.format is not None:
            body["format"] = request.format
        content = self._ask("/api/chat", body, request.options)
        message = content.get("message")
        return _reply(content, message.get("content") if isinstance(message, dict) else None)

    def _ask(self, path: str, body: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Put a question to the model, which stays loaded afterwards."""
        common = {
            "model": self.identity().name,
            "stream": False,
            "keep_alive": self._settings.keep_alive,
            "options": self._options(options),
        }
        return self._call("POST", path, {**body, **common})

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        fixed = {"num_ctx": self._settings.num_ctx, "num_thread": self._settings.num_thread}
        return {**fixed, **options}

    def _choose(self, listed: list[dict[str, Any]]) -> ModelIdentity:
        """Return the model to ask among those that /api/tags lists."""
        wanted = self._model if ":" in self._model or not self._model else f"{self._model}:latest"
        for entry in listed:
            speaks = "completion" in entry.get("capabilities", ["completion"])
            if entry.get("name") == wanted or (not wanted and speaks):
                return ModelIdentity(
                    name=entry["name"], digest=str(entry.get("digest", "")), engine=self._engine
                )
        if wanted:
            raise ModelMissing(f"{self.base_url} has no model {wanted}: ollama pull {wanted}")
        raise ModelMissing(f"{self.base_url} has no text model yet: ollama pull NAME")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object that the host answers; tries again only what was not accepted."""
        waits = [
            wait_random(ms / 1000, 1.5 * ms / 1000) for ms in self._settings.retry_backoff_ms
        ] or [wait_random(0, 0.1)]
        retrying = Retrying(
            stop=stop_after_attempt(self._settings.retry_attempts),
            wait=wait_chain(*waits),
            retry=retry_if_exception(_was_not_accepted),
            reraise=True,
        )
        return retrying(self._call_once, method, path, body)

    def _call_once(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise HostUnreachable(f"nothing answers at {self.base_url}") from exc
        except httpx.TimeoutException as exc:
            raise HostBrokeOff(f"{self.base_url} did not answer in time") from exc
        except httpx.HTTPError as exc:
            raise HostBrokeOff(f"{self.base_url} broke off: {exc}") from exc
        return self._content(response)

    def _content(self, response: httpx.Response) -> dict[str, Any]:
        try:
            content = response.json()
        except ValueError:
            content = None
        said = content.get("error") if isinstance(content, dict) else None
        if response.status_code in BUSY_STATUSES:
            raise HostBusy(f"{self.base_url} is busy ({response.status_code})")
        if response.status_code == httpx.codes.NOT_FOUND and said:
            raise ModelMissing(f"{self.base_url}: {said}: ollama pull {self._model or 'NAME'}")
        if response.is_error or said:
            reason = said or response.reason_phrase
            raise HostFailed(f"{self.base_url} answered {response.status_code}: {reason}")
        if not isinstance(content, dict):
            raise HostFailed(f"{self.base_url} does not speak Ollama's API")
        return content


def _was_not_accepted(exc: BaseException) -> bool:
    return isinstance(exc, EnrichmentError) and exc.retryable


def _reply(content: dict[str, Any], text: Any) -> Reply:
    try:
        if not isinstance(text, str) or content.get("done") is not True:
            raise ValueError("no whole answer")  # noqa: TRY301  # joined with what follows
        return Reply(
            text=text,
            done_reason=str(content.get("done_reason", "stop")),
            timings=Timings(
                total_ms=content.get("total_duration", 0) / NANOSECONDS_PER_MS,
                load_ms=content.get("load_duration", 0) / NANOSECONDS_PER_MS,
                prompt_ms=content.get("prompt_eval_duration", 0) / NANOSECONDS_PER_MS,
                generation_ms=content.get("eval_duration", 0) / NANOSECONDS_PER_MS,
                prompt_tokens=content.get("prompt_eval_count", 0),
                generated_tokens=content.get("eval_count", 0),
            ),
            candidates=_candidates(content),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raw = str(content)[:RAW_CHARACTERS]
        raise InvalidReply("the host's answer has not the form of Ollama's API", raw) from exc


def _candidates(content: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the first token's candidates; Ollama sends none when the answer ends at once."""
    first, *_ = content.get("logprobs") or [{}]
    return tuple(
        (str(candidate.get("token", "")), float(candidate["logprob"]))
        for candidate in first.get("top_logprobs") or []
    )
