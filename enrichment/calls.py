"""Keeps each question to a model as a row: buffered in memory, written in batches.

Noting a call takes microseconds; no call ever waits for the database. A worker's heartbeat writes
every two seconds, other processes at every FLUSH_AT calls and at their end. A process that is
killed loses what it had not written.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from multiprocessing.util import Finalize

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from cachestats.retention import deleting
from enrichment import call_rollups
from enrichment.inference.messages import Call
from enrichment.models import InferenceCall, InferenceTotal
from enrichment.models.calls import NAME_LENGTH

logger = logging.getLogger(__name__)

# Where no heartbeat writes, a thread does at every so many. While the database is away ten times as
# many wait in memory; what comes then is dropped.
FLUSH_AT = 500
MOST = 10 * FLUSH_AT
THE_TOTAL = 1
ADDED_UP = (
    "queue_ms",
    "load_ms",
    "prompt_ms",
    "generation_ms",
    "prompt_tokens",
    "generated_tokens",
)

# No call takes a day, and no text has as many tokens as the column could hold.
MOST_MS = 86_400_000.0
MOST_TOKENS = 2**31 - 1

# When a call ended, and the call.
Noted = tuple[datetime, Call]


class Recorder:
    """Takes calls from any thread of a process and writes them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew: what a parent process noted is the parent's to write."""
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._noted: deque[Noted] = deque()
        self._seen = 0
        self._writes_at_end = False
        self._cannot_tell = False

    def record(self, call: Call) -> None:
        """Note a call; never raises."""
        noted = (timezone.now(), call)
        with self._lock:
            if len(self._noted) < MOST:
                self._noted.append(noted)
            # Dropped ones count: else nobody would notice that the database is back.
            self._seen += 1
            many = self._seen % FLUSH_AT == 0
            first, self._writes_at_end = not self._writes_at_end, True
        if first:
            # At the end of a program as of one of multiprocessing's processes, which skip atexit.
            Finalize(self, self.flush, exitpriority=10)
        if many:
            # A process that is about to end starts no thread, and writes all the same.
            with suppress(RuntimeError):
                threading.Thread(target=self._flush_apart, name="calls-flush", daemon=True).start()

    def flush(self) -> None:
        """Write what was noted. While the database is away it is kept for the next time.

        It waits for one that is under way, so that a process does not end in the middle of that.
        """
        with self._writing:
            with self._lock:
                noted, self._noted = self._noted, deque()
            if noted:
                self._try_to_write(noted)

    def _try_to_write(self, noted: deque[Noted]) -> None:
        try:
            write([_row(at, call) for at, call in noted])
        except (OperationalError, InterfaceError) as exc:
            logger.warning("[PERF] %d calls of models wait to be written: %s", len(noted), exc)
            self._put_back(noted)
        except (DatabaseError, ArithmeticError, ValueError) as exc:
            # What a host reports may be no number that fits; it would not fit the next time either.
            kind = type(exc).__name__
            logger.warning("[PERF] %d calls of models could not be kept: %s", len(noted), kind)
            self._tell(noted)
        else:
            self._tell(noted)

    def _tell(self, noted: deque[Noted]) -> None:
        """Hand calls to OpenTelemetry, where it is switched on: here nobody waits for an answer."""
        if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or self._cannot_tell:
            return
        try:
            # Only here: it is an extra, and takes a while to load.
            from enrichment import telemetry  # noqa: PLC0415

            telemetry.record(call for _, call in noted)
        except ModuleNotFoundError as exc:
            self._cannot_tell = True
            logger.warning(
                "[PERF] OTEL_EXPORTER_OTLP_ENDPOINT is set, but %s is not installed: "
                "pip install -r requirements-otel.lock",
                exc.name,
            )
        except Exception as exc:
            logger.warning("[PERF] Telemetry failed: %s", type(exc).__name__)

    def _flush_apart(self) -> None:
        try:
            self.flush()
        finally:
            connections.close_all()

    def _put_back(self, noted: deque[Noted]) -> None:
        with self._lock:
            while noted and len(self._noted) < MOST:
                self._noted.appendleft(noted.pop())


_recorder = Recorder()
record = _recorder.record
flush = _recorder.flush
forget = _recorder.forget
os.register_at_fork(after_in_child=forget)


def outdated(now: datetime) -> QuerySet[InferenceCall]:
    """Return calls that are older than the settings say; none where they are kept for ever."""
    if not (kept := settings.CALLS_KEPT_DAYS):
        return InferenceCall.objects.none()
    return InferenceCall.objects.filter(at__lt=now - timedelta(days=kept))


def pruning(now: datetime) -> Iterator[int]:
    """Add old calls up, and delete those that are in sums; yield how many went."""
    call_rollups.roll_up(now)
    yield from deleting(outdated(now).filter(rolled_up=True))


def _row(at: datetime, call: Call) -> InferenceCall:
    """Return a call's row.

    What a host says of itself may fit no column, and would cost all rows of its batch: a name is
    made to fit, and a number that can't be true is unknown.
    """
    row = InferenceCall(
        at=at,
        host=_name(call.host),
        model=_name(call.model),
        kind=call.kind,
        elapsed_ms=call.elapsed_ms,
        queue_ms=call.queue_ms,
        attempts=call.attempts,
        error=call.error,
    )
    if spent := call.timings:
        if all(0 <= ms <= MOST_MS for ms in (spent.load_ms, spent.prompt_ms, spent.generation_ms)):
            row.load_ms, row.prompt_ms = spent.load_ms, spent.prompt_ms
            row.generation_ms = spent.generation_ms
        row.prompt_tokens = _tokens(spent.prompt_tokens)
        row.generated_tokens = _tokens(spent.generated_tokens)
    return row


def _name(told: str) -> str:
    """Return a name without what no database takes: NUL and halves of characters."""
    whole = told.replace("\0", "").encode(errors="ignore").decode()
    return whole[:NAME_LENGTH]


def _tokens(told: int) -> int | None:
    return told if 0 <= told <= MOST_TOKENS else None


def write(rows: Sequence[InferenceCall]) -> None:
    """Write rows, and add those that were answered to the total, both or neither."""
    answered = [row for row in rows if not row.error]
    more = {name: sum(getattr(row, name) or 0 for row in answered) for name in ADDED_UP}
    more["calls"] = len(answered)
    with transaction.atomic():
        InferenceCall.objects.bulk_create(rows)
        InferenceTotal.objects.get_or_create(pk=THE_TOTAL)
        InferenceTotal.objects.filter(pk=THE_TOTAL).update(
            **{name: F(name) + added for name, added in more.items()}
        )
