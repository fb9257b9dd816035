"""When tokens were last used: noted in memory, written by a thread, so that no request waits.

Each process writes a token at most once in INTERVAL. What a process has not written when it ends,
or while the database is away, is lost; the next use is as good.
"""

import logging
import threading
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import Q
from django.utils import timezone

from cachestats.commits import commit
from perfsite.models import AccessToken

logger = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=1)


class LastUses:
    """The uses of this process that are still to be written, by the tokens' digests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[str, datetime] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def note(self, digest: str, last_used_at: datetime | None) -> None:
        """Take down that a token is used now; costs microseconds, and never raises."""
        now = timezone.now()
        if last_used_at and now - last_used_at < INTERVAL:
            return
        with self._lock:
            self._noted.setdefault(digest, now)
            if self._thread is None and settings.TOKEN_USE_FLUSH_SECONDS is not None:
                self._thread = threading.Thread(
                    target=self._keep_writing, name="token-use", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def flush(self) -> None:
        """Write what was noted, unless another process did so within INTERVAL."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return

        def write() -> None:
            # In one order, so that no two processes wait for each other.
            for digest, at in sorted(noted.items()):
                due = Q(last_used_at=None) | Q(last_used_at__lt=at - INTERVAL)
                AccessToken.objects.filter(due, digest=digest).update(last_used_at=at)

        # One transaction is one wait for the disk.
        commit(write)

    def _keep_writing(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            # Not a write for each token of a crowd that comes at once.
            time.sleep(settings.TOKEN_USE_FLUSH_SECONDS)
            try:
                self.flush()
            except (DatabaseError, InterfaceError) as exc:
                logger.warning("[PERF] When tokens were used could not be written: %s", exc)
            finally:
                connections.close_all()


_last_uses = LastUses()
note = _last_uses.note
flush = _last_uses.flush
