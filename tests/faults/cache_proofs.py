"""The long runs of the cache's proofs: `python -m tests.faults.cache_proofs`, or `make proofs`.

Prints what docs/reliability.md shows, and ends with 1 where a promise is broken.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import tests.faults.cache_actors  # noqa: F401  # sets Django up for the others
from tests.benchmarks.cache import machine
from tests.faults import cache_flights, cache_kills, cache_matrix, cache_purges

RESTORED_SECONDS = 5.0
LONGEST_READ_MS = 100.0

# What was done, what came of it, and whether that is what was promised.
Line = tuple[str, str, bool]


def main() -> None:
    """Run all proofs, or those named, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PROOFS, action="append", help="leave the others out")
    parser.add_argument("--kills", type=int, default=100, help="of writers")
    parser.add_argument("--purges", type=int, default=10_000, help="that race with look-ups")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the large purge")
    options = parser.parse_args()
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    broken = 0
    for name in options.only or PROOFS:
        title, proof = PROOFS[name]
        print(f"\n| {title} | | |\n|---|---|---|", flush=True)
        for done, found, kept in proof(options):
            print(f"| {done} | {found} | {'kept' if kept else '**broken**'} |", flush=True)
            broken += not kept
    print(f"\n{broken} promises broken." if broken else "\nAll promises kept.")
    sys.exit(bool(broken))


def faults(_options: argparse.Namespace) -> Iterator[Line]:
    """Each fault of the file while three processes, then five, read and write."""
    for name in cache_matrix.FAULTS:
        if name == cache_matrix.FULL_DISK and not cache_matrix.can_mount():
            yield name, "no small disk can be mounted here", False
        else:
            yield _line(cache_matrix.prove(name))
    ended, outcome = cache_matrix.prove_truncated_index()
    name, found, kept = _line(outcome)
    killed = sum(code is not None for code in ended)
    yield (
        name,
        f"{killed} of {len(ended)} processes killed by SIGBUS; after a restart: {found}",
        kept,
    )


def _line(outcome: cache_matrix.Outcome) -> Line:
    restored = outcome.restored_seconds
    after = "never restored" if restored is None else f"restored after {restored:.1f} s"
    kept = not outcome.errors and not outcome.wrong and max(outcome.complaints) <= 1
    kept = kept and restored is not None and restored <= RESTORED_SECONDS
    found = f"{outcome.calls:,} calls, {len(outcome.errors)} errors, {len(outcome.wrong)} wrong"
    return outcome.fault, f"{found}, {after}", kept


def flights(_options: argparse.Namespace) -> Iterator[Line]:
    """Many look-ups of one missing key."""
    one = cache_flights.prove_one_computes(processes=4, threads=4, look_ups=1_000)
    found = f"{one.states.total():,} look-ups, {len(one.computed)} computation, {_named(one)}"
    yield "16 threads in 4 processes", found, one.computed == "W" and not one.errors
    taken = cache_flights.prove_takeover(processes=4, threads=4)
    kept = taken.computed == "LW" and not taken.errors
    yield "The computing process is killed", f"one other computes; {_named(taken)}", kept
    failed = cache_flights.prove_failure(processes=4, threads=4)
    kept = failed.computed == "L" and len(failed.errors) == 1 and not failed.stored
    found = f"{failed.errors.total()} callers get its error, nothing is stored"
    yield "The computation raises", found, kept


def _named(outcome: cache_flights.Outcome) -> str:
    return ", ".join(f"{times} {name}" for name, times in outcome.states.most_common())


def kills(options: argparse.Namespace) -> Iterator[Line]:
    """Writers killed at random moments."""
    outcome = cache_kills.prove(options.kills)
    errors = sum(len(report.errors) for report in outcome.reports)
    wrong = sum(len(report.wrong) for report in outcome.reports)
    hits = sum(report.hits for report in outcome.reports)
    found = f"{hits:,} hits read meanwhile, {errors} errors, {wrong} wrong"
    yield f"{outcome.kills} writers killed by SIGKILL", found, not errors and not wrong
    books = outcome.books
    found = f"integrity check: {books.pages}; totals counted right: {books.counted == books.there}"
    yield "The file afterwards", found, books.pages == "ok" and books.counted == books.there


def purges(options: argparse.Namespace) -> Iterator[Line]:
    """Purges that race with look-ups."""
    races = cache_purges.prove_coherence(options.purges)
    found = (
        f"{races.reads:,} look-ups, {races.hits:,} served from the cache, {len(races.stale)} stale"
    )
    yield f"{races.purges:,} purges", found, not races.stale and not races.errors


def large_purge(options: argparse.Namespace) -> Iterator[Line]:
    """One purge of very many entries."""
    purged = cache_purges.prove_purge(options.entries)
    found = (
        f"{purged.purge_ms / 1000:.0f} s; {purged.reads:,} look-ups meanwhile,"
        f" p99 {purged.p99_read_ms:.1f} ms, longest {purged.longest_read_ms:.0f} ms;"
        f" longest set {purged.longest_set_ms:.0f} ms"
    )
    yield f"{purged.entries:,} entries purged", found, purged.longest_read_ms <= LONGEST_READ_MS


PROOFS: dict[str, tuple[str, Callable[[argparse.Namespace], Iterator[Line]]]] = {
    "faults": ("A fault while three processes, then five, read and write", faults),
    "flights": ("One missing key, looked up by many at once", flights),
    "kills": ("Killed writers", kills),
    "purges": ("Purges that race with look-ups", purges),
    "large-purge": ("A large purge", large_purge),
}


if __name__ == "__main__":
    start = time.monotonic()
    try:
        main()
    finally:
        print(f"Took {time.monotonic() - start:.0f} s.")
