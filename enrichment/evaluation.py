"""Stage 1 held against labelled texts: each signal alone, and their blend as it is used.

Nothing is cached, and nothing of the cache is counted: what is measured is the model.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from django.utils import timezone

from cachestats.services import change_config
from enrichment import hosts
from enrichment.errors import EnrichmentError
from enrichment.stages import fitting, scoring
from enrichment.stages.answers import Outcome
from enrichment.stages.blending import Weights, strongest
from enrichment.stages.fitting import Example
from enrichment.stages.prompts import Method
from enrichment.stages.scoring import LabelledText, Reading, Scores
from enrichment.tuned_stages import as_overlay, make_scorer

LEXICON, MODEL, BLEND = "lexicon", "model", "blend"
SIGNALS = (LEXICON, MODEL, BLEND)


class NoModel(EnrichmentError):
    """The model did not answer the first text; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came of all texts. unanswered: texts for which no valid answer of the model was had.

    contents: Stage 1 of each text, in order. durations_ms: of each whole stage. weights: fitted on
    all texts, when that was asked for; the blend's readings are then those of weights that were
    fitted on the other four fifths of the texts.
    """

    texts: Sequence[LabelledText]
    contents: Sequence[Mapping[str, Any]]
    durations_ms: Sequence[float]
    readings: Mapping[str, Sequence[Reading]]
    engine: str
    model: str
    method: str
    unanswered: int
    weights: Weights | None = None

    def scores(self, signal: str) -> Scores:
        return scoring.score(self.texts, self.readings[signal])

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by signal, with their intervals, and what the blend confuses."""
        return {
            "n": len(self.texts),
            "engine": self.engine,
            "model": self.model,
            "method": self.method,
            "unanswered": self.unanswered,
            "median_ms": round(median(self.durations_ms), 1),
            "folds": fitting.FOLDS if self.weights else 0,
            "signals": {
                signal: {
                    **vars(self.scores(signal)),
                    "intervals": scoring.intervals(self.texts, self.readings[signal]),
                }
                for signal in SIGNALS
            },
            "confusion": {
                primary: {word or "undetermined": times for word, times in read.items()}
                for primary, read in scoring.confusion(self.texts, self.readings[BLEND]).items()
            },
            "fitted": as_overlay(self.weights) if self.weights else None,
        }


def evaluate(
    texts: Sequence[LabelledText],
    progress: Callable[[Sequence[LabelledText]], Iterator[Any]],
    method: Method | None = None,
) -> Evaluation:
    """Have each text read by the model in use.

    Args:
        progress: yields the texts in order, and shows how far one is.
        method: how the model is asked; None leaves it to the tuning.

    Raises:
        NoModel: it does not answer.
    """
    scorer = make_scorer(NothingKept(), "evaluation", method=method)
    contents: list[Mapping[str, Any]] = []
    durations_ms: list[float] = []
    engine = model = ""
    unanswered = 0
    for number, labelled in enumerate(progress(texts)):
        started = time.perf_counter()
        answer = scorer.enrich(labelled.text, (), timezone.now()).answer
        durations_ms.append((time.perf_counter() - started) * 1000)
        if answer.outcome == Outcome.MODEL:
            engine, model = answer.engine, answer.model
        elif number:
            unanswered += 1
        else:
            raise NoModel(f"No model answers ({answer.reason}): {hosts.health().trouble}")
        contents.append(answer.result)
    return Evaluation(
        texts=texts,
        contents=contents,
        durations_ms=durations_ms,
        readings=_readings(contents),
        engine=engine,
        model=model,
        method=contents[0]["provenance"]["method"],
        unanswered=unanswered,
    )


def fit(found: Evaluation) -> Evaluation:
    """Return the evaluation with fitted weights, scored on texts that they were not fitted on.

    Raises:
        fitting.TooFew: there are too few texts.
    """
    examples = [
        Example(
            named=content["provenance"]["signals"][MODEL],
            heard=content["provenance"]["signals"][LEXICON],
            primaries=labelled.primaries,
        )
        for labelled, content in zip(found.texts, found.contents, strict=True)
    ]
    return replace(
        found,
        weights=fitting.fit(examples),
        readings={**found.readings, BLEND: fitting.read_across(examples)},
    )


def save_fitted(found: Evaluation) -> int:
    """Put the fitted weights, and the method that they are for, in force; return the revision."""
    assert found.weights is not None  # noqa: S101  # `fit` made them
    overlay = as_overlay(found.weights)
    overlay["scoring"]["method"] = found.method
    reason = f"Fitted on {len(found.texts)} labelled texts with {found.model}"
    return change_config(overlay, None, reason).number


def _readings(contents: Sequence[Mapping[str, Any]]) -> dict[str, list[Reading]]:
    """Return what each signal says, by signal, in the order of the texts.

    The model's are undetermined where it named no feeling that the wheel knows.
    """
    readings: dict[str, list[Reading]] = {signal: [] for signal in SIGNALS}
    for content in contents:
        signals = content["provenance"]["signals"]
        path = content["wheel"] or {}
        readings[LEXICON].append(_strongest(signals[LEXICON]))
        readings[MODEL].append(_strongest(signals[MODEL] or {}))
        readings[BLEND].append(
            Reading(primary=path.get("primary"), confidence=content["confidence"])
        )
    return readings


def _strongest(shares: Mapping[str, float]) -> Reading:
    if not shares:
        return Reading(primary=None, confidence=0.0)
    primary = strongest(shares)
    return Reading(primary=primary, confidence=shares[primary])


@dataclass(frozen=True, kw_only=True)
class Computed:
    """An answer that no cache had a part in."""

    value: Any
    state: str = "bypass"
    stored: bool = False
    age_seconds: int = 0
    ttl_seconds: int = 0
    cost_ms: float | None = None
    reason: str = ""

    @property
    def key(self) -> "NoKey":
        return NoKey()


class NoKey:
    """Of what is kept nowhere."""

    hex = ""


class NothingKept:
    """A cache that has nothing and keeps nothing."""

    def key(
        self,
        content: Mapping[str, Any],  # noqa: ARG002  # the interface's
        params: Mapping[str, Any] | None = None,  # noqa: ARG002
        cache_type: str = "default",  # noqa: ARG002
    ) -> NoKey:
        return NoKey()

    def get_or_compute(
        self,
        content: Mapping[str, Any],  # noqa: ARG002  # the interface's
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,  # noqa: ARG002
        ttl: int | None = None,  # noqa: ARG002
        cache_type: str = "default",  # noqa: ARG002
    ) -> Computed:
        return Computed(value=compute())

    def peek(
        self,
        content: Mapping[str, Any],  # noqa: ARG002
        params: Mapping[str, Any] | None = None,  # noqa: ARG002
        cache_type: str = "default",  # noqa: ARG002
    ) -> None:
        return None
