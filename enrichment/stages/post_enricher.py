"""Stage 2: a short poem, three tips and a closing line for a feeling.

Its question is built from the place on the wheel and the drivers alone. What the model writes is
reviewed; what fails the review twice becomes a human-written text, marked as such and not cached.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from enrichment.errors import InferenceError, InvalidReply
from enrichment.inference.messages import LanguageModel, ModelIdentity
from enrichment.stages import texts
from enrichment.stages.answers import AnswerCache, CachedValue, Outcome, StageAnswer, from_cache
from enrichment.stages.hybrid_scorer import Stage1
from enrichment.stages.prompts import WritingQuestion
from enrichment.stages.review import InvalidWriting, review
from enrichment.stages.texts import Writing

ATTEMPTS = 2
EMBEDDED = "embedded"
# Whatever language the reflection is in: prompt, review and the human texts are English.
WRITTEN_IN = "en"
CALM_BELOW, LIVELY_FROM = 0.4, 0.6


@dataclass(frozen=True, kw_only=True)
class Style:
    """How the text would be read aloud; computed after the look-up and never cached."""

    voice: str
    tempo: str


@dataclass(frozen=True, kw_only=True)
class Stage2:
    """The text for a reflection, its style and its tags."""

    answer: StageAnswer
    style: Style
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of a feeling's texts. key: of its entry. cached: None while it is not made."""

    number: int
    key: str
    cached: CachedValue | None


class PostEnricher:
    """Writes for feelings; client and cache are passed in."""

    def __init__(
        self,
        model: LanguageModel,
        cache: AnswerCache,
        *,
        num_ctx: int,
        num_predict: int,
        temperature: float,
    ) -> None:
        """
        Args:
            num_ctx, num_predict: the context and the longest reply, in tokens.
        """
        self._model = model
        self._cache = cache
        self._num_ctx = num_ctx
        self._num_predict = num_predict
        self._temperature = temperature

    def run_post_enrichment(
        self, stage1: Stage1, *, at_risk: bool = False, rotation: int = 0, variant: int = 0
    ) -> Stage2:
        """Return the text for a feeling.

        Args:
            at_risk: the reflection shows signs of danger; the model is not asked.
            rotation: which of the human-written texts to take, any number.
            variant: which of the model's.
        """
        answer = self._answer(stage1, at_risk=at_risk, rotation=rotation, variant=variant)
        return dress(stage1, answer)

    def variants(self, stage1: Stage1, identity: ModelIdentity, count: int) -> tuple[Variant, ...]:
        """Return the texts of a determined feeling, without asking the model and uncounted."""
        found = []
        for number in range(count):
            question = self._question(stage1, identity, number)
            place = question.content, question.params, question.CACHE_TYPE
            cached = self._cache.peek(*place)
            key = cached.key if cached else self._cache.key(*place)
            found.append(Variant(number=number, key=key.hex, cached=cached))
        return tuple(found)

    def _answer(self, stage1: Stage1, *, at_risk: bool, rotation: int, variant: int) -> StageAnswer:
        if at_risk:
            return safety_answer()
        if not stage1.path:
            return curated_answer(rotation)
        try:
            question = self._question(stage1, self._model.identity(), variant)
            found = self._cache.get_or_compute(
                question.content,
                lambda: self._write(question),
                params=question.params,
                cache_type=question.CACHE_TYPE,
            )
        except InferenceError as exc:
            return fallback_answer(
                stage1,
                rotation,
                type(exc).__name__,
                retry_later=exc.outage,
                raw_reply=getattr(exc, "raw", ""),
            )
        return from_cache(found)

    def _question(self, stage1: Stage1, identity: ModelIdentity, variant: int) -> WritingQuestion:
        primary, secondary, tertiary = (*stage1.path, None, None)[:3]
        return WritingQuestion(
            primary=str(primary),
            secondary=secondary,
            tertiary=tertiary,
            invoked=tuple(stage1.answer.result["invoked"]),
            language=WRITTEN_IN,
            variant=variant,
            model=identity,
            num_ctx=self._num_ctx,
            num_predict=self._num_predict,
            temperature=self._temperature,
            led=identity.engine == EMBEDDED,
        )

    def _write(self, question: WritingQuestion) -> Mapping[str, Any]:
        """Ask until the review passes.

        Raises:
            InvalidReply: it never did; holds the last reply.
        """
        for attempt in range(ATTEMPTS):
            reply = self._model.chat(question.writing(attempt))
            rejected = reply.text
            try:
                written = review(reply.text)
            except InvalidWriting as exc:
                why = exc
                continue
            provenance = {
                "engine": question.model.engine,
                "model": question.model.name,
                "digest": question.model.digest,
                "prompt_version": question.PROMPT_VERSION,
                "variant": question.variant,
            }
            return _result(written, provenance)
        raise InvalidReply("the text did not pass the review", raw=rejected) from why


def safety_answer() -> StageAnswer:
    """Return the calm text for somebody in danger; never cached, never enriched again."""
    return StageAnswer(
        result=_result(texts.safety(), {"engine": "human"}), outcome=Outcome.SAFETY, engine="human"
    )


def curated_answer(rotation: int) -> StageAnswer:
    """Return a human-written text for a reflection without a clear feeling."""
    return StageAnswer(
        result=_result(texts.fallback(None, rotation), {"engine": "human"}),
        outcome=Outcome.CURATED,
        engine="human",
    )


def fallback_answer(
    stage1: Stage1,
    rotation: int,
    reason: str,
    *,
    retry_later: bool = False,
    raw_reply: str = "",
) -> StageAnswer:
    """Return a human-written text for a determined feeling, in the place of a model's."""
    return StageAnswer(
        result=_result(texts.fallback(stage1.path[0], rotation), {"engine": "human"}),
        outcome=Outcome.FALLBACK,
        engine="human",
        retry_later=retry_later,
        raw_reply=raw_reply,
        reason=reason,
    )


def dress(stage1: Stage1, answer: StageAnswer) -> Stage2:
    """Add style and tags, which depend on the reflection and are never cached."""
    content = stage1.answer.result
    return Stage2(
        answer=answer,
        style=style(content["valence"], content["arousal"]),
        tags=tags(content),
    )


def style(valence: float, arousal: float) -> Style:
    """Return voice and tempo for a feeling; both scales are 0 to 1."""
    tempo = "low" if arousal < CALM_BELOW else "mid" if arousal <= LIVELY_FROM else "high"
    return Style(voice="warm" if valence > 0.5 else "grounded", tempo=tempo)


def tags(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return up to three words: the primary, the first driver, the first tone."""
    found = content["wheel"] or {}
    candidates = [found.get("primary"), *content["invoked"][:1], *content["expressed"][:1]]
    return tuple(dict.fromkeys(word for word in candidates if word))


def _result(writing: Writing, provenance: Mapping[str, Any]) -> dict[str, Any]:
    parts = {
        name: list(part) if isinstance(part, tuple) else part
        for name, part in asdict(writing).items()
    }
    return {**parts, "provenance": dict(provenance)}
