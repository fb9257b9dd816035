"""The client of Ollama's API, for one host; knows no Django."""

import os
import socket
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import Retrying

from enrichment.errors import CallAborted, CircuitOpen, InferenceError
from enrichment.inference.exchange import (
    JSON,
    Acquaintance,
    ClientSettings,
    Exchange,
    Guard,
    Observer,
    Question,
    Stopwatch,
    for_looks,
)
from enrichment.inference.messages import (
    Call,
    ChatRequest,
    GenerateRequest,
    HeldModel,
    ModelIdentity,
    Reply,
)
from enrichment.inference.replies import read_held

__all__ = ["ClientSettings", "OllamaClient"]


class OllamaClient:
    """One host's client; one object serves all threads of a process."""

    def __init__(
        self,
        base_url: str,
        settings: ClientSettings,
        *,
        model: str = "",
        guard: Guard = nullcontext,
        observer: Observer | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """
        Args:
            base_url: as `normalise_host` returns it.
            model: the model to ask; empty means the first text model that the host lists.
            guard: around each question; raises what callers get if the host is not to be asked.
            observer: told of each question once it was answered or failed.
        """
        self.base_url = base_url
        self._exchange = Exchange(base_url=base_url, settings=settings, model=model)
        self._guard = guard
        self._observer = observer
        self._known = Acquaintance()
        self._retrying = Retrying(**settings.retrying)
        self._aborts = 0
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._http = httpx.Client(base_url=base_url, transport=transport, **settings.for_questions)
        self._looks = httpx.Client(base_url=base_url, transport=transport, **for_looks())
        closing = weakref.finalize(self, _close_in, os.getpid(), self._http, self._looks)
        closing.atexit = False

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
        self._looks.close()

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
    def known(self) -> Acquaintance:
        """What is remembered of who answers there, without asking."""
        return self._known

    @property
    def trouble(self) -> InferenceError | None:
        """Why the host did not answer when it was last asked who it is; None if it did."""
        return self._known.trouble

    def version(self) -> str:
        """Return the host's version.

        Raises:
            InferenceError: nothing that speaks Ollama's API answers there.
        """
        return self._exchange.version(self._look("GET", "/api/version"))

    def identity(self) -> ModelIdentity:
        """Return which model answers, at most half a minute old.

        While the host is away it is the one that answered last, so that what is cached can still
        be served; a question to the model then fails by itself.

        Raises:
            ModelMissing: the host has no such model; the message says how to get it.
            InferenceError: the host has never answered, and does not now.
        """
        if known := self._known.recall():
            return known
        try:
            content = self._look("GET", "/api/tags")
            who = self._exchange.choose(self._exchange.models(content))
        except InferenceError as exc:
            return self._known.excuse(exc)
        return self._known.learn(who)

    def loaded_models(self) -> tuple[str, ...]:
        """Return the names of the models in the host's memory."""
        return tuple(model.name for model in self.held_models(loaded=True))

    def held_models(self, *, loaded: bool) -> tuple[HeldModel, ...]:
        """Return the models in the host's memory, or those on its disk.

        Raises:
            InferenceError: nothing that speaks Ollama's API answers there.
        """
        content = self._look("GET", "/api/ps" if loaded else "/api/tags")
        return tuple(map(read_held, self._exchange.models(content)))

    def capabilities(self) -> frozenset[str]:
        """Return what the model can do, in Ollama's words: completion, vision, ...

        Raises:
            InferenceError: the host does not tell.
        """
        return self._exchange.capabilities(
            self._look("POST", "/api/show", {"model": self.identity().name})
        )

    def preload(self, *beginnings: GenerateRequest | ChatRequest) -> None:
        """Have the model loaded, so that the first question does not wait for it.

        Args:
            beginnings: what questions begin with; the host then has it in its prompt cache. None
                of this is told to the observer: nobody waits for it.
        """
        self._call(self._exchange.preload(self.identity()), None)
        for beginning in beginnings:
            self._call(self._question(beginning), None)

    def probe(self) -> None:
        """Ask for one token, which tells whether the host infers; loading alone would not.

        Raises:
            InferenceError: it does not.
        """
        request = GenerateRequest(
            prompt="Hello", raw=True, options={"num_predict": 1, "temperature": 0}
        )
        with self._guard():
            self._call(self._question(request), None)

    def generate(self, request: GenerateRequest) -> Reply:
        """Return how the model goes on.

        Raises:
            InvalidReply: the host's answer has not the form of Ollama's API.
            InferenceError: there was no answer.
        """
        return self._ask(request)

    def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer; raises as `generate` does."""
        return self._ask(request)

    def _ask(self, request: GenerateRequest | ChatRequest) -> Reply:
        """Put a question to the model, which stays loaded afterwards."""
        question = self._question(request)
        watch = Stopwatch(self.base_url, question.body["model"], question.kind)
        try:
            with self._guard():
                content = self._call(question, watch)
            reply = self._exchange.reply(content)
        except CircuitOpen:
            # Nothing was asked.
            raise
        except BaseException as exc:
            self._observe(watch.failed(exc))
            raise
        self._observe(watch.answered(reply))
        return reply

    def _observe(self, call: Call) -> None:
        if self._observer is not None:
            self._observer(call)

    def _question(self, request: GenerateRequest | ChatRequest) -> Question:
        who = request.model or self.identity()
        if isinstance(request, GenerateRequest):
            return self._exchange.generate(request, who)
        return self._exchange.chat(request, who)

    def _look(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what a host says of itself; pages wait for it, so it is tried once and shortly."""
        with self._speaking() as extensions:
            response = self._looks.request(method, path, json=body, extensions=extensions)
        return self._exchange.read(response.status_code, response.content, body or {})

    def _call(self, question: Question, watch: Stopwatch | None) -> dict[str, Any]:
        """Return what the host answers to a question; tries again only what was not accepted."""
        aborts = self._aborts
        for attempt in self._retrying:
            with attempt:
                if self._aborts != aborts:
                    raise CallAborted
                if watch is not None:
                    watch.attempts += 1
                return self._call_once(question)
        raise AssertionError("tenacity either returns or raises")

    def _call_once(self, question: Question) -> dict[str, Any]:
        """Return the answer to a question, put together while the host streams it."""
        exchange = self._exchange
        with (
            self._speaking() as extensions,
            self._http.stream(
                "POST",
                question.path,
                content=question.content,
                headers=JSON,
                extensions=extensions,
            ) as response,
        ):
            if response.status_code != httpx.codes.OK:
                response.read()
                return exchange.read(response.status_code, response.content, question.body)
            answer, ends_at = exchange.answer(response.status_code, question), exchange.ends_at()
            for chunk in response.iter_bytes():
                exchange.check_time(ends_at)
                if answer.take(chunk):
                    break
        content = answer.content()
        if content is None:
            raise exchange.speaks_otherwise()
        return content

    @contextmanager
    def _speaking(self) -> Iterator[dict[str, Any]]:
        """Turn what httpx raises into errors of ours; yields the extensions to call it with."""
        aborts = self._aborts
        try:
            # Not a method: what httpx keeps of a request would keep this client from its end.
            yield {"trace": partial(_note_socket, self._sockets)}
        except httpx.HTTPError as exc:
            if self._aborts != aborts:
                raise CallAborted from exc
            raise self._exchange.failed(exc) from exc


def _note_socket(
    sockets: weakref.WeakSet[socket.socket], event: str, info: Mapping[str, Any]
) -> None:
    """Keep each new connection's socket, for `abort`; called by httpx on its way."""
    # The second one's takes the first one's place.
    if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
        sockets.add(info["return_value"].get_extra_info("socket"))


def _close_in(process: int, *clients: httpx.Client) -> None:
    """Close connections that nobody uses any more, which garbage collection may take long to do.

    A forked child leaves its parent's alone: their locks may have been held when it was forked.
    """
    if os.getpid() == process:
        for client in clients:
            client.close()
