"""What is said to a host and how its answers are read, without a connection to it.

The blocking and the asynchronous client carry the same words. The form is that of Ollama's API:
https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import json
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import orjson
from tenacity import retry_if_exception, stop_after_attempt, wait_chain, wait_random

from enrichment.errors import (
    EnrichmentError,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
    ModelMissing,
    QuestionRefused,
)
from enrichment.inference.messages import (
    Call,
    ChatRequest,
    GenerateRequest,
    ModelIdentity,
    Reply,
)
from enrichment.inference.replies import StreamedAnswer, read_reply, text_of

# A model that was replaced under its name is noticed within this time.
IDENTITY_SECONDS = 30.0
# A host that is away is not asked for its models again before this time.
TROUBLE_SECONDS = 5.0
# For what a healthy host answers in milliseconds.
LOOK_SECONDS = 2.0
BUSY_STATUSES = {429, 502, 503}
# The members of a request that hold somebody's words or pictures.
QUESTIONS = {"prompt", "messages"}
JSON = {"Content-Type": "application/json"}
# A host that is away says nothing of its models.
AWAY = (HostUnreachable, HostBusy, HostBrokeOff)

Guard = Callable[[], AbstractContextManager[None]]
Observer = Callable[[Call], None]


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How a host is spoken to, and the options sent with each request.

    retry_attempts: how often a question that was not accepted is asked again.
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

    @property
    def for_questions(self) -> dict[str, Any]:
        """Return what an HTTP client for questions is made with.

        Who waits for one of our own connections waits for our own questions, which end.
        """
        timeout = httpx.Timeout(self.timeout_read, connect=self.timeout_connect, pool=None)
        limits = httpx.Limits(max_connections=self.max_connections)
        return {"trust_env": False, "verify": _tls(), "timeout": timeout, "limits": limits}

    @property
    def retrying(self) -> dict[str, Any]:
        """Return how a question that was not accepted is asked again, as tenacity is made with."""
        waits = [wait_random(ms / 1000, 1.5 * ms / 1000) for ms in self.retry_backoff_ms]
        return {
            "stop": stop_after_attempt(1 + self.retry_attempts),
            "wait": wait_chain(*(waits or [wait_random(0, 0.1)])),
            "retry": retry_if_exception(was_not_accepted),
            "reraise": True,
        }


def for_looks() -> dict[str, Any]:
    """Return what an HTTP client is made with for what a host says of itself, beside the questions.

    It is never reached through a proxy.
    """
    return {"trust_env": False, "verify": _tls(), "timeout": LOOK_SECONDS}


@cache
def _tls() -> ssl.SSLContext:
    """Return what all clients of this process share: reading the authorities' list takes 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


