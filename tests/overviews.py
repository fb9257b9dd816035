"""The overview's numbers of a week, for tests of what is made of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cachestats.reports import LookupReport, Percentiles
from cachestats.spans import RANGES
from cachestats.trends import CacheTrend
from cachestats.worth import EntryWorth
from enrichment.call_reports import CallNumbers, Elapsed, Part
from enrichment.call_trends import CallTrend
from enrichment.queue_trends import QueueTrend
from perfsite.overview.seen import Seen

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
WEEK = RANGES["7d"]
GRID = WEEK.grid(NOW)
NO_TIMES = Percentiles(count=0, p50_ms=None, p95_ms=None, p99_ms=None)


def each_step(value: Any) -> list[Any]:
    """Return the same value for each step."""
    return [value] * GRID.steps


NOTHING = Seen(
    span=WEEK,
    cache=CacheTrend(
        grid=GRID,
        overall=LookupReport(
            lookups=0,
            hit_rate=None,
            hit_count=0,
            miss_count=0,
            collapsed_count=0,
            bypass_count=0,
            hits=NO_TIMES,
            misses=NO_TIMES,
            time_saved_seconds=0.0,
            reasons={},
        ),
        by_type={},
        hit_rate_interval=None,
        lookups=each_step(0),
        answered=each_step(0),
        bypassed=each_step(0),
        saved_seconds=each_step(0.0),
        hit_p95_ms=each_step(None),
        reasons={},
        hit_curve=[],
        miss_curve=[],
    ),
    calls=CallTrend(
        grid=GRID,
        overall=CallNumbers(
            calls=0,
            failed={},
            retried=0,
            elapsed=Elapsed(p50_ms=None, p95_ms=None, p99_ms=None),
            parts={},
            prompt_tokens=0,
            generated_tokens=0,
            prompt_tokens_per_second=None,
            generated_tokens_per_second=None,
        ),
        part_seconds={},
        tokens_per_second=each_step(None),
        by_host={},
    ),
    queue=QueueTrend(
        grid=GRID,
        depth=each_step(None),
        throughput=each_step(None),
    ),
    worth=None,
    markers=[],
)


def asked(lookups: int, hits: int, saved_seconds: float = 3600.0, **changed: Any) -> Seen:
    """Return a week of look-ups of which so many hit."""
    overall = replace(
        NOTHING.cache.overall,
        lookups=lookups,
        hit_rate=hits / lookups,
        hit_count=hits,
        miss_count=lookups - hits,
        hits=Percentiles(count=hits, p50_ms=2.0, p95_ms=4.0, p99_ms=8.0),
        misses=Percentiles(count=lookups - hits, p50_ms=9000.0, p95_ms=30_000.0, p99_ms=50_000.0),
        reasons={"first_seen": lookups - hits},
        time_saved_seconds=saved_seconds,
    )
    trend = replace(
        NOTHING.cache,
        overall=overall,
        hit_rate_interval=(0.5, 0.7),
        lookups=[*each_step(0)[2:], lookups - lookups // 2, lookups // 2],
        answered=[*each_step(0)[2:], hits - hits // 2, hits // 2],
        saved_seconds=[*each_step(0.0)[1:], saved_seconds],
        hit_curve=[(2.0, 0.5), (8.0, 1.0)],
        miss_curve=[(9000.0, 0.5), (50_000.0, 1.0)],
        reasons={"first_seen": [*each_step(0)[1:], lookups - hits]},
    )
    return replace(NOTHING, cache=replace(trend, **changed))


def called(**parts: float) -> Seen:
    """Return a week in which calls' parts had these shares."""
    numbers = replace(
        NOTHING.calls.overall,
        calls=3,
        parts={
            name: Part(total_seconds=share, share=share, median_ms=share)
            for name, share in parts.items()
        },
    )
    seconds = {name: [*each_step(None)[1:], share] for name, share in parts.items()}
    return replace(NOTHING, calls=replace(NOTHING.calls, overall=numbers, part_seconds=seconds))


def weighed(**changed: Any) -> Seen:
    """Return a week after which entries were weighed."""
    worth = EntryWorth(
        at=NOW,
        entries=100,
        bytes=1_000_000,
        dead_entries=20,
        dead_bytes=250_000,
        curve=[(0.0, 0.0), (0.3, 0.92), (0.75, 1.0), (1.0, 1.0)],
    )
    return replace(NOTHING, worth=replace(worth, **changed))
