"""The overview's pictures: each says in its title what its numbers show."""

from collections.abc import Callable, Mapping, Sequence

from cachestats.pictures import (
    PARTS,
    Axis,
    Mark,
    Meaning,
    Picture,
    Series,
    Shape,
    Unit,
)
from cachestats.reasons import describe
from cachestats.spans import Grid
from cachestats.worth import EntryWorth
from perfsite.markers import Marker
from perfsite.overview.seen import Seen
from perfsite.templatetags.formats import (
    count,
    milliseconds,
    part_words,
    percent,
    seconds,
    size,
)

TIME = Axis(label="Time", unit=Unit.TIME)
LOOKUPS = Axis(label="Look-ups", unit=Unit.COUNT)
# More kinds of reasons than these are one: so many colours can be told apart.
REASONS_SHOWN = len(PARTS) - 1
NEARLY_ALL = 0.9


def saved(seen: Seen) -> Picture:
    """Net time saved over time."""
    trend = seen.cache
    total = trend.overall.time_saved_seconds
    if total >= 0:
        title = f"The cache saved {seconds(total)} of computing in the last {seen.span.title}"
    else:
        title = f"The cache cost {seconds(-total)} more than it saved in the last {seen.span.title}"
    return _over_time(
        trend.grid,
        seen.markers,
        name="saved",
        title=title,
        note="Typical time of computing for each hit, less what looking up took",
        up=Axis(label="Time saved", unit=Unit.SECONDS),
        series=[
            Series(
                label="Saved",
                values=trend.saved_seconds,
                meaning=Meaning.GOOD,
                shape=Shape.AREA,
            )
        ],
        empty=_nothing_asked(seen),
    )


def latency(seen: Seen) -> Picture:
    """How long hits and misses took, as shares of all."""
    found = seen.cache.overall
    hits, misses = found.hits, found.misses
    if hits.p50_ms and misses.p50_ms:
        factor = misses.p50_ms / hits.p50_ms
        title = f"A hit is {count(round(factor))} times as fast as computing"
    elif hits.count:
        title = f"Half of all hits take at most {milliseconds(hits.p50_ms)}"
    else:
        title = f"Half of all answers are computed within {milliseconds(misses.p50_ms)}"
    places = sorted({at for at, _ in (*seen.cache.hit_curve, *seen.cache.miss_curve) if at > 0})
    return Picture(
        name="latency",
        title=title,
        note="Share of look-ups that took at most so long; dashes: p50, p95 and p99",
        across=Axis(label="Latency", unit=Unit.MILLISECONDS, logarithmic=True),
        up=Axis(label="Share of look-ups", unit=Unit.SHARE),
        places=places,
        series=[
            Series(label=label, values=_shares(curve, places), meaning=meaning, shape=Shape.STEPS)
            for label, curve, meaning in (
                ("Hits", seen.cache.hit_curve, Meaning.GOOD),
                ("Computed", seen.cache.miss_curve, Meaning.PLAIN),
            )
            if curve
        ],
        marks=[
            Mark(at=at, label=f"{label} {name} {milliseconds(at)}", kind="percentile")
            for label, numbers in (("Hits", hits), ("Computed", misses))
            for name, at in (
                ("p50", numbers.p50_ms),
                ("p95", numbers.p95_ms),
                ("p99", numbers.p99_ms),
            )
            if at
        ],
        empty="" if places else _nothing_asked(seen),
    )


def reasons(seen: Seen) -> Picture:
    """Why look-ups were no hits, over time."""
    totals = {reason: sum(values) for reason, values in seen.cache.reasons.items()}
    ordered = sorted(totals, key=lambda reason: -totals[reason])
    shown, rest = ordered[:REASONS_SHOWN], ordered[REASONS_SHOWN:]
    series = {describe(reason).words.capitalize(): seen.cache.reasons[reason] for reason in shown}
    if rest:
        series["Others"] = [
            sum(values)
            for values in zip(*(seen.cache.reasons[reason] for reason in rest), strict=True)
        ]
    title = "Every look-up was a hit"
    if ordered:
        share = totals[ordered[0]] / sum(totals.values())
        title = f"{percent(share)} of misses: {describe(ordered[0]).words}"
    return _over_time(
        seen.cache.grid,
        seen.markers,
        name="reasons",
        title=title,
        note=describe(ordered[0]).advice if ordered else "Look-ups that were no hits, by reason",
        up=LOOKUPS,
        series=_stacked(series),
        empty=_nothing_asked(seen),
    )


