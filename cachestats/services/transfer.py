"""Entries as a file, so that a warm cache moves between machines.

JSON lines: a header with the fingerprint of the pepper, without which no key would be found again;
a line an entry; and a last line with their number, the proof that the file is whole. The values
were inferred from people's words: the file is as private as the cache.
"""

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from django.conf import settings
from django.db import router, transaction
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cachestats.errors import InvalidTransfer
from cachestats.keys import CACHE_TYPE, fingerprint
from cachestats.models import CacheEntry, EntryUse
from cachestats.models.entries import EntryQuerySet, row_id
from cachestats.services.removal import count, uncount

BATCH_ROWS = 500
# Up to the year 9999, after which no date can be shown.
Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Header(_Line):
    """The first line."""

    format: Literal["perfsite-cache"]
    version: Literal[1]
    pepper: str
    exported_at: str


class Entry(_Line):
    """An entry. value: its JSON text, so that it arrives byte for byte."""

    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    cache_type: str = Field(pattern=f"^{CACHE_TYPE.pattern}$")
    model: str = Field(max_length=200)
    value: str
    checksum: int
    cost_ms: float | None
    created_ms: Milliseconds
    expires_ms: Milliseconds
    content_id: int = Field(ge=-(2**63), lt=2**63)
    marks: str


class End(_Line):
    """The last line."""

    entries: int


LINE: TypeAdapter[Entry | End] = TypeAdapter(Entry | End)


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """skipped: expired meanwhile, or here in a newer version. bytes: of the imported values."""

    imported: int
    skipped: int
    bytes: int


