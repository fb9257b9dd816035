"""The asynchronous client says the same words as the blocking one and raises the same errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from enrichment.errors import HostBrokeOff, HostUnreachable, InferenceError, InvalidReply
from enrichment.inference.async_ollama import AsyncOllamaClient
from enrichment.inference.messages import Call, ChatRequest, GenerateRequest
from tests.unit.enrichment.inference.test_ollama_client import (
    CHAT,
    GENERATE,
    SETTINGS,
    URL,
    Host,
    answer,
    client_of,
)

REQUESTS = pytest.mark.parametrize(
    "request_",
    [
        GENERATE,
        replace(GENERATE, raw=True, top_logprobs=20, options={"num_predict": 0}),
        CHAT,
        replace(CHAT, format={"type": "object"}, images=(b"\x89PNG",)),
    ],
)


def run(
    host: Host, use: Callable[[AsyncOllamaClient], Coroutine[Any, Any, Any]], **more: Any
) -> Any:
    """Return what comes of using a client of a scripted host."""

    async def main() -> Any:
        transport = httpx.MockTransport(host)
        async with AsyncOllamaClient(URL, SETTINGS, transport=transport, **more) as client:
            return await use(client)

    return asyncio.run(main())


def ask(request: GenerateRequest | ChatRequest) -> Callable[[AsyncOllamaClient], Any]:
    if isinstance(request, GenerateRequest):
        return lambda client: client.generate(request)
    return lambda client: client.chat(request)


@REQUESTS
def test_question_and_reply_are_those_of_the_blocking_client(request_) -> None:
    """A program that changes over gets the same answers to the same bytes."""
    one, other = Host(), Host()
    reply = run(one, ask(request_))
    blocking = client_of(other)
    same = (
        blocking.generate(request_)
        if isinstance(request_, GenerateRequest)
        else blocking.chat(request_)
    )
    assert one.asked == other.asked
    assert reply == same


@pytest.mark.parametrize(
    "step",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        lambda _body: httpx.Response(200, text="<html>"),
        lambda _body: httpx.Response(404, json={"error": "model 'x' not found"}),
        lambda _body: httpx.Response(400, json={"error": "bad"}),
        lambda _body: httpx.Response(503),
        lambda _body: httpx.Response(200, json={"error": "no memory"}),
        lambda _body: answer(done=False),
    ],
)
def test_error_is_the_one_of_the_blocking_client(step) -> None:
    """Whatever the host does, both raise the same with the same words."""
    caught = []
    for put in (lambda host: run(host, ask(GENERATE)), lambda h: client_of(h).generate(GENERATE)):
        with pytest.raises(InferenceError) as info:
            put(Host(steps=[step] * 4))
        caught.append((type(info.value), str(info.value)))
    assert caught[0] == caught[1]


def test_question_that_was_not_accepted_is_asked_again() -> None:
    """Busy twice, then answered: one call of three attempts."""
    calls: list[Call] = []
    host = Host(steps=[httpx.Response(503), httpx.ConnectError("refused")])

    assert run(host, ask(GENERATE), observer=calls.append).text == " happy"
    assert [(call.attempts, call.error) for call in calls] == [(3, "")]


def test_identity_is_asked_for_once() -> None:
    """Questions in a row look for the model once."""

    async def thrice(client: AsyncOllamaClient) -> str:
        for _ in range(3):
            await client.generate(GENERATE)
        return (await client.identity()).name

    host = Host()
    assert run(host, thrice) == "small:1b"
    assert len(host.bodies("/api/tags")) == 1


def test_what_the_host_says_of_itself_is_read() -> None:
    """Version, loaded models and capabilities come from their own addresses."""

    def host(request: httpx.Request) -> httpx.Response:
        told = {
            "/api/version": {"version": "0.33.0"},
            "/api/tags": {"models": [{"name": "eye:1b", "digest": "ab"}]},
            "/api/ps": {"models": [{"name": "eye:1b"}]},
            "/api/show": {"capabilities": ["completion", "vision"]},
        }
        return httpx.Response(200, json=told[request.url.path])

    async def look(client: AsyncOllamaClient) -> Any:
        return (
            await client.version(),
            await client.loaded_models(),
            await client.capabilities(),
        )

    assert run(host, look) == ("0.33.0", ("eye:1b",), {"completion", "vision"})


class Endless(httpx.AsyncByteStream):
    """A stream that says when it was closed."""

    def __init__(self, line: bytes) -> None:
        self._line = line
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self._line
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        self.closed = True


def test_task_that_is_cancelled_closes_its_stream() -> None:
    """The host stops working on what nobody waits for any more."""
    stream = Endless(json.dumps({"response": " and", "done": False}).encode() + b"\n")
    calls: list[Call] = []

    async def cancelled(client: AsyncOllamaClient) -> None:
        await client.identity()
        task = asyncio.create_task(client.generate(GENERATE))
        while not calls and not task.done():
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(
        Host(steps=[lambda _body: httpx.Response(200, stream=stream)]),
        cancelled,
        observer=calls.append,
    )
    assert stream.closed
    assert calls[0].error == "CancelledError"


def test_stream_that_goes_on_after_its_json_is_closed() -> None:
    """A model that runs on in blanks is not listened to."""
    lines = [{"message": {"content": text}, "done": False} for text in ("{}", " ")]
    stream = Endless(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    host = Host(steps=[httpx.Response(200, stream=stream)])

    assert run(host, ask(replace(CHAT, format={}))).text == "{}"
    assert stream.closed


def test_host_that_is_away_is_a_typed_error() -> None:
    """No exception of the transport leaves."""
    for away, error in (
        (httpx.ConnectError("x"), HostUnreachable),
        (httpx.ReadError("x"), HostBrokeOff),
    ):
        with pytest.raises(error):
            run(Host(away=away), lambda client: client.identity())


def test_invalid_reply_is_told_to_the_observer() -> None:
    """A call that came to nothing is kept with its kind of error."""
    calls: list[Call] = []
    with pytest.raises(InvalidReply):
        run(Host(steps=[answer(done=False)]), ask(GENERATE), observer=calls.append)
    assert [(call.kind, call.error) for call in calls] == [("generate", "InvalidReply")]


@pytest.mark.engine
def test_example_of_the_docs_runs(engine_url: str) -> None:
    """What docs/hosts.md shows gives words of the model as it stands there."""
    page = (Path(__file__).parents[4] / "docs" / "hosts.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(example, names)
    assert asyncio.run(names["haiku"](engine_url)).strip()
