"""What every store takes and gives."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """An entry as it is stored; a tuple, because it is made on each hit."""

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


class Use(NamedTuple):
    """Hits of an entry since the last flush."""

    id: int
    hits: int
    used_ms: int


class Store(Protocol):
    """Each method raises StoreUnavailable, and nothing else, when the database can't do it."""

    def get(self, row_id: int) -> Row | None: ...

    def put(self, row: Row) -> None: ...

    def delete(self, row_id: int) -> None: ...

    def add_uses(self, uses: Iterable[Use]) -> None: ...
