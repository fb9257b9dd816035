"""Which cores there are for a model on this machine, and how many threads are worth trying.

Formats: cpu lists as in https://docs.kernel.org/admin-guide/cputopology.html; cpu.max as in
https://docs.kernel.org/admin-guide/cgroup-v2.html; hw.perflevel0 as macOS' sysctl names the
performance cores.
"""

import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

MOST_CANDIDATES = 6
# A core with less than this share of the strongest one's capacity is there to save power.
STRONG = 0.6
SYSCTL = "/usr/sbin/sysctl"


@dataclass(frozen=True, kw_only=True)
class Cores:
    """What this machine and this process' limits give.

    performance: physical cores that are made for speed; None where all are alike or the system
    does not tell. allowed: logical processors that the process may run on. quota: how many
    processors' time its control group may use; None: no limit.
    """

    physical: int
    logical: int
    performance: int | None = None
    allowed: int | None = None
    quota: float | None = None

    @property
    def usable(self) -> int:
        """How many threads can run at once; 1 at least."""
        limits = [self.logical, self.allowed or self.logical]
        if self.quota is not None:
            limits.append(math.ceil(self.quota))
        return max(1, min(limits))


def thread_candidates(cores: Cores) -> tuple[int, ...]:
    """Return the numbers of threads worth trying, ascending: 1 to what can run at once."""
    physical = min(cores.physical, cores.usable)
    worth = [physical, cores.performance or physical, physical - 1, 1, physical // 2, cores.usable]
    legal = dict.fromkeys(number for number in worth if 1 <= number <= cores.usable)
    return tuple(sorted([*legal][:MOST_CANDIDATES]))


def blind_candidates(now: int) -> tuple[int, ...]:
    """Return the numbers of threads worth trying on another machine, whose cores are not known."""
    return tuple(sorted({max(1, now // 2), max(1, now - 1), now, now + 1, now * 2}))


def detect(root: Path = Path("/")) -> Cores:
    """Return this machine's cores; what can't be found out counts as no limit.

    Args:
        root: where /proc and /sys are.
    """
    logical = psutil.cpu_count() or 1
    return Cores(
        physical=psutil.cpu_count(logical=False) or logical,
        logical=logical,
        performance=_performance(root),
        allowed=_allowed(),
        quota=_quota(root),
    )


def parse_cpu_list(text: str) -> frozenset[int]:
    """Return the processors of a list like "0-3,8".

    Raises:
        ValueError: it is no such list.
    """
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def parse_cpu_max(text: str) -> float | None:
    """Return how many processors' time a cpu.max allows; None: as much as there is.

    Raises:
        ValueError: it is no cpu.max.
    """
    quota, _, period = text.strip().partition(" ")
    if quota == "max":
        return None
    if int(quota) <= 0 or int(period) <= 0:
        raise ValueError("no quota")
    return int(quota) / int(period)


def parse_cgroup(text: str) -> PurePosixPath | None:
    """Return the control group (v2) that /proc/self/cgroup names; None where it names none."""
    for line in text.splitlines():
        if line.startswith("0::/"):
            return PurePosixPath(line.removeprefix("0::/"))
    return None


def strong_processors(capacities: Mapping[int, int]) -> frozenset[int]:
    """Return the processors that are made for speed, by capacity; none where all are alike."""
    enough = STRONG * max(capacities.values(), default=0)
    strong = frozenset(cpu for cpu, capacity in capacities.items() if capacity >= enough)
    return strong if len(strong) < len(capacities) else frozenset()


def count_cores(processors: frozenset[int], siblings: Sequence[frozenset[int]]) -> int:
    """Return how many physical cores some processors are.

    Args:
        siblings: for each core, its processors; a processor in none is a core by itself.
    """
    alone = processors.difference(*siblings)
    return len({core for core in siblings if core & processors}) + len(alone)


def _performance(root: Path) -> int | None:
    if sys.platform == "darwin":
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            told = subprocess.run(  # noqa: S603  # fixed words, by absolute path
                [SYSCTL, "-n", "hw.perflevel0.physicalcpu"],
                capture_output=True, text=True, timeout=2, check=True,
            )  # fmt: skip
            return int(told.stdout)
        return None
    processors = root / "sys/devices/system/cpu"
    strong: frozenset[int] = frozenset()
    with suppress(OSError, ValueError):
        # Intel's processors of two kinds.
        strong = parse_cpu_list((root / "sys/devices/cpu_core/cpus").read_text())
    if not strong:
        strong = strong_processors(_numbers(processors, "cpu_capacity"))
    if not strong:
        return None
    siblings: list[frozenset[int]] = []
    for path in processors.glob("cpu[0-9]*/topology/thread_siblings_list"):
        with suppress(OSError, ValueError):
            siblings.append(parse_cpu_list(path.read_text()))
    return count_cores(strong, siblings)


def _numbers(processors: Path, name: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for path in processors.glob(f"cpu[0-9]*/{name}"):
        with suppress(OSError, ValueError):
            found[int(path.parent.name.removeprefix("cpu"))] = int(path.read_text())
    return found


def _allowed() -> int | None:
    # Not every system has it.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else None


def _quota(root: Path) -> float | None:
    """Return the least of what the process' control group and those above it allow."""
    try:
        group = parse_cgroup((root / "proc/self/cgroup").read_text())
    except OSError:
        return None
    quotas: list[float] = []
    for place in (group, *group.parents) if group else ():
        with suppress(OSError, ValueError):
            quota = parse_cpu_max((root / "sys/fs/cgroup" / place / "cpu.max").read_text())
            quotas += [quota] if quota is not None else []
    return min(quotas, default=None)
