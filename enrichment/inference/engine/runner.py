"""The model's life: loaded on demand, one generation at a time, unloaded when its time is up."""

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from enrichment.inference.engine import durations
from enrichment.inference.engine.errors import AbandonedError
from enrichment.inference.engine.llama import Llama
from enrichment.inference.engine.protocol import Outcome, Piece, Request
from enrichment.inference.engine.turns import Turns


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a generation went; `load_ns` is what loading the model took of it, in nanoseconds."""

    outcome: Outcome
    load_ns: int


class Runner:
    """Owns the one model; safe to call from any thread.

    Args:
        threads: for generation; a request may ask for fewer, not for more.
        ending: once set, whatever runs or waits is abandoned.
    """

    def __init__(self, path: Path, *, threads: int, ending: threading.Event) -> None:
        self.path = path
        self._threads = threads
        self._turns = Turns()
        self._ending = ending
        self._llama: Llama | None = None
        self._timer: threading.Timer | None = None
        self._expires_at: datetime | None = None
        self._digest: str | None = None
        self._digest_lock = threading.Lock()

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._llama is not None

    @property
    def expires_at(self) -> datetime:
        """When the model will be unloaded if nothing comes; far away when never."""
        return self._expires_at or datetime(2318, 1, 1, tzinfo=UTC)

    def digest(self) -> str:
        """Give the SHA-256 of the model's file as hex; read once, 0.3 s."""
        with self._digest_lock:
            if self._digest is None:
                with self.path.open("rb") as file:
                    self._digest = hashlib.file_digest(file, "sha256").hexdigest()
            return self._digest

    def load(
        self,
        keep_alive_seconds: float = durations.DEFAULT_SECONDS,
        threads: int | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Load the model if need be and set its lifetime."""
        with self._turns.take(self._until_ending(wanted)):
            self._ensure_loaded(threads)
            self._live_for(keep_alive_seconds)

    def unload(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Free the model's memory; no error when it isn't loaded."""
        with self._turns.take(self._until_ending(wanted)):
            self._drop()

    def generate(
        self,
        request: Request,
        on_piece: Callable[[Piece], None],
        wanted: Callable[[], bool],
    ) -> Result:
        """Wait for the turn, load the model if need be, and run the prompt.

        Raises:
            AbandonedError: `wanted` said no, at any of these points.
            RefusedError: llama.cpp refused the prompt or the schema.
        """
        wanted = self._until_ending(wanted)
        with self._turns.take(wanted):
            load_ns, llama = self._ensure_loaded(request.options.num_thread)
            try:
                outcome = llama.generate(request, on_piece, wanted)
            finally:
                self._live_for(request.keep_alive_seconds)
        return Result(outcome=outcome, load_ns=load_ns)

    def close(self, timeout_seconds: float) -> bool:
        """End what runs and waits, and free the model.

        Returns:
            False when the native code did not let go in time; then only `os._exit` is safe.
        """
        self._ending.set()
        deadline = time.monotonic() + timeout_seconds
        try:
            with self._turns.take(lambda: time.monotonic() < deadline):
                self._drop()
        except AbandonedError:
            return False
        return True

    def _until_ending(self, wanted: Callable[[], bool]) -> Callable[[], bool]:
        return lambda: not self._ending.is_set() and wanted()

    def _ensure_loaded(self, threads: int | None) -> tuple[int, Llama]:
        # Clients ask for as many threads as the machine has cores; who started this server knows
        # how many of them it may take. More than there are free slow everything down.
        threads = min(threads or self._threads, self._threads)
        if self._llama is not None and self._llama.threads == threads:
            return 0, self._llama
        self._drop()
        started = time.perf_counter_ns()
        self._llama = Llama(self.path, threads)
        return time.perf_counter_ns() - started, self._llama

    def _live_for(self, seconds: float) -> None:
        self._stop_timer()
        if seconds == 0:
            self._drop()
            return
        if math.isinf(seconds):
            self._expires_at = None
            return
        self._expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        timer = threading.current_thread()
        # A request that was before us in the queue has set a new timer: then it isn't time yet.
        try:
            with self._turns.take(lambda: self._timer is timer):
                self._drop()
        except AbandonedError:
            return

    def _drop(self) -> None:
        self._stop_timer()
        if self._llama is not None:
            self._llama.close()
            self._llama = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
