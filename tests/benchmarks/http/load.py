"""A load tool: keep-alive connections in one event loop, each with one request at a time.

Its own work is a small part of the server's, which is Python too; what it measures is a floor.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

READ_BYTES = 65536


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request as it goes over the wire, made once."""

    host: str
    port: int
    data: bytes


@dataclass
class Answers:
    """What came back: latencies in milliseconds, and how many of each status."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds

    def percentile(self, share: float) -> float:
        """Return a latency in milliseconds by nearest rank."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def add(self, other: "Answers") -> None:
        """Add what another round brought."""
        self.seconds += other.seconds
        self.latencies_ms += other.latencies_ms
        self.statuses += other.statuses


def message(
    method: str, url: str, token: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
) -> Message:
    """Return a request with a token."""
    parts = urlsplit(url)
    lines = [
        f"{method} {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Authorization: Bearer {token}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "", ""]).encode()
    return Message(host=str(parts.hostname), port=int(parts.port or 80), data=head + body)


async def as_fast_as_possible(request: Message, connections: int, seconds: float) -> Answers:
    """Send a request again and again over so many connections, each as soon as it is answered."""
    answers, ends_at = Answers(seconds=seconds), time.perf_counter() + seconds

    async def client() -> None:
        async with Connection(request) as connection:
            while (started := time.perf_counter()) < ends_at:
                status = await connection.ask(request)
                _note(answers, status, started)

    await asyncio.gather(*(client() for _ in range(connections)))
    return answers


async def at_rate(
    requests: Sequence[Message], rate: float, connections: int, seconds: float
) -> Answers:
    """Send requests in turn at a steady rate, however long answers take.

    Latency is counted from the moment when a request was due, so that one that had to wait for a
    free connection shows as slow.
    """
    answers = Answers(seconds=seconds)
    began, total = time.perf_counter(), int(rate * seconds)
    due = iter(range(total))

    async def client() -> None:
        async with Connection(requests[0]) as connection:
            for number in due:
                at = began + number / rate
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                status = await connection.ask(requests[number % len(requests)])
                _note(answers, status, at)

    await asyncio.gather(*(client() for _ in range(connections)))
    return answers


class Connection:
    """One keep-alive connection."""

    def __init__(self, request: Message) -> None:
        self._host, self._port = request.host, request.port

    async def __aenter__(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port, limit=READ_BYTES
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._writer.close()

    async def ask(self, request: Message) -> int:
        """Send a request, read its answer whole and return its status."""
        self._writer.write(request.data)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if length and status != 304:
            await self._reader.readexactly(length)
        return status


def _note(answers: Answers, status: int, since: float) -> None:
    answers.latencies_ms.append((time.perf_counter() - since) * 1000)
    answers.statuses[status] += 1
