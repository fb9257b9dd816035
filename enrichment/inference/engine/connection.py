"""One HTTP connection: reading a bounded body, answering in one piece or in a stream of lines."""

import json
import select
import socket
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from enrichment.inference.engine.errors import RefusedError

MAX_BODY_BYTES = 1024 * 1024
# A body too large is read to its end, or the client could miss the answer that says so. One
# that is larger still loses its connection.
MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES
IDLE_SECONDS = 120
# Ends the version, which is that of the Ollama whose API it speaks.
EMBEDDED = "-perfsite"
VERSION = f"0.33.0{EMBEDDED}"


class Connection(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive; the routes are added by a subclass."""

    protocol_version = "HTTP/1.1"
    server_version = f"ollama/{VERSION}"
    sys_version = ""
    # Otherwise each streamed line waits for the acknowledgement of the one before (40 ms).
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS

    status = 0

    def is_open(self) -> bool:
        """Say whether the client is still there, without reading what it may have sent next."""
        try:
            poll = select.poll()
            poll.register(self.connection, select.POLLIN)
            if not poll.poll(0):
                return True
            peeked: bytes = self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return False
        return peeked != b""

    def read_body(self) -> bytes:
        """Read the request's body; empty when it has none.

        Raises:
            RefusedError: 413 when it is too large, 400 and 411 when its length is unclear.
        """
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise RefusedError(411, "the request needs a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise RefusedError(400, "the Content-Length is not a number")
        if int(length) > MAX_BODY_BYTES:
            self._drain(int(length))
            raise RefusedError(413, f"the request body is larger than {MAX_BODY_BYTES} bytes")
        return self.rfile.read(int(length))

    def _drain(self, length: int) -> None:
        if length > MAX_DRAINED_BYTES:
            self.close_connection = True
            return
        while length > 0 and (block := self.rfile.read(min(length, 65536))):
            length -= len(block)

    def answer(self, status: int, content: bytes, content_type: str) -> None:
        """Send a whole answer."""
        self.begin(status, content_type, {"Content-Length": str(len(content))})
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_json(self, status: int, payload: Mapping[str, Any]) -> None:
        """Send a whole answer as JSON."""
        self.answer(status, _json_bytes(payload), "application/json; charset=utf-8")

    def answer_text(self, status: int, text: str) -> None:
        """Send a whole answer as plain text."""
        self.answer(status, text.encode(), "text/plain; charset=utf-8")

    def begin(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        """Prepare the headers; `end_headers` sends them."""
        self.status = status
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep the standard library from writing to stderr."""


class LineStream:
    """An answer of one JSON object a line, each sent as it comes.

    The headers go out with the first line, so that what fails before it gets its own status.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # HTTP/1.0 knows no chunks: there the end of the connection ends the answer.
        self._chunked = connection.request_version != "HTTP/1.0"
        self.started = False

    def send(self, line: Mapping[str, Any]) -> None:
        """Send one line."""
        if not self.started:
            self._begin()
        data = _json_bytes(line) + b"\n"
        self._connection.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """Say that no line follows."""
        if self._chunked:
            self._connection.wfile.write(b"0\r\n\r\n")

    def _begin(self) -> None:
        self.started = True
        if not self._chunked:
            self._connection.close_connection = True
        self._connection.begin(
            200,
            "application/x-ndjson",
            {"Transfer-Encoding": "chunked"} if self._chunked else {},
        )
        self._connection.end_headers()


def _json_bytes(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
