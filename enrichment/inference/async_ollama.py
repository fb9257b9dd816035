"""The client of Ollama's API for asynchronous programs; says the same words as `ollama`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import AsyncRetrying

from enrichment.errors import InferenceError
from enrichment.inference.exchange import (
    JSON,
    Acquaintance,
    ClientSettings,
    Exchange,
    Observer,
    Question,
    Stopwatch,
    for_looks,
)
from enrichment.inference.messages import (
    Call,
    ChatRequest,
    GenerateRequest,
    ModelIdentity,
    Reply,
)


class AsyncOllamaClient:
    """One host's client for one event loop. Methods answer and raise as `OllamaClient`'s do.

    A task that is cancelled while it waits breaks its question off: the connection is closed, and
    Ollama stops working on it.
    """

    def __init__(
        self,
        base_url: str,
        settings: ClientSettings,
        *,
        model: str = "",
        observer: Observer | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """
        Args:
            base_url: as `normalise_host` returns it.
            model: the model to ask; empty means the first text model that the host lists.
            observer: told of each question once it was answered or failed.
        """
        self.base_url = base_url
        self._exchange = Exchange(base_url=base_url, settings=settings, model=model)
        self._observer = observer
        self._known = Acquaintance()
        self._retrying = settings.retrying
        self._http = httpx.AsyncClient(
            base_url=base_url, transport=transport, **settings.for_questions
        )
        self._looks = httpx.AsyncClient(base_url=base_url, transport=transport, **for_looks())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()
        await self._looks.aclose()

    async def version(self) -> str:
        """Return the host's version."""
        return self._exchange.version(await self._look("GET", "/api/version"))

    async def identity(self) -> ModelIdentity:
        """Return which model answers, at most half a minute old."""
        if known := self._known.recall():
            return known
        try:
            content = await self._look("GET", "/api/tags")
            who = self._exchange.choose(self._exchange.models(content))
        except InferenceError as exc:
            return self._known.excuse(exc)
        return self._known.learn(who)

    async def loaded_models(self) -> tuple[str, ...]:
        """Return the names of the models in the host's memory."""
        listed = self._exchange.models(await self._look("GET", "/api/ps"))
        return tuple(entry["name"] for entry in listed)

    async def capabilities(self) -> frozenset[str]:
        """Return what the model can do, in Ollama's words: completion, vision, ..."""
        body = {"model": (await self.identity()).name}
        return self._exchange.capabilities(await self._look("POST", "/api/show", body))

    async def preload(self) -> None:
        """Have the model loaded, so that the first question does not wait for it."""
        await self._call(self._exchange.preload(await self.identity()), None)

    async def generate(self, request: GenerateRequest) -> Reply:
        """Return how the model goes on."""
        who = request.model or await self.identity()
        return await self._ask(self._exchange.generate(request, who))

    async def chat(self, request: ChatRequest) -> Reply:
        """Return the model's answer."""
        who = request.model or await self.identity()
        return await self._ask(self._exchange.chat(request, who))

    async def _ask(self, question: Question) -> Reply:
        watch = Stopwatch(self.base_url, question.body["model"], question.kind)
        try:
            reply = self._exchange.reply(await self._call(question, watch))
        except BaseException as exc:
            self._observe(watch.failed(exc))
            raise
        self._observe(watch.answered(reply))
        return reply

    def _observe(self, call: Call) -> None:
        if self._observer is not None:
            self._observer(call)

    async def _look(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        async with self._speaking():
            response = await self._looks.request(method, path, json=body)
        return self._exchange.read(response.status_code, response.content, body or {})

    async def _call(self, question: Question, watch: Stopwatch | None) -> dict[str, Any]:
        async for attempt in AsyncRetrying(**self._retrying):
            with attempt:
                if watch is not None:
                    watch.attempts += 1
                return await self._call_once(question)
        raise AssertionError("tenacity either returns or raises")

    async def _call_once(self, question: Question) -> dict[str, Any]:
        exchange = self._exchange
        async with (
            self._speaking(),
            self._http.stream(
                "POST", question.path, content=question.content, headers=JSON
            ) as response,
        ):
            if response.status_code != httpx.codes.OK:
                body = await response.aread()
                return exchange.read(response.status_code, body, question.body)
            answer, ends_at = exchange.answer(response.status_code, question), exchange.ends_at()
            async for chunk in response.aiter_bytes():
                exchange.check_time(ends_at)
                if answer.take(chunk):
                    break
        content = answer.content()
        if content is None:
            raise exchange.speaks_otherwise()
        return content

    @asynccontextmanager
    async def _speaking(self) -> AsyncIterator[None]:
        """Turn what httpx raises into errors of ours."""
        try:
            yield
        except httpx.HTTPError as exc:
            raise self._exchange.failed(exc) from exc
