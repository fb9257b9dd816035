"""An Ollama that answers at once, always the same; in a process of its own.

Prints its port. Each answer is one write of a whole chunked response, so that what is measured with
it is the client: its model generates nothing, and it neither parses nor builds anything.
"""

import asyncio
import json
import re
from typing import Any

MODEL = "instant:1b"
WORDS = 60
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
DONE = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 5_000_000,
    "load_duration": 0,
    "prompt_eval_count": 20,
    "prompt_eval_duration": 2_000_000,
    "eval_count": 1,
    "eval_duration": 3_000_000,
}


def _lines(*contents: dict[str, Any]) -> bytes:
    """Return a response that streams JSON lines, one a chunk, as Ollama does."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
    lines = [json.dumps({"model": MODEL, **content}).encode() + b"\n" for content in contents]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def _whole(content: dict[str, Any]) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _label() -> dict[str, Any]:
    """Return the line of Stage 1's one token, with its twenty candidates."""
    top = [
        {"token": f" word{number}", "logprob": -0.5 - number, "bytes": [32, 119]}
        for number in range(20)
    ]
    return {"response": " word0", "done": False, "logprobs": [{**top[0], "top_logprobs": top}]}


def _words() -> list[dict[str, Any]]:
    """Return the lines of a reply of Stage 2's length, one a token."""
    said = [
        {"message": {"role": "assistant", "content": f" {number}"}, "done": False}
        for number in range(WORDS)
    ]
    return [*said, {"message": {"role": "assistant", "content": ""}, **DONE}]


ANSWERS = {
    b"/api/generate": _lines(_label(), {"response": "", **DONE}),
    b"/api/chat": _lines(*_words()),
    b"/api/tags": _whole({"models": [{"name": MODEL, "digest": "a" * 64}]}),
}


class Connection(asyncio.Protocol):
    """Answers requests as they are whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := LENGTH.search(head)) else 0
        if end and len(rest) >= length:
            self._received = rest[length:]
            assert isinstance(self._transport, asyncio.WriteTransport)
            self._transport.write(ANSWERS[head.split(b" ", 2)[1]])


async def main() -> None:
    """Listen on a free port of loopback until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
