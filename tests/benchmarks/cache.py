"""The cache beside raw SQLite and its rivals: `python -m tests.benchmarks.cache`.

All are measured in one run, turn by turn in small slices, so that the noise of the machine hits
all alike: take the ratios. Keys come in random order.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks import rivals
from tests.benchmarks.rivals import Item, item

SIZES = (1_000, 100_000, 1_000_000)
SLICE = 500
HUGE = 1_000_000
# It counts its rows at each set, which takes some 60 ms among a million.
HUGE_DATABASE_SETS = 200
RAW, OURS = "raw sqlite3", "Perfsite"
GOALS = (
    ("hit", RAW, "at most", 1.25),
    ("set", RAW, "at most", 1.30),
    ("hit", "diskcache, default", "at least", 1.3),
    ("hit", "diskcache, LRU + statistics", "at least", 6.0),
    ("hit", "Django DatabaseCache", "at least", 4.0),
    ("set", "Django DatabaseCache", "at least", 12.0),
    ("hit", "Redis over TCP", "at least", 8.0),
    ("reads/s", "diskcache, default", "at least", 1.6),
    ("reads/s", "diskcache, LRU + statistics", "at least", 10.0),
)


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, help="one size instead of 1k, 100k and 1M")
    parser.add_argument("--operations", type=int, default=10_000, help="of each kind and rival")
    parser.add_argument("--seconds", type=float, default=5, help="of 2 readers + 1 writer")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    options = parser.parse_args()
    report: dict[str, Any] = {"machine": machine(), "sizes": {}}
    for entries in (options.entries,) if options.entries else SIZES:
        found = measure_alone(options) if options.entries else measure_apart(entries, options)
        report["sizes"][entries] = found
        if not options.json:
            show(entries, found)
    if options.json:
        print(json.dumps(report))
    else:
        show_growth(report["sizes"])
        print("\n" + "\n".join(f"{name}: {what}" for name, what in report["machine"].items()))


def measure_alone(options: argparse.Namespace) -> dict[str, Any]:
    """Measure one size in this process."""
    with tempfile.TemporaryDirectory() as folder, site_in(Path(folder)):
        return measure(Path(folder), options.entries, options.operations, options.seconds)


def measure_apart(entries: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one of several sizes in a process of its own: Django is set up once in each."""
    command = [sys.executable, "-m", "tests.benchmarks.cache", "--json"]
    command += ["--entries", str(entries), "--operations", str(options.operations)]
    command += ["--seconds", str(options.seconds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)["sizes"][str(entries)]
    return found


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    models = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    found = {
        "cpu": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    for package in ("Django", "diskcache", "redis", "orjson"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


class site_in:  # noqa: N801  # reads as a statement
    """A site with migrated databases in a folder."""

    def __init__(self, folder: Path) -> None:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "perfsite.settings",
            "VAR_DIR": str(folder / "var"),
            "SECRET_KEY": "of the benchmark",
            "PERF_CACHE_PEPPER": "of the benchmark",
        }
        (folder / "django").mkdir()
        self._rival = folder / "django" / "rival.sqlite3"

    def __enter__(self) -> None:
        import django
        from django.conf import settings

        settings.DATABASES["rival"] = {
            **settings.DATABASES["default"],
            "NAME": str(self._rival),
            "OPTIONS": {
                "timeout": 60,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
        settings.CACHES["rival"] = {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "rival",
            "OPTIONS": {"MAX_ENTRIES": 10**9},
            "TIMEOUT": None,
        }
        settings.DATABASE_ROUTERS = [
            "tests.benchmarks.cache.RivalRouter",
            *settings.DATABASE_ROUTERS,
        ]
        django.setup()
        from django.core.management import call_command

        for alias in ("default", "cache"):
            call_command("migrate", database=alias, verbosity=0)
        call_command("createcachetable", "rival", database="rival", verbosity=0)

    def __exit__(self, *_error: object) -> None:
        from django.db import connections

        from enrichment import calls

        # While there is a database still.
        calls.flush()
        connections.close_all()


class RivalRouter:
    """Sends Django's cache to a file of its own."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        return "rival" if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool | None:
        if app_label == "django_cache":
            return db == "rival"
        return False if db == "rival" else None


def contenders() -> list[type[rivals.Rival]]:
    """Return the rivals that can run here."""
    found: list[type[rivals.Rival]] = [rivals.Raw, rivals.Ours, rivals.Computing]
    if can_import("diskcache"):
        found += [rivals.DiskCache, rivals.DiskCacheLru]
    found.append(rivals.DatabaseCache)
    if can_import("redis") and rivals.Redis.port:
        found.append(rivals.Redis)
    return found


def can_import(name: str) -> bool:
    """Return whether a package is installed."""
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def measure(folder: Path, entries: int, operations: int, seconds: float) -> dict[str, Any]:
    """Measure every contender with so many entries."""
    redis = rivals.start_redis(folder)
    try:
        caches = [kind(folder) for kind in contenders()]
        rows: dict[str, Any] = {cache.name: {} for cache in caches}
        for cache in caches:
            if isinstance(cache, rivals.Computing):
                continue
            before = cache.size_bytes()
            cache.fill(item(number) for number in range(entries))
            rows[cache.name]["bytes_per_entry"] = (cache.size_bytes() - before) / entries
        for kind, numbers, action in (
            ("hit", lambda: random.randrange(entries), "get"),
            ("miss", lambda: random.randrange(2**40, 2**41), "get"),
            ("set", lambda: random.randrange(2**41, 2**42), "set"),
        ):
            for name, times in timed(caches, operations, numbers, action, entries).items():
                rows[name][kind] = percentiles(times)
        for cache in caches:
            if isinstance(cache, rivals.Ours):
                cache.close()
        for contender in contenders():
            if contender is not rivals.Computing:
                rows[contender.name] |= together(contender, folder, entries, seconds)
        return {"rows": rows, "goals": goals(rows)}
    finally:
        if redis is not None:
            redis.terminate()
            redis.wait()


def timed(
    caches: list[Any], operations: int, numbers: Callable[[], int], action: str, entries: int
) -> dict[str, list[float]]:
    """Return the seconds of each operation, taken in turns of small slices."""
    times: dict[str, list[float]] = {cache.name: [] for cache in caches}
    for _ in range(operations // SLICE):
        items = [item(numbers()) for _ in range(SLICE)]
        for cache in random.sample(caches, len(caches)):
            if action == "set" and isinstance(cache, rivals.Computing):
                continue
            few = isinstance(cache, rivals.DatabaseCache) and entries >= HUGE
            if action == "set" and few and len(times[cache.name]) >= HUGE_DATABASE_SETS:
                continue
            times[cache.name] += each(getattr(cache, action), items)
    return {name: found for name, found in times.items() if found}


def each(call: Callable[[Item], Any], items: list[Item]) -> Iterator[float]:
    """Yield the seconds that each call takes."""
    for one in items:
        started = time.perf_counter()
        call(one)
        yield time.perf_counter() - started


def percentiles(times: list[float]) -> dict[str, float]:
    """Return microseconds."""
    ordered = sorted(times)
    return {
        "p50_us": ordered[len(ordered) // 2] * 1e6,
        "p99_us": ordered[len(ordered) * 99 // 100] * 1e6,
    }


def together(kind: type, folder: Path, entries: int, seconds: float) -> dict[str, float]:
    """Return reads and writes a second of 2 readers + 1 writer, each a process."""
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    begin = context.Barrier(4)

    def work(role: str) -> None:
        cache = kind(folder)
        seed = random.Random(os.getpid())
        count = 0
        begin.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if role == "read":
                cache.get(item(seed.randrange(entries)))
                count += 1
            else:
                count += cache.set(item(seed.randrange(2**42, 2**43))) is not False
        done.put((role, count))
        if isinstance(cache, rivals.Ours):
            cache.close()

    from django.db import connections

    connections.close_all()
    processes = [context.Process(target=work, args=(role,)) for role in ("read", "read", "write")]
    for process in processes:
        process.start()
    begin.wait()
    counts = [done.get() for _ in processes]
    for process in processes:
        process.join()
    return {
        "reads/s": sum(count for role, count in counts if role == "read") / seconds,
        "writes/s": sum(count for role, count in counts if role == "write") / seconds,
    }


def goals(rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each goal, what was measured and whether it was met."""
    found = []
    for kind, rival, bound, wanted in GOALS:
        if rival not in rows:
            continue
        ours, theirs = value_of(rows[OURS], kind), value_of(rows[rival], kind)
        faster = kind == "reads/s" or bound == "at most"
        measured = ours / theirs if faster else theirs / ours
        met = measured <= wanted if bound == "at most" else measured >= wanted
        found.append(
            {"goal": f"{kind} against {rival}", "bound": f"{bound} {wanted:g} x"}
            | {"measured": round(measured, 2), "met": met}
        )
    return found


def value_of(row: dict[str, Any], kind: str) -> float:
    """Return the number that goals compare."""
    return float(row[kind] if kind == "reads/s" else row[kind]["p50_us"])


def show(entries: int, found: dict[str, Any]) -> None:
    """Print the tables of one size."""
    raw = found["rows"][RAW]
    print(f"\n{entries:,} entries (microseconds; x: p50 over raw)")
    heads = "".join(f"{kind + ' p50':>10}{'p99':>9}{'x':>7}" for kind in ("hit", "miss", "set"))
    print(f"{'':<30}{heads}{'bytes':>8}{'reads/s':>10}{'writes/s':>10}")
    for name, row in found["rows"].items():
        cells = ""
        for kind in ("hit", "miss", "set"):
            if kind not in row:
                cells += f"{'':>26}"
                continue
            ratio = row[kind]["p50_us"] / raw[kind]["p50_us"]
            cells += f"{row[kind]['p50_us']:>10.1f}{row[kind]['p99_us']:>9.1f}{ratio:>7.2f}"
        size = f"{row['bytes_per_entry']:>8.0f}" if "bytes_per_entry" in row else f"{'':>8}"
        pace = f"{row['reads/s']:>10.0f}{row['writes/s']:>10.0f}" if "reads/s" in row else ""
        print(f"{name:<30}{cells}{size}{pace}")
    for goal in found["goals"]:
        verdict = "met" if goal["met"] else "missed"
        print(f"  {goal['goal']:<48}{goal['bound']:<16}{goal['measured']:>8.2f} x  {verdict}")


def show_growth(sizes: dict[int, Any]) -> None:
    """Print how a hit grows with the number of entries."""
    if len(sizes) > 1:
        smallest, largest = min(sizes), max(sizes)
        first, last = (sizes[size]["rows"][OURS]["hit"]["p50_us"] for size in (smallest, largest))
        verdict = "met" if last <= 1.5 * first else "missed"
        print(f"  a hit among {largest:,} over {smallest:,}: {last / first:.2f} x (1.5)  {verdict}")


if __name__ == "__main__":
    sys.exit(main())
