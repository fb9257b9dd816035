"""What every store takes and gives."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """An entry as it is stored."""

    id: int
    digest: bytes
    cache_type: str
    model: str
    value: bytes
    checksum: int
    size_bytes: int
    cost_ms: float | None
    created_ms: int
    expires_ms: int


# What a look-up needs of an entry: a plain tuple, because one is made on each hit.
# digest, value, checksum, expires_ms, created_ms, cost_ms, model
Found = tuple[bytes, bytes, int, int, int, float | None, str]
FOUND = ("digest", "value", "checksum", "expires_ms", "created_ms", "cost_ms", "model")


# How long a failure is kept for those who wait.
FAILURE_MS = 60_000


class Put(NamedTuple):
    """An entry that was stored since the last flush: what it is an answer to."""

    id: int
    content_id: int
    marks: str


class Use(NamedTuple):
    """Hits of an entry since the last flush."""

    id: int
    hits: int
    used_ms: int


class History(NamedTuple):
    """What is known of a key that has no entry.

    gone: why its entry went; None where the key was never stored. marks: of the newest key with
    the same content, "" where there is none.
    """

    gone: str | None
    marks: str


class FailedFlight(NamedTuple):
    """A computation that raised; token tells it from the one before."""

    token: int
    error: str


class Store(Protocol):
    """Each method raises StoreUnavailable, and nothing else, when the database can't do it."""

    def get(self, row_id: int) -> Found | None:
        """Return the entry under this id, whatever its digest."""
        ...

    def put(self, row: Row, generation: int | None = None) -> bool:
        """Store an entry, replacing what has its id.

        With a generation: only if no purge began since it was read. Returns whether it is stored.
        """
        ...

    def delete(self, row_id: int) -> None:
        """Delete an entry and what is known of it."""
        ...

    def generation(self) -> int:
        """Return the number that each purge raises."""
        ...

    def history(self, row_id: int, content_id: int) -> History:
        """Return why there may be no entry under this id."""
        ...

    def note(self, puts: Sequence[Put], uses: Sequence[Use]) -> int:
        """Write what happened since the last flush; return the bytes of all values now."""
        ...

    def lead(self, row_id: int) -> bool:
        """Try to become the one process that computes this key; ends with `release` or death."""
        ...

    def release(self, row_id: int) -> None:
        """Let another process compute this key; in the thread that leads."""
        ...

    def failure(self, row_id: int) -> FailedFlight | None:
        """Return the last computation of this key that raised, of the last minute or so."""
        ...

    def fail(self, row_id: int, failed: FailedFlight, now_ms: int) -> None:
        """Tell those who wait that the computation raised."""
        ...

    def check(self) -> None:
        """Read a row of each table on a new connection."""
        ...
