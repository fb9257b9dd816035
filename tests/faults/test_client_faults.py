"""Both clients over real sockets against hosts that die, hang, reset and lie."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from enrichment.errors import (
    HostBrokeOff,
    HostFailed,
    HostUnreachable,
    InferenceError,
    ModelMissing,
)
from enrichment.inference.async_ollama import AsyncOllamaClient
from enrichment.inference.exchange import ClientSettings
from enrichment.inference.messages import ChatRequest, ModelIdentity
from enrichment.inference.ollama import OllamaClient

# A silence longer than this is a host that hangs.
SETTINGS = ClientSettings(
    timeout_connect=1.0,
    timeout_read=0.3,
    retry_attempts=3,
    retry_backoff_ms=(0,),
    max_connections=2,
    keep_alive="30m",
    num_thread=1,
    num_ctx=2048,
)
WHO = ModelIdentity(name="small:1b", digest="ab" * 32, engine="ollama")
CHAT = ChatRequest(messages=(("user", "My zyxgrobble ran away"),), model=WHO)
LINE = (
    json.dumps({"message": {"role": "assistant", "content": "It"}, "done": False}).encode() + b"\n"
)
ERROR_LINE = b'{"error": "an error was encountered while running the model"}\n'

ANSWER = json.dumps({"message": {"content": "It rains."}, "done": True}).encode()

Script = Callable[[socket.socket, threading.Event], None]


def ok(body: bytes, status: str = "200 OK", *, length: int | None = None) -> bytes:
    """Return a response whose length is that of the body, or another."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


def chunked(*chunks: bytes, ended: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + body + (b"0\r\n\r\n" if ended else b"")


def says(content: bytes) -> Script:
    return lambda connection, _over: connection.sendall(content)


def dies_mid_stream(connection: socket.socket, _over: threading.Event) -> None:
    connection.sendall(chunked(LINE, LINE[:20], ended=False))


def resets(connection: socket.socket, _over: threading.Event) -> None:
    connection.sendall(chunked(LINE, ended=False))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs(_connection: socket.socket, over: threading.Event) -> None:
    over.wait(10)


def hangs_mid_stream(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(chunked(LINE, ended=False))
    over.wait(10)


def trickles(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(chunked(ended=False))
    while not over.wait(0.05):
        connection.sendall(b"%x\r\n%s\r\n" % (len(LINE), LINE))


@dataclass
class Server:
    url: str
    questions: list[bytes] = field(default_factory=list)


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Answer every connection by a script, and close it afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                server.questions.append(_read(connection))
                script(connection, over)
            except OSError:
                """The client hung up."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _read(connection: socket.socket) -> bytes:
    """Read a request with its body."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body


def chat(url: str) -> Any:
    with OllamaClient(url, SETTINGS) as client:
        return client.chat(CHAT)


def achat(url: str) -> Any:
    async def ask() -> Any:
        async with AsyncOllamaClient(url, SETTINGS) as client:
            return await client.chat(CHAT)

    return asyncio.run(ask())


CLIENTS = pytest.mark.parametrize("ask", [chat, achat])


@CLIENTS
@pytest.mark.parametrize(
    ("script", "error", "told"),
    [
        (dies_mid_stream, HostBrokeOff, "broke off"),
        (resets, HostBrokeOff, "broke off"),
        (hangs, HostBrokeOff, "in time"),
        (hangs_mid_stream, HostBrokeOff, "in time"),
        (trickles, HostBrokeOff, "in time"),
        (says(b""), HostBrokeOff, "broke off"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), HostBrokeOff, "broke off"),
        (says(ok(LINE, length=5000)), HostBrokeOff, "broke off"),
        (says(ok(b"<html>It works!</html>")), HostFailed, "does not speak Ollama's API"),
        (says(chunked(LINE, ERROR_LINE)), HostFailed, "answered 200 with an error"),
        (
            says(ok(b'{"error": "model \'x\' not found"}', "404 Not Found")),
            ModelMissing,
            "ollama pull",
        ),
    ],
)
def test_fault_is_a_typed_error_and_the_question_is_asked_once(
    ask: Callable[[str], Any], script: Script, error: type[InferenceError], told: str
) -> None:
    """What was accepted is never asked again, and no word of it stands in the error."""
    with serving(script) as server, pytest.raises(error, match=told) as caught:
        ask(server.url)
    assert len(server.questions) == 1
    assert "zyxgrobble" not in str(caught.value)


@CLIENTS
@pytest.mark.parametrize("status", ["429 Too Many Requests", "502 Bad Gateway", "503 Busy"])
def test_question_that_is_refused_at_first_is_answered(
    ask: Callable[[str], Any], status: str
) -> None:
    """Two refusals cost two short waits and no answer."""
    replies = iter([ok(b"", status), ok(b"", status), ok(ANSWER)])
    with serving(lambda connection, _over: connection.sendall(next(replies))) as server:
        assert ask(server.url).text == "It rains."
    assert len(server.questions) == 3


def slow(connection: socket.socket, over: threading.Event) -> None:
    """Take most of the time that an answer may take."""
    over.wait(0.2)
    connection.sendall(ok(ANSWER))


def test_questions_that_wait_for_a_connection_of_ours_are_no_fault_of_the_host() -> None:
    """Ten at once over two connections take longer than one may, and all are answered."""

    async def ten(url: str) -> list[str]:
        async with AsyncOllamaClient(url, SETTINGS) as client:
            replies = await asyncio.gather(*(client.chat(CHAT) for _ in range(10)))
        return [reply.text for reply in replies]

    with serving(slow) as server:
        assert asyncio.run(ten(server.url)) == ["It rains."] * 10
        with OllamaClient(server.url, SETTINGS) as client, ThreadPoolExecutor(10) as threads:
            replies = list(threads.map(client.chat, [CHAT] * 10))
    assert [reply.text for reply in replies] == ["It rains."] * 10


@CLIENTS
def test_host_that_is_not_there_is_unreachable(ask: Callable[[str], Any]) -> None:
    """Nothing listens: that is told with the address."""
    with serving(hangs) as server:
        pass
    with pytest.raises(HostUnreachable, match=server.url):
        ask(server.url)
