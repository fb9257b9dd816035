"""Stage 1's labels of both sides, held against what the writers reported themselves."""

import random
from collections.abc import Sequence

from enrichment.inference.intervals import Interval
from enrichment.inference.messages import LanguageModel
from enrichment.stages import scoring
from enrichment.stages.scoring import LabelledText, Reading
from tests.benchmarks.inference.report import Cell, Section, Table, at_least, share
from tests.benchmarks.inference.sides import TunedSite
from tests.benchmarks.inference.untuned import UNTUNED, WITH_EXAMPLE, PlainApp

RESAMPLES = 2_000
MEASURES = ("any", "single")


def accuracy(url: str, model: LanguageModel, texts: Sequence[LabelledText]) -> Section:
    """Have all sides read the same texts, one side after the other: this is not about time.

    An untuned side's reply is read leniently: the first of its labels, then of all its words,
    that the wheel knows, also as an everyday name, tells the primary.
    """
    rows: dict[str, dict[str, Cell]] = {}
    readings: dict[str, list[Reading]] = {}
    name = model.identity().name
    sides = (
        PlainApp(url, name),
        PlainApp(url, name, name=WITH_EXAMPLE, example=True),
        TunedSite(model),
    )
    for side in sides:
        found = [side.stage1(labelled.text, number) for number, labelled in enumerate(texts)]
        readings[side.name] = [Reading(primary=each.primary, confidence=1.0) for each in found]
        scores = scoring.score(texts, readings[side.name])
        rows[side.name] = {
            **{measure: getattr(scores, measure) or 0.0 for measure in MEASURES},
            "usable": share(each.answered for each in found),
            "labelled": share(each.primary is not None for each in found),
        }
    differences = {
        other: {
            measure: difference(texts, readings[other], readings["tuned"], measure)
            for measure in MEASURES
        }
        for other in (UNTUNED, WITH_EXAMPLE)
    }
    return Section(
        tables=(
            Table(title="label accuracy, Stage 1", rows=rows),
            Table(
                title="difference",
                rows={f"tuned less {other}": found for other, found in differences.items()},
            ),
        ),
        goals=[
            at_least(f"accuracy ({measure}) less {other}", 0, found, unit="")
            for other, measures in differences.items()
            for measure, found in measures.items()
        ],
        notes=(
            f"{len(texts)} texts; any: the primary is any of the writer's; single: mean recall over"
            " the primaries, of the texts that have exactly one",
        ),
    )


def difference(
    texts: Sequence[LabelledText],
    before: Sequence[Reading],
    after: Sequence[Reading],
    measure: str,
    seed: int = 1,
) -> Interval:
    """Return by how much a measure is higher `after`, with its 95 % interval over the texts."""
    chance = random.Random(seed)
    drawn = sorted(
        _difference(texts, before, after, measure, chance.choices(range(len(texts)), k=len(texts)))
        for _ in range(RESAMPLES)
    )
    return Interval(
        value=_difference(texts, before, after, measure, range(len(texts))),
        low=drawn[round(0.025 * (RESAMPLES - 1))],
        high=drawn[round(0.975 * (RESAMPLES - 1))],
    )


def _difference(
    texts: Sequence[LabelledText],
    before: Sequence[Reading],
    after: Sequence[Reading],
    measure: str,
    places: Sequence[int],
) -> float:
    chosen = [texts[i] for i in places]
    old, new = (
        getattr(scoring.score(chosen, [side[i] for i in places]), measure) or 0.0
        for side in (before, after)
    )
    return new - old
