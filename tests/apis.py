"""A scripted API behind a real socket, which counts how many ask it at once."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

GATHER_SECONDS = 20
# Long enough that one who comes too early is seen.
STAY_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request; names of headers in lower case. at: by `monotonic`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered; status 0 resets the connection."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0


RESET = Answer(status=0)


def as_json(content: Any, **headers: str) -> Answer:
    """Return a JSON answer; `cache_control="private"` is a header."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(body=orjson.dumps(content), headers={"Content-Type": "application/json"} | named)


class Crowd:
    """Counts who is inside at once, and the most that ever were.

    The first ones stay until `expected` have gathered, so that the most does not hang on chance.
    """

    def __init__(self, expected: int = 0) -> None:
        self.most = 0
        self._expected = expected
        self._now = 0
        self._changed = threading.Condition()

    @contextmanager
    def inside(self) -> Iterator[None]:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._expected, GATHER_SECONDS)
        time.sleep(STAY_SECONDS)
        try:
            yield
        finally:
            with self._changed:
                self._now -= 1


@dataclass
class Api:
    """What it answers, and what it was asked."""

    answer: Callable[[Asked], Answer] = lambda _asked: Answer()
    crowds: tuple[Crowd, ...] = ()
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def script(self, *answers: Answer) -> None:
        """Give these answers in turn, the last one from then on."""
        left = list(answers)
        lock = threading.Lock()

        def answer(_asked: Asked) -> Answer:
            with lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.answer = answer


@contextmanager
def running_api(api: Api | None = None) -> Iterator[Api]:
    """Serve an API on a free port of loopback until the block ends."""
    served = api or Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            asked = Asked(
                method=self.command,
                path=self.path,
                headers={name.lower(): text for name, text in self.headers.items()},
                body=self.rfile.read(length),
                at=time.monotonic(),
            )
            served.asked.append(asked)
            self._enter(asked, served.crowds)

        def _enter(self, asked: Asked, crowds: tuple[Crowd, ...]) -> None:
            if crowds:
                with crowds[0].inside():
                    self._enter(asked, crowds[1:])
            else:
                answer = served.answer(asked)
                time.sleep(answer.after)
                self._send(answer)

        def _send(self, answer: Answer) -> None:
            if not answer.status:
                self.request.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_where: Any) -> None:
            """A client that hung up is no fault."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        with suppress(OSError):
            server.shutdown()
            server.server_close()
