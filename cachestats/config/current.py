"""The configuration in force in this process, reread at most once a second.

A file or revision that turns bad while the process runs is reported once and the last good
values stay in force: a typing error must not stop the workers.
"""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connections

from cachestats.config.schema import Effective, merge
from cachestats.errors import FieldError, InvalidConfig
from cachestats.models import ConfigRevision

logger = logging.getLogger(__name__)

REREAD_SECONDS = 1.0
# For a process that starts while the file is wrong: it must not die of it, and what the file may
# have switched off stays off until somebody mends it.
UNTUNED = merge({"caching": {"enabled": False}})


def read_file(path: Path) -> dict[str, Any]:
    """Return the tuning file's values.

    Raises:
        InvalidConfig: it can't be read, or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise InvalidConfig([FieldError(field=str(path), message=f"can't be read: {exc}")]) from exc
    if not isinstance(values, dict):
        raise InvalidConfig([FieldError(field=str(path), message="must be a JSON object")])
    return values


def load() -> Effective:
    """Read file and newest revision now.

    Raises:
        InvalidConfig: names each wrong key and what is accepted.
        DatabaseError: the revisions can't be read.
    """
    file = read_file(settings.PERF_CONFIG)
    revision = ConfigRevision.objects.order_by("-number").first()
    if revision is None:
        return merge(file)
    return merge(file, revision.overlay, revision.number)


def _load_anywhere() -> Effective:
    """As `load`, also in an event loop, where Django's connections refuse to work."""
    try:
        return load()
    except SynchronousOnlyOperation:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(_load_apart).result()


def _load_apart() -> Effective:
    try:
        return load()
    finally:
        connections.close_all()


class _Current:
    """The last good configuration and when it was read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._effective: Effective | None = None
        self._read_at = 0.0
        self._complaint = ""

    def get(self) -> Effective:
        effective = self._effective
        if effective is not None and time.monotonic() - self._read_at < REREAD_SECONDS:
            return effective
        with self._lock:
            try:
                effective = self._load()
                self._complaint = ""
            except InvalidConfig as exc:
                effective = self._effective or UNTUNED
                if str(exc) != self._complaint:
                    self._complaint = str(exc)
                    stays = "the last good values stay"
                    if self._effective is None:
                        stays = "nothing is cached until it is mended"
                    logger.warning("[PERF] Tuning ignored, %s: %s", stays, exc)
            self._effective, self._read_at = effective, time.monotonic()
            return effective

    def _load(self) -> Effective:
        """Read anew; while the database is away what was in force stays so."""
        try:
            return _load_anywhere()
        except DatabaseError:
            # Before the first migration the file alone rules.
            return self._effective or merge(read_file(settings.PERF_CONFIG))

    def forget(self) -> None:
        self._effective = None


_current = _Current()


def current() -> Effective:
    """Return the configuration in force, at most a second old; never raises for a bad file."""
    return _current.get()


def forget() -> None:
    """Make the next `current` read again at once (after a revision was saved here)."""
    _current.forget()