def was_not_accepted(exc: BaseException) -> bool:
    """Return whether a question was surely not worked on, so that it may be asked again."""
    return isinstance(exc, EnrichmentError) and exc.retryable


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request's path and body. is_json: the answer's text is to be a JSON value."""

    path: str
    body: Mapping[str, Any]
    is_json: bool = False

    @property
    def kind(self) -> str:
        return self.path.rpartition("/")[-1]

    @property
    def content(self) -> bytes:
        """The body as it is sent; half of a character becomes a question mark."""
        try:
            return orjson.dumps(self.body)
        except orjson.JSONEncodeError:
            return json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One host's side of the conversation.

    model: the model to ask; empty means the first text model that the host lists.
    """

    base_url: str
    settings: ClientSettings
    model: str

    def generate(self, request: GenerateRequest, who: ModelIdentity) -> Question:
        body: dict[str, Any] = {"prompt": request.prompt, "raw": request.raw}
        if request.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        return Question(path="/api/generate", body=self._body(body, request.options, who))

    def chat(self, request: ChatRequest, who: ModelIdentity) -> Question:
        messages: list[dict[str, Any]]
        messages = [{"role": role, "content": text} for role, text in request.messages]
        if request.images:
            messages[-1]["images"] = [b64encode(image).decode() for image in request.images]
        body: dict[str, Any] = {"messages": messages}
        if request.format is not None:
            body["format"] = request.format
        return Question(
            path="/api/chat",
            body=self._body(body, request.options, who),
            is_json=request.format is not None,
        )

    def preload(self, who: ModelIdentity) -> Question:
        """Ask nothing but to load the model."""
        return Question(path="/api/generate", body=self._body({}, {}, who))

    def _body(
        self, asked: dict[str, Any], options: Mapping[str, Any], who: ModelIdentity
    ) -> dict[str, Any]:
        how = self.settings
        fixed = {"num_ctx": how.num_ctx, "num_thread": how.num_thread}
        if how.num_batch is not None:
            fixed["num_batch"] = how.num_batch
        return {
            **asked,
            "model": who.name,
            "stream": True,
            "keep_alive": how.keep_alive,
            "options": {**fixed, **options},
        }

    def answer(self, status: int, question: Question) -> StreamedAnswer:
        """Return what takes in an answer."""
        return StreamedAnswer(
            lambda line: self.read(status, line, question.body), is_json=question.is_json
        )

    def reply(self, content: dict[str, Any]) -> Reply:
        """Return the reply of an answer.

        Raises:
            InvalidReply: it is not whole, or has not the form of Ollama's API.
        """
        return read_reply(content, text_of(content))

    def read(self, status: int, body: bytes, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object of a body or a line, or raise what status or words say.

        Args:
            asked: the body that was sent.
        """
        try:
            # Unlike the standard library's, this reader refuses NaN and halves of characters.
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        said = content.get("error") if isinstance(content, dict) else None
        if status == httpx.codes.OK and not said and isinstance(content, dict):
            return content
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
            raise self.speaks_otherwise()
        return content

    def models(self, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the models that an answer lists, each with a name."""
        listed = content.get("models") or []
        if not isinstance(listed, list) or not all(map(_is_model, listed)):
            raise self.speaks_otherwise()
        return listed

    def version(self, content: Mapping[str, Any]) -> str:
        """Return the host's version."""
        version = content.get("version")
        if not isinstance(version, str):
            raise self.speaks_otherwise()
        return version

    def capabilities(self, content: Mapping[str, Any]) -> frozenset[str]:
        """Return what a model can do, in Ollama's words."""
        told = content.get("capabilities")
        return frozenset(map(str, told)) if isinstance(told, list) else frozenset()

    def choose(self, listed: list[dict[str, Any]]) -> ModelIdentity:
        """Return the model to ask among those that /api/tags lists.

        Raises:
            ModelMissing: there is none; the message says how to get it.
        """
        wanted = self.model if ":" in self.model or not self.model else f"{self.model}:latest"
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

    def check_time(self, ends_at: float) -> None:
        """Raise HostBrokeOff once an answer takes too long, though it still trickles."""
        if time.monotonic() > ends_at:
            raise HostBrokeOff(f"{self.base_url} did not answer in time")

    def ends_at(self) -> float:
        """Return when an answer that begins now has to be whole, by the monotonic clock."""
        return time.monotonic() + self.settings.timeout_read

    def speaks_otherwise(self) -> HostFailed:
        return HostFailed(f"{self.base_url} does not speak Ollama's API")

    def failed(self, exc: httpx.HTTPError) -> InferenceError:
        """Return what an error of the transport means."""
        if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
            return HostUnreachable(f"nothing answers at {self.base_url}")
        if isinstance(exc, httpx.TimeoutException):
            return HostBrokeOff(f"{self.base_url} did not answer in time")
        return HostBrokeOff(f"{self.base_url} broke off ({type(exc).__name__})")


@dataclass
class Acquaintance:
    """What is remembered of who answers at a host, and for how long."""

    identity: ModelIdentity | None = None
    trouble: InferenceError | None = None
    _ask_again_at: float = field(default=0.0)

    @property
    def is_due(self) -> bool:
        """Whether the host is to be asked again."""
        return time.monotonic() >= self._ask_again_at

    def recall(self) -> ModelIdentity | None:
        """Return who answers, or raise why nobody does; None when that is too long ago."""
        if self.is_due:
            return None
        trouble, identity = self.trouble, self.identity
        if identity is None and trouble:
            # Raised many times: each would add to what it holds on to.
            raise trouble.with_traceback(None)
        return identity

    def learn(self, identity: ModelIdentity) -> ModelIdentity:
        """Remember who answered."""
        self.identity, self.trouble = identity, None
        self._ask_again_at = time.monotonic() + IDENTITY_SECONDS
        return identity

    def excuse(self, exc: InferenceError) -> ModelIdentity:
        """Remember that nobody answered; return who did so last, or raise the error."""
        # A host that answers has the last word on its models.
        last = self.identity if isinstance(exc, AWAY) else None
        self.identity, self.trouble = last, exc
        self._ask_again_at = time.monotonic() + TROUBLE_SECONDS
        if last is None:
            raise exc
        return last


class Stopwatch:
    """Measures one question, for who observes the calls."""

    def __init__(self, host: str, model: str, kind: str) -> None:
        self._host = host
        self._model = model
        self._kind = kind
        self._started = time.perf_counter()
        self.attempts = 0

    def answered(self, reply: Reply) -> Call:
        return self._call(timings=reply.timings)

    def failed(self, exc: BaseException) -> Call:
        return self._call(error=type(exc).__name__)

    def _call(self, **more: Any) -> Call:
        return Call(
            host=self._host,
            model=self._model,
            kind=self._kind,
            elapsed_ms=(time.perf_counter() - self._started) * 1000,
            attempts=max(1, self.attempts),
            **more,
        )


def _is_model(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)
