"""What a reflection must look like to be accepted; pure. API and form use the same rules."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from enrichment import images
from enrichment.errors import FieldError, InvalidImage, InvalidSubmission
from enrichment.images import CleanImage

MAX_CHARACTERS = 5000
OWNER = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,150}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
PRIORITIES = ("interactive", "bulk")
FIELDS = ("text", "image", "owner", "timestamp", "timezone", "language", "priority")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """An accepted reflection. timestamp: an instant; timezone: an IANA name.

    text: empty where the image is to become the text.
    """

    text: str
    owner: str
    timestamp: datetime
    timezone: str
    language: str
    priority: str
    image: CleanImage | None = None


def parse(data: Mapping[str, Any], now: datetime) -> Submission:
    """Return the submission that a body's fields make.

    Args:
        data: texts by field, and for `image` the bytes of a file.
        now: the time stamp of a body without one.

    Raises:
        InvalidSubmission: names each wrong field and what is accepted. What an image is shows
            only by decoding it, which is costly and so done only when all else is right.
        Busy: the image can't be read now.
    """
    reader = _Reader(data)
    submission = Submission(
        text=reader.text(),
        owner=reader.matching("owner", OWNER, "", "1 to 150 characters on one line"),
        timestamp=reader.instant("timestamp", now),
        timezone=reader.zone("timezone"),
        language=reader.matching("language", LANGUAGE, "en", "a language code such as en"),
        priority=reader.choice("priority", PRIORITIES),
    )
    for name in data:
        if name not in FIELDS:
            reader.complain(str(name), f"is not known here; accepted: {', '.join(FIELDS)}")
    image = reader.image("image")
    if reader.errors:
        raise InvalidSubmission(reader.errors)
    return replace(submission, image=image)


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


class _Reader:
    """Reads fields one by one and collects what is wrong; null is the same as absent."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self.errors: list[FieldError] = []

    def complain(self, field: str, message: str) -> None:
        self.errors.append(FieldError(field=field, message=message))

    def text(self) -> str:
        text = self._data.get("text")
        blank = text is None or (isinstance(text, str) and not text.strip())
        if blank and self._data.get("image") is not None:
            return ""
        if not isinstance(text, str):
            self.complain("text", f"is required: 1 to {MAX_CHARACTERS:,} characters, or an image")
        elif not text.strip():
            self.complain("text", "is empty; write at least one character")
        elif len(text) > MAX_CHARACTERS:
            self.complain(
                "text", f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are accepted"
            )
        elif "\x00" in text or not _is_unicode(text):
            self.complain("text", "holds what is no text: a NUL or half of a character")
        else:
            return text
        return ""

    def image(self, field: str) -> CleanImage | None:
        """Return the image; read it last, because it is decoded only where nothing is wrong yet."""
        value = self._data.get(field)
        if value is None:
            return None
        if not isinstance(value, bytes):
            self.complain(
                field, f"must be one file, sent as multipart/form-data: {images.ACCEPTED}"
            )
            return None
        if self.errors:
            return None
        try:
            return images.clean(value)
        except InvalidImage as exc:
            self.complain(field, str(exc))
            return None

    def matching(self, field: str, pattern: re.Pattern[str], default: str, accepted: str) -> str:
        value = self._data.get(field)
        if value is None or (value == "" and default == ""):
            return default
        if isinstance(value, str) and pattern.fullmatch(value) and _is_unicode(value):
            return value
        self.complain(field, f"must be {accepted}")
        return default

    def choice(self, field: str, accepted: tuple[str, ...]) -> str:
        value = self._data.get(field)
        if value is None:
            return accepted[0]
        if value in accepted:
            return str(value)
        self.complain(field, f"must be one of: {', '.join(accepted)}")
        return accepted[0]

    def zone(self, field: str) -> str:
        value = self._data.get(field)
        if value is None:
            return "UTC"
        if isinstance(value, str) and value in zones():
            return value
        self.complain(field, "must be an IANA time zone such as Europe/Berlin")
        return "UTC"

    def instant(self, field: str, default: datetime) -> datetime:
        value = self._data.get(field)
        if value is None:
            return default
        try:
            instant = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            instant = None
        if instant is None or instant.tzinfo is None:
            self.complain(
                field, "must be ISO 8601 with an offset, such as 2026-01-31T08:00:00+01:00"
            )
        elif not EARLIEST <= instant <= LATEST:
            self.complain(field, "must lie between the years 1970 and 2200")
        else:
            return instant.astimezone(UTC)
        return default


def _is_unicode(text: str) -> bool:
    """Return whether a text can be written in UTF-8; half of a surrogate pair can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
