"""A scripted Ollama behind a real socket, for faults that a real model can't be made to have.

`tests/integration/enrichment/inference/test_standin.py` holds it to the embedded model's answers.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
TIMINGS = {
    "total_duration": 5_000_000,
    "load_duration": 0,
    "prompt_eval_count": 20,
    "prompt_eval_duration": 2_000_000,
    "eval_count": 1,
    "eval_duration": 3_000_000,
}

Answer = tuple[int, bytes]


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

    Replace `generate` or `chat` to have it answer otherwise; each gets the request's body.
    """

    url: str = ""
    generate: Callable[[dict[str, Any]], Answer] = lambda _body: feeling(
        {"grateful": -0.5, "happy": -1.5, "calm": -3.0}
    )
    chat: Callable[[dict[str, Any]], Answer] = lambda _body: written(json.dumps(WRITING))
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
            case "/api/tags":
                model = {"name": MODEL, "model": MODEL, "digest": DIGEST}
                return as_json({"models": [{**model, "capabilities": ["completion"]}]})
            case "/api/ps":
                return as_json({"models": [{"name": MODEL, "digest": DIGEST}]})
            case "/api/version":
                return as_json({"version": "0.33.0"})
        return 404, b"404 page not found"


@contextmanager
def standin() -> Iterator[Script]:
    """Serve a script on a free port of loopback."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(json.loads(self.rfile.read(length)))

        def _answer(self, body: dict[str, Any]) -> None:
            status, content = script.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
