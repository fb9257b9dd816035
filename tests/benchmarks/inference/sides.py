"""What a side is, its turns in rounds, and the tuned one. Django must be set up for the tuned one.

A side answers both stages. Before each turn it may settle, untimed: it asks both of its questions
about another text for one token each. So it meets the server as if it had had it for itself: with
the model loaded as its requests have it, and with its instructions in the server's prompt cache.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from enrichment.inference.messages import (
    ChatRequest,
    GenerateRequest,
    LanguageModel,
    ModelIdentity,
    Reply,
)
from enrichment.stages import risk
from enrichment.stages.answers import Outcome
from enrichment.stages.hybrid_scorer import Stage1
from enrichment.stages.prompts import Method

Request = TypeVar("Request", ChatRequest, GenerateRequest)


@dataclass(frozen=True, kw_only=True)
class Named:
    """Stage 1 of a side.

    primary: None where none could be made out. words: the labels as they came. answered: the reply
    had the form that was asked for. cut: it ended at its bound.
    """

    primary: str | None
    words: tuple[str, ...]
    answered: bool
    cut: bool = False
    stage1: Stage1 | None = None


@dataclass(frozen=True, kw_only=True)
class Written:
    """Stage 2 of a side; as for `Named`."""

    answered: bool
    cut: bool = False


class Side(Protocol):
    """Somebody who answers both stages; number: of the round, for seeds."""

    name: str

    def settle(self) -> None: ...

    def stage1(self, text: str, number: int) -> Named: ...

    def stage2(self, named: Named, number: int) -> Written: ...


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One side's turn with one text; durations in seconds."""

    stage1: float
    stage2: float
    named: Named
    written: Written

    @property
    def both(self) -> float:
        return self.stage1 + self.stage2


def take_turns(sides: Sequence[Side], texts: Sequence[str]) -> dict[str, list[Turn]]:
    """Return each side's turns, by its name: a round for each text, another side first in each."""
    turns: dict[str, list[Turn]] = {side.name: [] for side in sides}
    for number, text in enumerate(texts):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            side.settle()
            turns[side.name].append(play(side, text, number))
    return turns


def play(side: Side, text: str, number: int) -> Turn:
    """Return one turn of a side."""
    started = time.perf_counter()
    named = side.stage1(text, number)
    between = time.perf_counter()
    written = side.stage2(named, number)
    return Turn(
        stage1=between - started,
        stage2=time.perf_counter() - between,
        named=named,
        written=written,
    )


class TunedSite:
    """Both stages as the site has them, with the tuning in force and nothing cached.

    Args:
        model: the site's client, or one that does without a knob.
    """

    def __init__(
        self, model: LanguageModel, *, name: str = "tuned", method: Method | None = None
    ) -> None:
        from enrichment.evaluation import NothingKept
        from enrichment.tuned_stages import make_enricher, make_scorer

        self.name = name
        self._scorer = make_scorer(NothingKept(), "benchmark", model=model, method=method)
        self._enricher = make_enricher(NothingKept(), model=model)
        briefly = Altered(model, _one_token)
        self._settling = (
            make_scorer(NothingKept(), "benchmark", model=briefly, method=method),
            make_enricher(NothingKept(), model=briefly),
        )

    def settle(self) -> None:
        from django.utils import timezone

        scorer, enricher = self._settling
        enricher.run_post_enrichment(
            scorer.enrich("I am grateful for the rain.", (), timezone.now())
        )

    def stage1(self, text: str, number: int) -> Named:
        from django.utils import timezone

        found = self._scorer.enrich(text, (), timezone.now())
        return Named(
            primary=found.path[0] if found.path else None,
            words=found.path,
            answered=found.answer.outcome == Outcome.MODEL,
            stage1=found,
        )

    def stage2(self, named: Named, number: int) -> Written:
        assert named.stage1 is not None
        answer = self._enricher.run_post_enrichment(named.stage1).answer
        return Written(answered=answer.outcome == Outcome.MODEL)


class Altered:
    """A model whose questions are altered on their way."""

    def __init__(self, model: LanguageModel, alter: Callable[[Any], Any]) -> None:
        self._model = model
        self._alter = alter

    def identity(self) -> ModelIdentity:
        return self._model.identity()

    def capabilities(self) -> frozenset[str]:
        return self._model.capabilities()

    def generate(self, request: GenerateRequest) -> Reply:
        return self._model.generate(self._alter(request))

    def chat(self, request: ChatRequest) -> Reply:
        return self._model.chat(self._alter(request))


def with_options(request: Request, options: Mapping[str, Any]) -> Request:
    """Return a question with other options."""
    return replace(request, options={**request.options, **options})


def _one_token(request: Request) -> Request:
    return with_options(request, {"num_predict": 1})


def asked_in_both_stages(texts: Iterable[str], site: TunedSite, count: int) -> list[str]:
    """Return so many texts about which the site asks its model in both stages.

    For one without a clear feeling, or one that shows signs of danger, it writes nothing, which
    would make it look fast.
    """
    found: list[str] = []
    for text in texts:
        if len(found) == count:
            break
        if not risk.check(text).flagged and site.stage1(text, 0).primary:
            found.append(text)
    return found
