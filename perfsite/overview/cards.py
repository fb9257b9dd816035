"""The overview's first glance: a verdict in one sentence and four numbers with their course."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfsite.overview.seen import Seen
from perfsite.templatetags.formats import count, milliseconds, percent, rate, seconds

# Fewer look-ups than these judge nothing.
ENOUGH_LOOKUPS = 100
# From these hit rates on, a cache earns its keep, or helps.
EARNS, HELPS = 0.5, 0.2
NO_BREAK = "\N{NO-BREAK SPACE}"
# A sparkline's own units; the style sheet stretches it.
WIDTH, HEIGHT, MARGIN = 120.0, 28.0, 2.0


class Tone(StrEnum):
    """How a verdict sounds; the style sheet has a colour for each."""

    MODEST = "modest"
    GOOD = "good"
    PLAIN = "plain"
    AMISS = "amiss"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the cache earns its keep. detail: what stands behind it, or what to do."""

    sentence: str
    detail: str
    tone: Tone


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number. spark: the path of an SVG that shows its course; "" where nothing is to see."""

    name: str
    value: str
    detail: str
    spark: str = ""


def verdict(found: Seen) -> Verdict:
    """Judge the range's look-ups; modestly where they are few."""
    overall, words = found.cache.overall, found.span.title
    if overall.hit_rate is None:
        return Verdict(
            sentence="Nothing to judge yet",
            detail=f"The cache was not asked in the last {words}. Write a reflection to begin.",
            tone=Tone.MODEST,
        )
    if overall.lookups < ENOUGH_LOOKUPS:
        many = "look-up" if overall.lookups == 1 else "look-ups"
        return Verdict(
            sentence=f"Too early to tell: {count(overall.lookups)} {many} in the last {words}",
            detail=f"{percent(overall.hit_rate)} hit; {ENOUGH_LOOKUPS} are enough to judge.",
            tone=Tone.MODEST,
        )
    saved = overall.time_saved_seconds
    hit = f"{percent(overall.hit_rate)} of look-ups hit"
    if saved < 0:
        return Verdict(
            sentence=f"The cache costs more than it saves: {hit}",
            detail=f"Looking up took {seconds(-saved)} more than hits spared in the last {words}.",
            tone=Tone.AMISS,
        )
    opening, tone = "Helping little so far", Tone.PLAIN
    if overall.hit_rate >= EARNS:
        opening, tone = "Earning its keep", Tone.GOOD
    elif overall.hit_rate >= HELPS:
        opening, tone = "Helping", Tone.GOOD
    return Verdict(
        # A duration is not broken in two.
        sentence=f"{opening}: {hit}, {seconds(saved).replace(' ', NO_BREAK)} of inference saved "
        f"in the last {words}",
        detail=_compared(found),
        tone=tone,
    )


def _compared(found: Seen) -> str:
    hits, misses = found.cache.overall.hits, found.cache.overall.misses
    if not hits.p50_ms or not misses.p50_ms:
        return ""
    return (
        f"Half of all hits took at most {milliseconds(hits.p50_ms)}; half of all computed answers "
        f"took at most {milliseconds(misses.p50_ms)}."
    )


def cards(found: Seen) -> list[Card]:
    """Return the four numbers."""
    trend, overall = found.cache, found.cache.overall
    between = "no look-ups"
    if trend.hit_rate_interval:
        low, high = trend.hit_rate_interval
        between = f"{percent(low)} to {percent(high)} with 95% confidence"
    cold = overall.misses.p95_ms
    return [
        Card(
            name="Hit rate",
            value=percent(overall.hit_rate),
            detail=between,
            spark=spark(_hit_rates(found), top=1.0),
        ),
        Card(
            name="Time saved",
            value=seconds(overall.time_saved_seconds) if overall.lookups else seconds(None),
            detail=f"of inference in the last {found.span.title}",
            spark=spark(trend.saved_seconds if overall.lookups else []),
        ),
        Card(
            name="p95 of a hit",
            value=milliseconds(overall.hits.p95_ms),
            detail=f"{milliseconds(cold)} when computed" if cold else "nothing was computed",
            spark=spark(trend.hit_p95_ms),
        ),
        Card(
            name="Tokens a second",
            value=_speed(found.calls.overall.generated_tokens_per_second),
            detail=f"written in {count(found.calls.overall.calls)} "
            f"call{'' if found.calls.overall.calls == 1 else 's'} to the model",
            spark=spark(found.calls.tokens_per_second),
        ),
    ]


def spark(values: Sequence[float | None], top: float | None = None) -> str:
    """Return an SVG path over values that are evenly apart; it is broken where there is none.

    Args:
        top: what the full height stands for; the greatest value where not given.
    """
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), top or max([0.0, *known])
    if len(known) < 2 or high == low:
        return ""
    return " ".join(_strokes(values, low, high))


def _strokes(values: Sequence[float | None], low: float, high: float) -> Iterator[str]:
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    pen_down = False
    for place, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        across = MARGIN + place * step
        up = HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN)
        yield f"{'L' if pen_down else 'M'}{across:.1f} {up:.1f}"
        # A value that stands alone is a dot: a line of no length with round ends.
        if not pen_down and (place + 1 == len(values) or values[place + 1] is None):
            yield f"L{across:.1f} {up:.1f}"
        pen_down = True


def _hit_rates(found: Seen) -> list[float | None]:
    trend = found.cache
    asked = [
        lookups - bypassed for lookups, bypassed in zip(trend.lookups, trend.bypassed, strict=True)
    ]
    return [
        answered / number if number else None
        for answered, number in zip(trend.answered, asked, strict=True)
    ]


def _speed(tokens: float | None) -> str:
    return rate(tokens).removesuffix(" a second")