def export_entries(cache_type: str | None = None, model: str | None = None) -> Iterator[bytes]:
    """Yield the lines of live entries, in batches that hold no lock."""
    header = Header(
        format="perfsite-cache",
        version=1,
        pepper=_pepper(),
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    yield _encoded(header)
    entries = CacheEntry.objects.filter(expires_ms__gt=_now_ms()).order_by("id")
    if cache_type is not None:
        entries = entries.filter(cache_type=cache_type)
    if model is not None:
        entries = entries.filter(model=model)
    written = 0
    for batch in _batches_of_rows(entries):
        known = EntryUse.objects.in_bulk([row.id for row in batch])
        for row in batch:
            if (text := _whole(row)) is None:
                continue
            use = known.get(row.id)
            written += 1
            yield _encoded(
                Entry(
                    key=row.key,
                    cache_type=row.cache_type,
                    model=row.model,
                    value=text,
                    checksum=row.checksum,
                    cost_ms=row.cost_ms,
                    created_ms=row.created_ms,
                    expires_ms=row.expires_ms,
                    content_id=use.content_id if use else row.id,
                    marks=use.marks if use else "{}",
                )
            )
    yield _encoded(End(entries=written))


def check_lines(lines: Iterable[bytes]) -> None:
    """Hold a whole file against its format and this site's pepper; nothing is written.

    Raises:
        InvalidTransfer: names the line, and what is wrong with it.
    """
    for _ in _read(lines):
        pass


def import_entries(lines: Iterable[bytes]) -> ImportResult:
    """Take in the entries of a file that `check_lines` found whole.

    Raises:
        InvalidTransfer: names the line, and what is wrong with it; earlier ones are taken in.
    """
    imported = skipped = size_bytes = 0
    batch: list[Entry] = []
    for entry in _read(lines):
        batch.append(entry)
        if len(batch) == BATCH_ROWS:
            taken, size = _take_in(batch)
            imported, skipped = imported + taken, skipped + len(batch) - taken
            size_bytes += size
            batch = []
    taken, size = _take_in(batch)
    return ImportResult(
        imported=imported + taken, skipped=skipped + len(batch) - taken, bytes=size_bytes + size
    )


def _whole(row: CacheEntry) -> str | None:
    """Return an entry's JSON text; None for one that is damaged, which is no use elsewhere."""
    if zlib.crc32(row.value) != row.checksum:
        return None
    try:
        return bytes(row.value).decode()
    except UnicodeDecodeError:
        return None


def _read(lines: Iterable[bytes]) -> Iterator[Entry]:
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    try:
        header = Header.model_validate_json(first)
    except ValidationError as exc:
        raise InvalidTransfer(f"This is no export of a cache: line 1, {_told(exc)}") from exc
    if header.pepper != _pepper():
        raise InvalidTransfer(
            "The file comes from a site with another PERF_CACHE_PEPPER: none of its keys would "
            "ever be found here"
        )
    read, ended = 0, False
    for number, line in numbered:
        if ended:
            raise InvalidTransfer(f"Line {number}: nothing is expected after the last line")
        try:
            found = LINE.validate_json(line)
        except ValidationError as exc:
            raise InvalidTransfer(f"Line {number}: {_told(exc)}") from exc
        if isinstance(found, End):
            ended = True
            if found.entries != read:
                raise InvalidTransfer(f"Line {number}: {found.entries} entries, but {read} came")
            continue
        read += 1
        _check_value(number, found)
        yield found
    if not ended:
        raise InvalidTransfer("The file is cut off: its last line is missing")


def _check_value(number: int, entry: Entry) -> None:
    if zlib.crc32(entry.value.encode()) != entry.checksum:
        raise InvalidTransfer(f"Line {number}: value: its checksum does not fit")
    for field, kind in (("value", object), ("marks", dict)):
        try:
            found = orjson.loads(getattr(entry, field))
        except ValueError as exc:
            raise InvalidTransfer(f"Line {number}: {field}: is not JSON") from exc
        if not isinstance(found, kind):
            raise InvalidTransfer(f"Line {number}: {field}: must be a JSON object")


def _take_in(entries: list[Entry]) -> tuple[int, int]:
    """Write a batch; return how many were written and the bytes of their values."""
    now_ms = _now_ms()
    wanted = {row_id(bytes.fromhex(entry.key)): entry for entry in entries}
    with transaction.atomic(using=router.db_for_write(CacheEntry)):
        there = CacheEntry.objects.filter(id__in=wanted).values_list("id", "created_ms")
        newer = {found for found, created_ms in there if created_ms >= wanted[found].created_ms}
        taken = {
            found: entry
            for found, entry in wanted.items()
            if entry.expires_ms > now_ms and found not in newer
        }
        uncount(list(taken))
        CacheEntry.objects.filter(id__in=taken).delete()
        EntryUse.objects.filter(id__in=taken).delete()
        rows = [_row(found, entry) for found, entry in taken.items()]
        CacheEntry.objects.bulk_create(rows)
        EntryUse.objects.bulk_create(_use(row, taken[row.id], now_ms) for row in rows)
        count(list(taken))
    return len(taken), sum(row.size_bytes for row in rows)


def _row(found: int, entry: Entry) -> CacheEntry:
    value = entry.value.encode()
    return CacheEntry(
        id=found,
        digest=bytes.fromhex(entry.key),
        cache_type=entry.cache_type,
        model=entry.model,
        value=value,
        checksum=entry.checksum,
        size_bytes=len(value),
        cost_ms=entry.cost_ms,
        created_ms=entry.created_ms,
        expires_ms=entry.expires_ms,
    )


def _use(row: CacheEntry, entry: Entry, now_ms: int) -> EntryUse:
    return EntryUse(
        id=row.id,
        content_id=entry.content_id,
        marks=entry.marks,
        cache_type=row.cache_type,
        model=row.model,
        size_bytes=row.size_bytes,
        cost_ms=row.cost_ms,
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        # Somebody wants them: the next eviction shall not take them first.
        used_ms=now_ms,
    )


def _batches_of_rows(entries: EntryQuerySet) -> Iterator[list[CacheEntry]]:
    batch = list(entries[:BATCH_ROWS])
    while batch:
        yield batch
        batch = list(entries.filter(id__gt=batch[-1].id)[:BATCH_ROWS])


def _encoded(line: _Line) -> bytes:
    return orjson.dumps(line.model_dump()) + b"\n"


def _told(exc: ValidationError) -> str:
    first: Any = exc.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in {"Entry", "End"})
    return f"{field or 'the line'}: {first['msg']}"


def _pepper() -> str:
    return fingerprint(settings.PERF_CACHE_PEPPER.encode())


def _now_ms() -> int:
    return int(time.time() * 1000)
