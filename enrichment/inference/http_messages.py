"""How another API is spoken to, and what it answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import orjson

from enrichment.inference.api_errors import ApiReplyInvalid

HIT, MISS, COLLAPSED, BYPASS = "hit", "miss", "collapsed", "bypass"


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """How APIs are spoken to.

    timeout_connect, timeout_read: seconds, of one attempt; timeout_read is between two pieces of
    an answer. retry_attempts: tries after the first. retry_backoff_ms: the pauses before them,
    each up to half as long again by chance; the last one counts for all that follow.
    max_response_bytes: of a body, once it is decompressed.
    """

    max_concurrent_requests: int
    per_host_limit: int
    timeout_connect: float
    timeout_read: float
    retry_attempts: int
    retry_backoff_ms: tuple[int, ...]
    max_response_bytes: int = 10_000_000

    @property
    def deadline_seconds(self) -> float:
        """How long a whole call may take where its caller does not say."""
        return self.timeout_connect + self.timeout_read


@dataclass(frozen=True, kw_only=True)
class ApiResponse:
    """An API's answer.

    headers: names in lower case, several of one name joined by commas; from the cache only those
    that tell of the content. content: the body, decompressed. cache: how the cache took part:
    hit, miss, collapsed (another caller's request brought it) or bypass. age_seconds: since the
    API made the answer, as far as it is known.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    cache: str = BYPASS
    age_seconds: int = 0

    def json(self) -> Any:
        """Return what the body says.

        Raises:
            ApiReplyInvalid: it is not JSON.
        """
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError as exc:
            raise ApiReplyInvalid(f"the answer ({self.status}) is not JSON", self.status) from exc

    @property
    def text(self) -> str:
        """The body as text, by the charset it names, else UTF-8; what can't be read is U+FFFD."""
        said = Message()
        said["content-type"] = self.headers.get("content-type", "")
        try:
            return self.content.decode(said.get_content_charset("utf-8"), errors="replace")
        except LookupError:
            return self.content.decode(errors="replace")
