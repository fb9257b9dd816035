"""Header fields of HTTP that tell of time: Cache-Control, Retry-After, Age, Expires. Pure.

https://www.rfc-editor.org/rfc/rfc9110 and rfc9111. Whatever a server sends, nothing here raises.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

# Nothing is kept, and nobody waits, for longer than a year.
LONGEST_SECONDS = 365 * 86400
# What a directive may hold in quotation marks is no separator; a mark without its pair is nothing.
ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+', re.DOTALL)
DIGITS = re.compile(r"[0-9]+")
# Nobody sends longer ones in earnest, and reading them would take long.
LONGEST_CACHE_CONTROL = 2048


def seconds(text: str | None) -> int | None:
    """Return delta-seconds, a year at most; None for what is none, as negative numbers."""
    text = (text or "").strip()
    if not DIGITS.fullmatch(text):
        return None
    digits = text.lstrip("0") or "0"
    # Python refuses to read very long numbers.
    return min(int(digits), LONGEST_SECONDS) if len(digits) < 12 else LONGEST_SECONDS


def date(text: str | None) -> float | None:
    """Return an HTTP date as seconds since 1970; None for what is none."""
    try:
        told = parsedate_to_datetime(text or "")
        # Its oldest form names no zone; all are of GMT.
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None


def retry_after(text: str | None, now: float) -> float | None:
    """Return how many seconds a server asks to wait; None when it does not say.

    Args:
        text: seconds or an HTTP date. One that has passed is 0.
        now: seconds since 1970.
    """
    told = seconds(text)
    if told is not None:
        return float(told)
    until = date(text)
    return None if until is None else min(max(0.0, until - now), float(LONGEST_SECONDS))


def cache_control(text: str) -> dict[str, str | None]:
    """Return the directives of Cache-Control: names in lower case to values, None without one.

    Of several of one name the first counts (RFC 9111, 4.2.1). A field that is too long to be
    meant is read as no-store.
    """
    if len(text) > LONGEST_CACHE_CONTROL:
        return {"no-store": None}
    directives: dict[str, str | None] = {}
    for item in ITEM.findall(text):
        name, equals, value = item.partition("=")
        if name := name.strip().lower():
            directives.setdefault(name, _unquoted(value.strip()) if equals else None)
    return directives


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value
