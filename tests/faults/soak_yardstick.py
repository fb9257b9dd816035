"""How slow the machine just is: work that is always the same, timed in a process of its own.

Whatever else uses the processors slows it down as it does the site.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.engines import ROOT

EVERY_SECONDS = 0.5
# About as long as a page takes.
NUMBERS = 300_000


@contextmanager
def yardstick() -> Iterator[list[tuple[float, float]]]:
    """Time the work meanwhile; yields a list that holds all of it once this is left.

    Each is when it began, in seconds since the epoch, and how many seconds it took.
    """
    command = [sys.executable, "-m", "tests.faults.soak_yardstick"]
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, cwd=ROOT, stdout=told)
        try:
            yield found
        finally:
            process.terminate()
            process.wait()
            told.seek(0)
            # What it was just telling may have been cut off.
            whole = (line.split() for line in told if line.endswith("\n"))
            found += [(float(at), float(seconds)) for at, seconds in whole]


def main() -> None:
    """Tell of each piece of work until this is ended."""
    while True:
        at, started = time.time(), time.perf_counter()
        sum(number * number for number in range(NUMBERS))
        print(at, time.perf_counter() - started, flush=True)
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main()
