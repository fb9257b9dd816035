"""How often a token, a person, or an owner whose tokens were issued, may call: by what it needs.

The limits are so many in a minute that begins with the first call. Where nothing can be counted,
everything is let through: a throttle never loses a reflection.
"""

import logging
import math
import threading
import time
from enum import StrEnum
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from perfsite.counters import Counted, Counter, CounterUnavailable, RedisCounter, SqliteCounter
from perfsite.models import AccessToken, Scope

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# After a fault nothing is counted for so long, so that not every request waits for the store.
PAUSE_SECONDS = 5.0


class Kind(StrEnum):
    """What is counted apart."""

    READ = "read"
    SUBMISSION = "submission"
    PURGE = "purge"
    CONFIG = "config"


NAMES = {
    Kind.READ: "reads",
    Kind.SUBMISSION: "submissions",
    Kind.PURGE: "purges",
    Kind.CONFIG: "changes of the configuration",
}
KINDS: dict[str, Kind] = {
    Scope.ENRICH_RUN: Kind.SUBMISSION,
    Scope.TOKEN_ISSUE: Kind.SUBMISSION,
    Scope.CACHE_PURGE: Kind.PURGE,
    Scope.CONFIG_WRITE: Kind.CONFIG,
}


class TooMany(Throttled):
    """Too many calls of a kind; `wait` becomes Retry-After."""

    def __init__(self, kind: Kind, limit: int, seconds_left: float) -> None:
        wait = max(1, math.ceil(seconds_left))
        # Without a wait, about which DRF would add words of its own.
        super().__init__(
            detail=f"{limit:,} {NAMES[kind]} a minute are accepted; try again in {wait} s."
        )
        self.wait = wait


class ScopeThrottle(BaseThrottle):
    """Counts a request by the scope that its view requires."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return True.

        Raises:
            TooMany: the limit is reached.
        """
        count(kind_of(str(request.method), view), _who(request))
        return True


def count(kind: Kind, who: str) -> None:
    """Count one more call.

    Args:
        who: as `who` returns; `user:` and the number of a person who is signed in.

    Raises:
        TooMany: the limit is reached.
    """
    if limit := settings.THROTTLES[kind]:
        counted = _counting.count(f"{kind}:{who}")
        if counted and counted.total > limit:
            raise TooMany(kind, limit, counted.seconds_left)


def kind_of(method: str, view: Any) -> Kind:
    """Return what a request counts as. What a view does not name a scope for is only a read."""
    if method in SAFE_METHODS:
        return Kind.READ
    scope = getattr(view, "required_scopes", {}).get(method)
    return KINDS.get(str(scope), Kind.READ)


def _who(request: Request) -> str:
    token = request.auth
    if isinstance(token, AccessToken):
        return who(token.public_id, token.user_id, token.owner, token.issuer_id)
    return f"user:{request.user.pk}"


def who(public_id: UUID, user_id: int, owner: str | None, issuer: str | None) -> str:
    """Return as whom a token's calls are counted, so that many tokens have no more than one.

    A person's own count as that person, those that one token issued for one owner together.

    Args:
        issuer: the digest of the token that made it.
    """
    if owner is None:
        return f"user:{user_id}"
    if issuer is None:
        return public_id.hex
    # Neither a digest nor a name is for the store.
    return f"issued:{blake2b(f'{issuer}:{owner}'.encode(), digest_size=16).hexdigest()}"


class _Counting:
    """The store that all processes share, and whether it can be used now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Begin anew, with the store that the settings name."""
        # Several machines share what Redis counts, and each its own file.
        self._counter: Counter = (
            RedisCounter(settings.REDIS_URL)
            if settings.REDIS_URL
            else SqliteCounter(settings.VAR_DIR / "throttles.sqlite3")
        )
        self._paused_until = 0.0
        self._broken = False

    def count(self, key: str) -> Counted | None:
        """Count one more; None while that is not possible."""
        if self._broken and time.monotonic() < self._paused_until:
            return None
        try:
            counted = self._counter.count(key, WINDOW_SECONDS)
        except CounterUnavailable as exc:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            with self._lock:
                first, self._broken = not self._broken, True
            if first:
                logger.warning("[PERF] Requests are not counted, all are let through: %s", exc)
            return None
        self._broken = False
        return counted


_counting = _Counting()
forget = _counting.forget
