"""What the processor offers. Reads /proc/cpuinfo; elsewhere it knows only the number of CPUs."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

# What the x86 builds of llama.cpp are compiled for; without one of them importing the
# extension ends the process with an illegal instruction instead of an exception.
REQUIRED_X86_FLAGS = frozenset({"avx2", "fma", "f16c"})


def missing_flags(cpuinfo: str, machine: str) -> list[str]:
    """Name the required instruction sets that the processor lacks.

    Args:
        cpuinfo: the text of /proc/cpuinfo; empty when there is none.
        machine: as `platform.machine()` says.

    Returns:
        Sorted names; empty when all are there, and when nothing is known (no flags line) or
        asked (not x86).
    """
    if machine.lower() not in {"x86_64", "amd64"}:
        return []
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return sorted(REQUIRED_X86_FLAGS - set(value.split()))
    return []


def core_count(cpuinfo: str) -> int | None:
    """Count the distinct (package, core) pairs; None when the text doesn't list them."""
    cores: set[tuple[str, str]] = set()
    package = ""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "physical id":
            package = value.strip()
        elif name.strip() == "core id":
            cores.add((package, value.strip()))
    return len(cores) or None


def physical_cores() -> int:
    """Say how many threads generation should use: cores, not hyper-threads.

    One thread too many can make generation ten times slower, so never more than this process
    may run on.
    """
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(core_count(read_cpuinfo()) or allowed, allowed))


def read_cpuinfo() -> str:
    """Read /proc/cpuinfo; empty where there is none."""
    try:
        return CPUINFO.read_text()
    except OSError:
        return ""


def lacks() -> list[str]:
    """Name the instruction sets that this machine lacks for llama.cpp."""
    return missing_flags(read_cpuinfo(), platform.machine())
