"""Stage 1 held against labelled texts: each signal alone, and their blend as it is used.

Nothing is cached, and nothing of the cache is counted: what is measured is the model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from cachestats.config import current
from enrichment import hosts
from enrichment.errors import EnrichmentError
from enrichment.stages import scoring
from enrichment.stages.answers import Outcome
from enrichment.stages.hybrid_scorer import HybridScorer
from enrichment.stages.scoring import LabelledText, Reading, Scores

LEXICON, MODEL, BLEND = "lexicon", "model", "blend"
SIGNALS = (LEXICON, MODEL, BLEND)


class NoModel(EnrichmentError):
    """The model did not answer the first text; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came of all texts. unanswered: texts for which no valid answer of the model was had.

    readings: by signal, in the order of the texts; those of the model are undetermined where it
    named no feeling that the wheel knows.
    """

    texts: Sequence[LabelledText]
    readings: Mapping[str, Sequence[Reading]]
    engine: str
    model: str
    unanswered: int

    def scores(self, signal: str) -> Scores:
        return scoring.score(self.texts, self.readings[signal])

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by signal, with their intervals, and what the blend confuses."""
        return {
            "n": len(self.texts),
            "engine": self.engine,
            "model": self.model,
            "unanswered": self.unanswered,
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
        }


def evaluate(
    texts: Sequence[LabelledText], progress: Callable[[Sequence[LabelledText]], Iterator[Any]]
) -> Evaluation:
    """Have each text read by the model in use.

    Args:
        progress: yields the texts in order, and shows how far one is.

    Raises:
        NoModel: it does not answer.
    """
    client = hosts.get_client()
    inference = current().config.inference
    scorer = HybridScorer(
        client,
        NothingKept(),
        scope="evaluation",
        num_ctx=inference.num_ctx,
        model_weight=inference.model_weight,
    )
    readings: dict[str, list[Reading]] = {signal: [] for signal in SIGNALS}
    engine = model = ""
    unanswered = 0
    for number, labelled in enumerate(progress(texts)):
        answer = scorer.enrich(labelled.text, (), timezone.now()).answer
        if answer.outcome == Outcome.MODEL:
            engine, model = answer.engine, answer.model
        elif number:
            unanswered += 1
        else:
            raise NoModel(f"No model answers ({answer.reason}): {hosts.health().trouble}")
        for signal, reading in _readings(answer.result).items():
            readings[signal].append(reading)
    return Evaluation(
        texts=texts, readings=readings, engine=engine, model=model, unanswered=unanswered
    )


def _readings(content: Mapping[str, Any]) -> dict[str, Reading]:
    """Return what each signal says in a Stage 1 content."""
    signals = content["provenance"]["signals"]
    path = content["wheel"] or {}
    return {
        LEXICON: _strongest(signals[LEXICON]),
        MODEL: _strongest(signals[MODEL] or {}),
        BLEND: Reading(primary=path.get("primary"), confidence=content["confidence"]),
    }


def _strongest(shares: Mapping[str, float]) -> Reading:
    if not shares:
        return Reading(primary=None, confidence=0.0)
    primary = max(shares, key=lambda name: shares[name])
    return Reading(primary=primary, confidence=shares[primary])


@dataclass(frozen=True, kw_only=True)
class Computed:
    """An answer that no cache had a part in."""

    value: Any
    state: str = "bypass"
    stored: bool = False
    age_seconds: int = 0
    ttl_seconds: int = 0

    @property
    def key(self) -> "Computed":
        return self

    @property
    def hex(self) -> str:
        return ""


class NothingKept:
    """A cache that has nothing and keeps nothing."""

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
