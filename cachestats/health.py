"""Whether the store can be used now: one warning an incident, and no queue before a closed door.

A store that fails at once is asked each time. One that fails after a wait (a lock) would hold up
every look-up as long, so it is left alone for a while, then asked by one look-up, not by all.
"""

import logging
import threading
import time
from collections.abc import Callable

from cachestats.errors import StoreUnavailable

logger = logging.getLogger(__name__)

# An attempt that takes longer than this before it fails is not repeated by everybody.
SLOW_SECONDS = 0.05
REST_SECONDS = 2.0
REPAIR_AGAIN_SECONDS = 1.0
# A fault that comes and goes (some pages are damaged, a disk is almost full) is one incident.
CALM_SECONDS = 60.0


class Incident:
    """Tells a fault once, and once more if it gets worse."""

    def __init__(self) -> None:
        self._told = 0
        self._end_untold = False
        self._worked_since = False
        self._failed_at = 0.0

    def failed(self, exc: StoreUnavailable, severity: int) -> None:
        """Note a failure; warn if it is the first of an incident, or the first so severe."""
        now = time.monotonic()
        if self._worked_since and now - self._failed_at >= CALM_SECONDS:
            self._told = 0
        self._worked_since = False
        self._failed_at = now
        if severity > self._told:
            self._told = severity
            self._end_untold = True
            logger.warning("[CACHE] Working without the cache: %s", exc)

    def worked(self, name: str) -> None:
        """Note that what failed works."""
        self._worked_since = True
        if self._end_untold:
            self._end_untold = False
            logger.info("[CACHE] %s works again", name)


class Operation:
    """Reading or writing, and whether it works."""

    def __init__(self, name: str, incident: Incident, repair: "Repair") -> None:
        self._name = name
        self._incident = incident
        self._repair = repair
        self._rest_until = 0.0
        self._failed_at = float("-inf")
        self.failing = False

    def may_try(self) -> bool:
        """Return whether to ask the store now."""
        if not self.failing:
            return True
        now = time.monotonic()
        if now < self._rest_until:
            return False
        if self._rest_until:
            # One tries; the others go on without until it is known how that ended.
            self._rest_until = now + REST_SECONDS
        return True

    def worked(self) -> None:
        """Note that it works again."""
        if self.failing:
            self.failing = False
            self._rest_until = 0.0
            self._incident.worked(self._name)

    def failed(self, exc: StoreUnavailable, took_seconds: float, severity: int) -> None:
        """Note a failure, and have damage repaired."""
        self.failing = True
        self._rest_until = time.monotonic() + REST_SECONDS if took_seconds > SLOW_SECONDS else 0.0
        self._incident.failed(exc, severity)
        if exc.damaged:
            self._repair.start()


class Repair:
    """Runs a repair in the background, one at a time."""

    def __init__(self, repair: Callable[[], None] | None) -> None:
        """
        Args:
            repair: mends the store or finds that it can't be mended; None: nobody can.
        """
        self._repair = repair
        self._busy = threading.Lock()
        self._again_at = 0.0

    def start(self) -> None:
        """Start a repair unless one is going on or has just been."""
        if self._repair is None or time.monotonic() < self._again_at:
            return
        if self._busy.acquire(blocking=False):
            threading.Thread(target=self._run, name="cache-repair", daemon=True).start()

    def _run(self) -> None:
        try:
            assert self._repair is not None  # noqa: S101  # `start` looked
            self._repair()
        except StoreUnavailable as exc:
            # The incident has been told already.
            logger.debug("[CACHE] It can't be repaired yet: %s", exc)
        except Exception:
            logger.exception("[CACHE] The repair failed; it is tried again")
        finally:
            self._again_at = time.monotonic() + REPAIR_AGAIN_SECONDS
            self._busy.release()


class Health:
    """The state of one store, as this process has met it."""

    def __init__(self, repair: Callable[[], None] | None) -> None:
        incident, shared = Incident(), Repair(repair)
        self.reading = Operation("Reading", incident, shared)
        self.writing = Operation("Writing", incident, shared)

    def cant_read(self, exc: StoreUnavailable, took_seconds: float) -> None:
        """Note that reading failed; warn once an incident."""
        self.reading.failed(exc, took_seconds, severity=2)

    def cant_write(self, exc: StoreUnavailable, took_seconds: float) -> None:
        """Note that writing failed; warn once an incident, unless reading has failed already."""
        self.writing.failed(exc, took_seconds, severity=2 if exc.damaged else 1)
