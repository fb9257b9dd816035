"""The circuit breaker on a host of models; its state is shared by all processes.

A host that failed too often in a row is not asked for a while: who would ask gets CircuitOpen at
once instead of waiting in vain. Then one question at a time is let through as a probe, five seconds
after the one before has failed, and the first that is answered closes the circuit.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from enrichment.errors import (
    CircuitOpen,
    HostBrokeOff,
    HostBusy,
    HostFailed,
    HostUnreachable,
    InferenceError,
)
from enrichment.models import HostState

logger = logging.getLogger(__name__)

MAX_FAILURES = 5
PROBE_EVERY = timedelta(seconds=5)
# What says something about the host; a missing model or a useless answer does not.
FAILURES = (HostUnreachable, HostBrokeOff, HostBusy, HostFailed)


class Breaker:
    """One host's circuit. Without its database every question is let through."""

    def __init__(self, url: str, *, longest: timedelta) -> None:
        """
        Args:
            longest: how long a question may take; one that probes and is never heard of again
                keeps the others waiting for no longer.
        """
        self._url = url
        self._longest = longest

    @property
    def trouble(self) -> str:
        """Why the host is not asked for now; empty while it is."""
        return _trouble(self._state())

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let a question through and take note of what came of it.

        Raises:
            CircuitOpen: the host is given up for now; it was not asked.
        """
        state = self._state()
        if (trouble := _trouble(state)) and not self._take_probe():
            raise CircuitOpen(trouble)
        try:
            yield
        except FAILURES as exc:
            self._count(exc)
            raise
        if state and state.failures:
            self._close()

    def _state(self) -> HostState | None:
        try:
            return HostState.objects.filter(url=self._url).first()
        except DatabaseError as exc:
            logger.warning("[PERF] Whether %s may be asked is unknown: %s", self._url, exc)
            return None

    def _take_probe(self) -> bool:
        """Return whether this question is the one that tries again: of many processes, one's."""
        now = timezone.now()
        due = HostState.objects.filter(url=self._url, probe_at__lte=now)
        try:
            return due.update(probe_at=now + self._longest) == 1
        except DatabaseError:
            return False

    def _count(self, error: InferenceError) -> None:
        now = timezone.now()
        mine = HostState.objects.filter(url=self._url)
        try:
            HostState.objects.bulk_create([HostState(url=self._url)], ignore_conflicts=True)
            mine.update(failures=F("failures") + 1, last_error=type(error).__name__)
            given_up = mine.filter(failures__gte=MAX_FAILURES, opened_at=None)
            if given_up.update(opened_at=now):
                logger.warning("[PERF] %s is given up for now: %s", self._url, error)
            mine.exclude(opened_at=None).update(probe_at=now + PROBE_EVERY)
        except DatabaseError as exc:
            logger.warning("[PERF] A failure of %s was not counted: %s", self._url, exc)

    def _close(self) -> None:
        mine = HostState.objects.filter(url=self._url)
        try:
            if mine.exclude(opened_at=None).exists():
                logger.warning("[PERF] %s answers again", self._url)
            mine.update(failures=0, last_error="", opened_at=None, probe_at=None)
        except DatabaseError as exc:
            logger.warning("[PERF] That %s answers was not noted: %s", self._url, exc)


def _trouble(state: HostState | None) -> str:
    if state is None or state.opened_at is None:
        return ""
    return (
        f"{state.url} failed {state.failures} times in a row ({state.last_error});"
        f" it is tried again every {PROBE_EVERY.seconds} seconds"
    )
