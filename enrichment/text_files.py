"""Files of texts, as people give them to commands: a text a line, or a CSV column; pure.

No message quotes a text.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO

from enrichment.errors import EnrichmentError, InvalidSubmission
from enrichment.submission import parse

COLUMN = "text"
# Of a submission that is only looked at.
SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class InvalidTexts(EnrichmentError):
    """A file that can't be read; names the place and what is accepted."""


@dataclass(frozen=True, kw_only=True)
class SkippedLine:
    """A line, counted from 1, whose text would not be accepted, and why."""

    line: int
    why: str


@dataclass(frozen=True, kw_only=True)
class FileTexts:
    """The texts of a file in their order, those that stand in it several times included."""

    texts: tuple[str, ...]
    skipped: tuple[SkippedLine, ...]


def read_texts(content: bytes, *, table: bool) -> FileTexts:
    """Return a file's texts.

    Args:
        content: UTF-8, with or without a byte order mark.
        table: whether it is CSV, with a header and a column `text`; else each line is a text.

    Raises:
        InvalidTexts: it is not UTF-8, not CSV or has no such column.
    """
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise InvalidTexts(f"line {line} is not UTF-8") from exc
    texts: list[str] = []
    skipped: list[SkippedLine] = []
    for line, text in _rows(decoded) if table else _lines(decoded):
        try:
            texts.append(parse({COLUMN: text}, SOME_TIME).text)
        except InvalidSubmission as exc:
            skipped.append(SkippedLine(line=line, why=exc.errors[0].message))
    return FileTexts(texts=tuple(texts), skipped=tuple(skipped))


def _lines(decoded: str) -> Iterator[tuple[int, str]]:
    # Unlike str.splitlines, a file ends no line at a form feed or a paragraph separator.
    for line, text in enumerate(StringIO(decoded, newline=None), 1):
        yield line, text.removesuffix("\n")


def _rows(decoded: str) -> Iterator[tuple[int, str]]:
    rows = csv.DictReader(StringIO(decoded, newline=""))
    try:
        if COLUMN not in (rows.fieldnames or ()):
            raise InvalidTexts(f"the header needs a column {COLUMN}")
        for row in rows:
            yield rows.line_num, row[COLUMN] or ""
    except csv.Error as exc:
        raise InvalidTexts(f"after line {rows.line_num}: {exc}") from exc
