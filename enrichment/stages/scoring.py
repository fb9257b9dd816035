"""How well Stage 1 reads feelings that people reported themselves: pure numbers.

The labels are those of the Lemotif diary texts (https://github.com/xaliceli/lemotif): 18 feelings,
of which several may hold. A reading is right when its primary is any of the text's primaries.
"""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from enrichment.stages import wheel

PRIMARY_OF: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("afraid", "anxious", "awkward", "confused"), "scared"),
        **dict.fromkeys(("angry", "frustrated", "disgusted", "jealous"), "mad"),
        **dict.fromkeys(("sad", "ashamed", "bored", "nostalgic"), "sad"),
        **dict.fromkeys(("happy", "excited"), "joyful"),
        "proud": "powerful",
        **dict.fromkeys(("calm", "satisfied"), "peaceful"),
    }
)
# May please or hurt, so it tells no primary.
IGNORED = "surprised"
TEXT = "text"
TRUE, FALSE = "TRUE", "FALSE"
BINS = 10
RESAMPLES = 500
INTERVAL = 0.95


class InvalidTable(ValueError):
    """A file of labelled texts that can't be read; names the place and what is accepted."""


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A text and the primaries of the feelings that its writer reported, one or more."""

    text: str
    primaries: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class LabelledTable:
    """What a file gave. left_out: texts without any feeling that counts. unread: columns."""

    texts: list[LabelledText]
    left_out: int
    unread: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one signal made of a text. primary: None when undetermined. confidence: 0 to 1."""

    primary: str | None
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All 0 to 1; None where no text can tell.

    any: how often the primary is any of the text's. single: mean recall over the primaries, of the
    texts that have exactly one. polarity: mean of the shares that are right among the texts that
    are all positive and those that are all negative. macro_precision: mean over the primaries that
    were read of how often they were right. ece: expected calibration error, over ten equal bins.
    """

    any: float | None
    single: float | None
    polarity: float | None
    macro_precision: float | None
    ece: float | None


def read_table(lines: Iterable[str]) -> LabelledTable:
    """Return the labelled texts of a CSV file, and what of it was of no use.

    Args:
        lines: with a header; a column `text`, and one for each label, TRUE or FALSE. A label
            without a column holds for no text.

    Raises:
        InvalidTable: a column is missing, or a value is none of these.
    """
    rows = csv.DictReader(lines)
    try:
        return _labelled(rows)
    except csv.Error as exc:
        raise InvalidTable(f"after line {rows.line_num}: {exc}") from exc


def _labelled(rows: "csv.DictReader[str]") -> LabelledTable:
    columns = tuple(rows.fieldnames or ())
    labels = [label for label in (*PRIMARY_OF, IGNORED) if label in columns]
    if TEXT not in columns or not labels:
        known = ", ".join((*PRIMARY_OF, IGNORED))
        raise InvalidTable(f"the header needs a column {TEXT}, and of these at least one: {known}")
    found, left_out = [], 0
    for row in rows:
        held = [label for label in labels if _holds(row[label], rows.line_num, label)]
        if not (text := (row[TEXT] or "").strip()):
            raise InvalidTable(f"line {rows.line_num}: {TEXT} is empty")
        primaries = frozenset(PRIMARY_OF[label] for label in held if label != IGNORED)
        if primaries:
            found.append(LabelledText(text=text, primaries=primaries))
        else:
            left_out += 1
    unread = tuple(column for column in columns if column not in (TEXT, *labels))
    return LabelledTable(texts=found, left_out=left_out, unread=unread)


def _holds(value: str | None, line: int, label: str) -> bool:
    match (value or "").strip().upper():
        case "TRUE":
            return True
        case "FALSE":
            return False
    raise InvalidTable(f"line {line}: {label} must be {TRUE} or {FALSE}, not {value!r}")


def score(texts: Sequence[LabelledText], readings: Sequence[Reading]) -> Scores:
    """Return how right these readings of these texts are; both have the same order."""
    pairs = list(zip(texts, readings, strict=True))
    right = [reading.primary in text.primaries for text, reading in pairs]
    single = [
        (next(iter(text.primaries)), reading.primary in text.primaries)
        for text, reading in pairs
        if len(text.primaries) == 1
    ]
    polar = [
        (sign, reading.primary is not None and (reading.primary in wheel.PLEASANT) is sign)
        for text, reading in pairs
        if (sign := _polarity(text.primaries)) is not None
    ]
    read = [
        (reading.primary, hit)
        for (_, reading), hit in zip(pairs, right, strict=True)
        if reading.primary is not None
    ]
    return Scores(
        any=_mean(right),
        single=_mean_by_group(single),
        polarity=_mean_by_group(polar),
        macro_precision=_mean_by_group(read),
        ece=_calibration_error([reading.confidence for reading in readings], right),
    )


def intervals(
    texts: Sequence[LabelledText], readings: Sequence[Reading], seed: int = 0
) -> dict[str, tuple[float, float] | None]:
    """Return the 95 % bootstrap interval of each score, by its name (percentile method)."""
    chance = random.Random(seed)  # noqa: S311  # resampling, no secret
    places = range(len(texts))
    drawn: dict[str, list[float]] = {name: [] for name in Scores.__dataclass_fields__}
    for _ in range(RESAMPLES if texts else 0):
        sample = chance.choices(places, k=len(texts))
        scores = score([texts[i] for i in sample], [readings[i] for i in sample])
        for name, values in drawn.items():
            if (value := getattr(scores, name)) is not None:
                values.append(value)
    return {name: _middle(values) for name, values in drawn.items()}


def confusion(
    texts: Sequence[LabelledText], readings: Sequence[Reading]
) -> dict[str, Counter[str | None]]:
    """Return what was read how often, by the primary of the texts that have exactly one."""
    table: dict[str, Counter[str | None]] = {}
    for text, reading in zip(texts, readings, strict=True):
        if len(text.primaries) == 1:
            [primary] = text.primaries
            table.setdefault(primary, Counter())[reading.primary] += 1
    return table


def _polarity(primaries: frozenset[str]) -> bool | None:
    """Return whether all are positive; None when some are and some are not."""
    if primaries <= wheel.PLEASANT:
        return True
    return None if primaries & wheel.PLEASANT else False


def _mean(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _mean_by_group(hits: Iterable[tuple[object, bool]]) -> float | None:
    """Return the mean over groups of each group's share of hits."""
    total, right = Counter[object](), Counter[object]()
    for group, hit in hits:
        total[group] += 1
        right[group] += hit
    return sum(right[group] / total[group] for group in total) / len(total) if total else None


def _calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    """Return the mean gap between confidence and share of hits, over equal bins by their size."""
    if not right:
        return None
    gaps = [0.0] * BINS
    for confidence, hit in zip(confidences, right, strict=True):
        gaps[min(int(confidence * BINS), BINS - 1)] += confidence - hit
    return sum(map(abs, gaps)) / len(right)


def _middle(values: list[float]) -> tuple[float, float] | None:
    """Return the bounds of the middle share of values."""
    if not values:
        return None
    ordered = sorted(values)
    cut = int((1 - INTERVAL) / 2 * len(ordered))
    return ordered[cut], ordered[-1 - cut]
