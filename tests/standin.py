"""A scripted Ollama behind a real socket, for faults that a real model can't be made to have.

`tests/integration/enrichment/inference/test_standin.py` holds it to the embedded model's answers.
"""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "standin:1b"
DIGEST = "a" * 64
WRITING = {
    "poem": [
        "The rain is slow on the kitchen roof.",
        "A cup of tea grows warm in my hands.",
        "Somewhere a bird begins its evening song.",
    ],
    "tips": [
        "Open the window and breathe the cool air.",
        "Walk slowly around the block before dinner.",
        "Write a short note to an old friend.",
    ],
    "closing_line": "The evening is quiet and it is yours.",
}
SHOWN = "Two happy sisters laugh together on a sunny beach. The mood is joyful."
TIMINGS = {
    "total_duration": 5_000_000,
    "load_duration": 0,
    "prompt_eval_count": 20,
    "prompt_eval_duration": 2_000_000,
    "eval_count": 1,
    "eval_duration": 3_000_000,
}

# Status and body; of one that breaks off the body is what is sent of the stream before.
Answer = tuple[int, bytes]
BREAKS_OFF = 0


def as_json(content: Any, status: int = 200) -> Answer:
    """Return an answer with a JSON body."""
    return status, json.dumps(content).encode()


def feeling(words: dict[str, float]) -> Answer:
    """Return an answer to "The writer feels": words and their log probabilities."""
    top = [{"token": f" {word}", "logprob": value} for word, value in words.items()]
    entry = {"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}
    content = {"model": MODEL, "response": " happy", "done": True, "done_reason": "length"}
    return as_json({**content, **TIMINGS, "logprobs": [entry]})


def written(text: str) -> Answer:
    """Return an answer to a chat."""
    message = {"role": "assistant", "content": text}
    return as_json(
        {"model": MODEL, "message": message, "done": True, "done_reason": "stop", **TIMINGS}
    )


@dataclass
class Script:
    """What the stand-in answers, and what it was asked.

    Replace `generate` or `chat` to have it answer otherwise; each gets the request's body. With
    "vision" among its `capabilities` it can see: `chat` then gets images too.
    """

    url: str = ""
    generate: Callable[[dict[str, Any]], Answer] = lambda _body: feeling(
        {"grateful": -0.5, "happy": -1.5, "calm": -3.0}
    )
    chat: Callable[[dict[str, Any]], Answer] = lambda _body: written(json.dumps(WRITING))
    capabilities: tuple[str, ...] = ("completion",)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def questions(self, path: str) -> list[dict[str, Any]]:
        """Return the bodies that were sent to a path."""
        return [body for asked, body in self.asked if asked == path]

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        self.asked.append((path, body))
        match path:
            case "/api/generate":
                return self.generate(body)
            case "/api/chat":
                return self.chat(body)
        model = {"name": MODEL, "model": MODEL, "digest": DIGEST}
        able = {"capabilities": list(self.capabilities)}
        told: dict[str, Any] = {
            "/api/tags": {"models": [model | able]},
            "/api/show": able,
            "/api/ps": {"models": [{"name": MODEL, "digest": DIGEST}]},
            "/api/version": {"version": "0.33.0"},
        }
        if path in told:
            return as_json(told[path])
        return 404, b"404 page not found"


def sight(model: Script, shown: str = SHOWN) -> Callable[[dict[str, Any]], Answer]:
    """Return what a model answers that says this of each image; else it writes as it did."""
    plain = model.chat
    return lambda body: written(shown) if "images" in body["messages"][-1] else plain(body)


def as_lines(content: dict[str, Any]) -> Iterator[bytes]:
    """Yield a whole answer as Ollama streams it: a few words a line, then how it ended."""
    about = {name: content.pop(name) for name in ("model", "logprobs") if name in content}
    message = content.pop("message", None)
    text = content.pop("response") if message is None else message["content"]
    for words in [*re.findall(r".{1,20}", text, re.DOTALL), ""]:
        said = (
            {"response": words} if message is None else {"message": {**message, "content": words}}
        )
        end = {"done": False} if words else content
        yield json.dumps({**about, **said, **end}).encode() + b"\n"
        # They stand at the first token, and never on the line that ends the stream.
        about.pop("logprobs", None)


@contextmanager
def standin(
    script: Script | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Script]:
    """Serve a script; afterwards nothing answers there, and what was open is cut.

    Args:
        script: to go on with one that was served before.
        host: an address of this machine.
        port: 0 for a free one.
    """
    served = script or Script()
    connections: set[socket.socket] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each small piece of a stream waits for the one before to be acknowledged.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            connections.add(self.request)
            super().setup()

        def finish(self) -> None:
            with suppress(OSError):
                super().finish()
            connections.discard(self.request)

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(json.loads(self.rfile.read(length)))

        def _answer(self, body: dict[str, Any]) -> None:
            status, content = served.answer(self.path, body)
            if status == BREAKS_OFF:
                self._break_off(content)
            elif status == 200 and body.get("stream") and (whole := _whole(content)):
                self._stream(as_lines(whole))
            else:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def _stream(self, lines: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in lines:
                self._chunk(line)
            self._chunk(b"")

        def _break_off(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(content)
            self.close_connection = True

        def _chunk(self, content: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_where: Any) -> None:
            """A client that hung up is no fault."""

    server = Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    served.url = f"http://{host}:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        for connection in tuple(connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _whole(content: bytes) -> dict[str, Any] | None:
    """Return an answer that can be told in lines; None for what is no answer."""
    try:
        told = json.loads(content)
    except ValueError:
        return None
    speaks = isinstance(told, dict) and told.get("done") is True
    return told if speaks and ("response" in told or "message" in told) else None
