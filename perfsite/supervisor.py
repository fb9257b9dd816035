"""Runs web, worker and engine as child processes: starts them, restarts them, ends them all.

Each child leads a session of its own, so that Ctrl-C reaches this process alone and a child's
whole family can be ended with it. Should this process be killed, the kernel ends the children.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

TICK_SECONDS = 0.2
# Above this process stands the machine's own supervisor or a person who waits: end in time.
GRACE_SECONDS = 8.0
FIRST_RESTART_SECONDS = 0.1
LAST_RESTART_SECONDS = 2.0
# A child that lived this long had begun its work; its next death starts with a short wait again.
WELL_AFTER_SECONDS = 5.0
PR_SET_PDEATHSIG = 1


class Child:
    """One process that should always be there."""

    def __init__(
        self, name: str, argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._cwd = cwd
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._wait_seconds = FIRST_RESTART_SECONDS

    def start(self) -> None:
        """Start the process."""
        self._process = subprocess.Popen(  # noqa: S603  # our own commands
            self._argv,
            cwd=self._cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Safe here: this process has no threads.
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
        self._started_at = time.monotonic()
        self._restart_at = None

    def tend(self, say: Callable[[str], None]) -> None:
        """Start the process again when it has died, a little later each time."""
        if self._process is None or (code := self._process.poll()) is None:
            return
        now = time.monotonic()
        if self._restart_at is None:
            self._end_family(signal.SIGKILL)
            if now - self._started_at > WELL_AFTER_SECONDS:
                self._wait_seconds = FIRST_RESTART_SECONDS
            self._restart_at = now + self._wait_seconds
            say(f"The {self.name} ended ({code}); it starts again in {self._wait_seconds:g} s.")
            self._wait_seconds = min(2 * self._wait_seconds, LAST_RESTART_SECONDS)
        elif now >= self._restart_at:
            self.start()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_end(self) -> None:
        """Ask the process to end; its own children are its own affair for now."""
        if self._process is not None and self.alive:
            self._process.terminate()

    def make_end(self) -> None:
        """End the process and all its descendants at once."""
        if self._process is not None:
            self._end_family(signal.SIGKILL)
            self._process.wait()

    def _end_family(self, how: signal.Signals) -> None:
        assert self._process is not None  # noqa: S101  # the callers looked
        # The session's leader may be gone while members of its group live on.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)


class Supervisor:
    """Keeps children alive until it is told to stop."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []
        self._stopping = False

    def add(self, child: Child) -> None:
        """Start a child and keep it."""
        self._children.append(child)
        child.start()

    def run(self, each_tick: Callable[[], None]) -> None:
        """Tend the children until SIGTERM or Ctrl-C, then end them all.

        Args:
            each_tick: called a few times a second, for what else has to be watched.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            while not self._stopping:
                for child in self._children:
                    child.tend(self._say)
                each_tick()
                time.sleep(TICK_SECONDS)
        finally:
            self.end()

    def end(self) -> None:
        """End every child, gently if it lets itself be ended in time."""
        for child in self._children:
            child.ask_to_end()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(child.alive for child in self._children) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS / 4)
        for child in self._children:
            child.make_end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True


def _die_with_parent() -> None:
    """Have the kernel end this child when its parent dies; runs in the child, before its exec."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
