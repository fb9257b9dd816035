"""Query strings: each parameter known, given once, and what it must be."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from enrichment.submission import EARLIEST, LATEST

# Returns what a parameter means; of a wrong one it raises ValueError with what is accepted.
Reader = Callable[[str], Any]

WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")


def read_query(params: QueryDict, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return what the parameters mean, those that were given.

    Args:
        readers: of all that are accepted, by name.

    Raises:
        ValidationError: names each wrong one and what is accepted.
    """
    read, errors = {}, {}
    for name, values in params.lists():
        if name not in readers:
            errors[name] = f"is not known here; accepted: {', '.join(readers)}"
        elif len(values) > 1:
            errors[name] = "is given more than once; accepted: one value"
        else:
            try:
                read[name] = readers[name](values[0])
            except ValueError as exc:
                errors[name] = str(exc)
    if errors:
        raise ValidationError({name: [message] for name, message in errors.items()})
    return read


def whole(lowest: int, highest: int) -> Reader:
    """Return a reader of whole numbers within bounds, both of them included."""

    def read(text: str) -> int:
        if WHOLE.fullmatch(text) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(f"must be a whole number from {lowest} to {highest}")

    return read


def one_of(meanings: Mapping[str, Any]) -> Reader:
    """Return a reader of one word out of a closed list."""

    def read(text: str) -> Any:
        if text in meanings:
            return meanings[text]
        raise ValueError(f"must be one of: {', '.join(meanings)}")

    return read


def some_of(meanings: Mapping[str, Any]) -> Reader:
    """Return a reader of one or more words out of a closed list, separated by commas."""

    def read(text: str) -> list[Any]:
        words = text.split(",")
        if all(word in meanings for word in words):
            return [meanings[word] for word in words]
        raise ValueError(f"must be one or more, separated by commas, of: {', '.join(meanings)}")

    return read


def matching(pattern: re.Pattern[str], accepted: str) -> Reader:
    """Return a reader of texts that match a pattern as a whole."""

    def read(text: str) -> str:
        if pattern.fullmatch(text):
            return text
        raise ValueError(f"must be {accepted}")

    return read


def instant(text: str) -> datetime:
    """Return the instant that a date and time with an offset names, in UTC."""
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        named = None
    if named is None or named.tzinfo is None:
        raise ValueError(
            "must be ISO 8601 with an offset, such as 2026-01-31T08:00:00Z or "
            "2026-01-31T08:00:00%2B01:00 (a plain + means a blank there)"
        )
    if not EARLIEST <= named <= LATEST:
        raise ValueError("must lie between the years 1970 and 2200")
    return named.astimezone(UTC)