def calls(seen: Seen) -> Picture:
    """Where the time of a cold call goes."""
    numbers = seen.calls.overall
    shares = {part: found.share for part, found in numbers.parts.items() if found.share is not None}
    title = "No call to a model yet"
    if shares:
        most = max(shares, key=lambda part: shares[part])
        title = f"{percent(shares[most])} of a cold call is {part_words(most).lower()}"
    return _over_time(
        seen.calls.grid,
        seen.markers,
        name="calls",
        title=title,
        note="Mean of each answered call to a model",
        up=Axis(label="Time a call", unit=Unit.SECONDS),
        series=_stacked(
            {part_words(part): values for part, values in seen.calls.part_seconds.items()}
        ),
        empty=""
        if numbers.answered_count
        else f"No model was asked in the last {seen.span.title}. Write a reflection that is new.",
    )


def worth(seen: Seen) -> Picture:
    """Which entries earn their keep."""
    found = seen.worth
    return Picture(
        name="worth",
        title=_worth_title(found.curve if found else []),
        note="Entries by hits × cost of computing, a byte",
        across=Axis(label="Share of the cache's bytes, worthiest first", unit=Unit.SHARE),
        up=Axis(label="Share of time saved", unit=Unit.SHARE),
        places=[place for place, _ in found.curve] if found else [],
        series=[
            Series(
                label="Time saved",
                values=[share for _, share in found.curve] if found else [],
                meaning=Meaning.ACCENT,
                shape=Shape.AREA,
            )
        ],
        marks=_dead_tail(found) if found else [],
        empty=""
        if found and found.curve
        else "An entry earns its keep once it is hit. Send the same reflection twice.",
    )


def _worth_title(curve: Sequence[tuple[float, float]]) -> str:
    if not curve:
        return "No entry has earned anything yet"
    nearly_all = next((place for place, share in curve if share >= NEARLY_ALL), 1.0)
    return f"{percent(nearly_all)} of the bytes save {percent(NEARLY_ALL)} of the time"


def _dead_tail(found: EntryWorth) -> list[Mark]:
    if not found.dead_bytes:
        return []
    unhit = (
        f"{count(found.dead_entries)} of {count(found.entries)} entries, {size(found.dead_bytes)}, "
        "are older than a day and were never hit"
    )
    return [Mark(at=1 - found.dead_bytes / found.bytes, until=1.0, label=unhit, kind="dead")]


def queue(seen: Seen) -> Picture:
    """How many jobs wait, and how many are done."""
    trend = seen.queue
    depths = [depth for depth in trend.depth if depth is not None]
    done = [rate for rate in trend.throughput if rate is not None]
    most = max(depths, default=0)
    title = (
        f"At most {count(most)} job{'' if most == 1 else 's'} waited" if most else "No job waited"
    )
    return _over_time(
        trend.grid,
        seen.markers,
        name="queue",
        title=title,
        note="The most that waited at once, and jobs done a minute",
        up=Axis(label="Jobs", unit=Unit.COUNT),
        up_right=Axis(label="Jobs done", unit=Unit.PER_MINUTE),
        series=[
            Series(label="Waiting", values=trend.depth, meaning=Meaning.AMISS, shape=Shape.AREA),
            Series(label="Done", values=trend.throughput, meaning=Meaning.ACCENT, right=True),
        ],
        empty=""
        if depths or done
        else "A worker notes each minute how much waits. Start one with python manage.py qcluster",
    )


PICTURES: Mapping[str, Callable[[Seen], Picture]] = {
    "saved": saved,
    "latency": latency,
    "reasons": reasons,
    "calls": calls,
    "worth": worth,
    "queue": queue,
}


def _over_time(  # noqa: PLR0913  # each is a member of the picture
    grid: Grid,
    markers: Sequence[Marker],
    *,
    name: str,
    title: str,
    note: str,
    up: Axis,
    series: Sequence[Series],
    empty: str,
    up_right: Axis | None = None,
) -> Picture:
    return Picture(
        name=name,
        title=title,
        note=note,
        across=TIME,
        up=up,
        up_right=up_right,
        places=[start.timestamp() for start in grid.starts],
        series=series,
        marks=[
            Mark(at=marker.at.timestamp(), label=marker.label, kind=marker.kind, tag=str(number))
            for number, marker in enumerate(markers, start=1)
        ],
        empty=empty,
    )


def _stacked(values: Mapping[str, Sequence[float | None]]) -> list[Series]:
    return [
        Series(label=label, values=found, meaning=meaning, shape=Shape.STACKED)
        for (label, found), meaning in zip(values.items(), PARTS, strict=False)
    ]


def _shares(curve: Sequence[tuple[float, float]], places: Sequence[float]) -> list[float]:
    """Return at each place the share that was reached by then."""
    shares, reached, rest = [], 0.0, list(reversed(curve))
    for place in places:
        while rest and rest[-1][0] <= place:
            reached = rest.pop()[1]
        shares.append(reached)
    return shares


def _nothing_asked(seen: Seen) -> str:
    if seen.cache.overall.lookups:
        return ""
    return (
        f"The cache was not asked in the last {seen.span.title}. Write a reflection to fill this."
    )
