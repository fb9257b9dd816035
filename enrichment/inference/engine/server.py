"""The engine's routes and its process: listening, answering, ending."""

import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from enrichment.inference.engine import card, gate, processor, protocol
from enrichment.inference.engine.availability import missing, model_path
from enrichment.inference.engine.connection import VERSION, Connection, LineStream
from enrichment.inference.engine.errors import AbandonedError, EngineUnavailableError, RefusedError
from enrichment.inference.engine.protocol import Endpoint, Piece, Request
from enrichment.inference.engine.runner import Runner

# Generation stops within a quarter of a second; loading can't be interrupted and takes longer.
END_SECONDS = 5.0

# One line a request, at DEBUG: method, path, status and time, never a prompt or a reply.
logger = logging.getLogger(__name__)


class EngineServer(ThreadingHTTPServer):
    """Listens on loopback from its construction on; `serve_forever` answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, runner: Runner) -> None:
        if not gate.is_loopback(host):
            raise ValueError(f"{host} is not a loopback address.")
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.runner = runner
        super().__init__((host, port), Routes)

    def server_bind(self) -> None:
        """Bind without the base class's look-up of the host's full name, which may ask DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.address

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it listens on."""
        host, port = self.socket.getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        """Where clients find it, without a slash at the end."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, *_: Any) -> None:
        """Take a client that vanished for what it is, instead of printing a traceback."""
        logger.debug("connection lost: %s", type(sys.exception()).__name__)


class Routes(Connection):
    """Ollama's paths."""

    server: EngineServer

    def _answer(self) -> None:
        """Answer one request, whatever its method."""
        started = time.monotonic()
        self.status = 0
        try:
            self._dispatch()
        except RefusedError as refusal:
            self.answer_json(refusal.status, {"error": refusal.message})
        except (AbandonedError, OSError):
            self.close_connection = True
        except Exception:
            # The boundary of a request: one that fails must not take the server along.
            logger.exception("%s %s failed", self.command, self._route)
            self.close_connection = True
            if not self.status:
                self.answer_json(500, {"error": "internal error"})
        elapsed_ms = (time.monotonic() - started) * 1000
        logger.debug("%s %s %s %.0f ms", self.command, self._route, self.status, elapsed_ms)

    # The names by which the base class finds what answers a method.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    @property
    def _route(self) -> str:
        return self.path.partition("?")[0]

    def _dispatch(self) -> None:
        body = self.read_body()
        gate.check_headers(self.headers)
        reads: dict[str, Callable[[], None]] = {
            "/": lambda: self.answer_text(200, "Ollama is running"),
            "/api/version": lambda: self.answer_json(200, {"version": VERSION}),
            "/api/tags": lambda: self.answer_json(200, {"models": [card.tag(self._runner)]}),
            "/api/ps": self._ps,
        }
        writes: dict[str, Callable[[bytes], None]] = {
            "/api/show": self._show,
            "/api/generate": lambda body: self._generate(Endpoint.GENERATE, body),
            "/api/chat": lambda body: self._generate(Endpoint.CHAT, body),
        }
        if self._route in reads and self.command in {"GET", "HEAD"}:
            reads[self._route]()
        elif self._route in writes and self.command == "POST":
            writes[self._route](body)
        elif self._route in reads or self._route in writes:
            self.answer_text(405, "405 method not allowed")
        else:
            self.answer_text(404, "404 page not found")

    @property
    def _runner(self) -> Runner:
        return self.server.runner

    def _ps(self) -> None:
        models = [card.process(self._runner)] if self._runner.loaded else []
        self.answer_json(200, {"models": models})

    def _show(self, body: bytes) -> None:
        _check_model(protocol.model_name(protocol.parse_body(body)))
        self.answer_json(200, card.show(self._runner))

    def _generate(self, endpoint: Endpoint, body: bytes) -> None:
        started_ns = time.perf_counter_ns()
        request = protocol.parse_request(endpoint, protocol.parse_body(body))
        _check_model(request.model)
        if request.prompt is None:
            self._set_lifetime(request)
        elif request.stream:
            self._stream(request, started_ns)
        else:
            pieces: list[Piece] = []
            done = self._run(request, pieces.append, started_ns)
            self.answer_json(200, protocol.whole_reply(request, pieces, done))

    def _set_lifetime(self, request: Request) -> None:
        if request.keep_alive_seconds == 0:
            self._runner.unload(self.is_open)
            self.answer_json(200, protocol.lifetime_reply(request, "unload"))
        else:
            self._runner.load(request.keep_alive_seconds, request.options.num_thread, self.is_open)
            self.answer_json(200, protocol.lifetime_reply(request, "load"))

    def _stream(self, request: Request, started_ns: int) -> None:
        stream = LineStream(self)
        try:
            done = self._run(
                request,
                lambda piece: stream.send(protocol.content_line(request, piece)),
                started_ns,
            )
        except RefusedError as refusal:
            if not stream.started:
                raise
            # The status has been sent: Ollama, too, says it in a line that no done line follows.
            done = {"error": refusal.message}
        stream.send(done)
        stream.end()

    def _run(
        self, request: Request, on_piece: Callable[[Piece], None], started_ns: int
    ) -> dict[str, Any]:
        result = self._runner.generate(request, on_piece, self.is_open)
        total_ns = time.perf_counter_ns() - started_ns
        return protocol.done_line(request, result.outcome, total_ns, result.load_ns)


def _check_model(name: str) -> None:
    if name != card.NAME:
        raise RefusedError(404, f"model '{name}' not found")


def serve(
    host: str,
    port: int,
    *,
    threads: int | None = None,
    on_ready: Callable[[str], None],
) -> bool:
    """Serve the embedded model until SIGTERM or SIGINT. Call it in the main thread.

    It listens first and loads the model then; a request that needs the model waits for it.

    Args:
        host: a loopback address.
        port: 0 for a free one.
        threads: for generation; None for the number of physical cores.
        on_ready: called with the base URL once connections are accepted.

    Returns:
        False when a generation did not let go in time: the process must then end by `os._exit`,
        since the interpreter can't wait for native code.

    Raises:
        EngineUnavailableError: the model can't run here.
        OSError: the port can't be had.
    """
    path = model_path()
    if (reason := missing()) or path is None:
        raise EngineUnavailableError(reason or "The embedded model's file is missing.")
    ending = threading.Event()
    runner = Runner(path, threads=threads or processor.physical_cores(), ending=ending)
    server = EngineServer(host, port, runner)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    try:
        on_ready(server.url)
        # Reading the file lets other threads answer, which llama.cpp's loading doesn't; and it
        # is in the page cache then.
        runner.digest()
        # A request may have been faster and hold the turn, with the end coming meanwhile.
        with suppress(AbandonedError):
            runner.load()
        ending.wait()
    finally:
        server.shutdown()
        server.server_close()
        ended = runner.close(END_SECONDS)
    return ended
