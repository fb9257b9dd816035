"""Stage 1: the feeling in a text, from a lexicon and a language model together.

Two parts that never mix: content inference, a pure function of the text and the model, which is
cached; and context analytics from history and clock, which is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from enrichment.errors import InferenceError
from enrichment.inference.messages import LanguageModel, ModelIdentity
from enrichment.stages import analytics, model_signal, vocabulary, wheel
from enrichment.stages.analytics import PastReflection
from enrichment.stages.answers import AnswerCache, CachedValue, Outcome, StageAnswer, from_cache
from enrichment.stages.blending import Weights, blend, confidence, is_determined, strongest
from enrichment.stages.language import Heard, hear
from enrichment.stages.model_signal import ModelSignal
from enrichment.stages.prompts import FeelingQuestion, Method, normalise_text

LEVELS = ("primary", "secondary", "tertiary")
NO_MODEL = "no model took part"
LEXICON = "lexicon"


@dataclass(frozen=True, kw_only=True)
class Stage1:
    """A reflection's feeling and its context."""

    answer: StageAnswer
    context: analytics.Context

    @property
    def path(self) -> tuple[str, ...]:
        """The path on the wheel, 0 to 3 words; empty when undetermined."""
        found = self.answer.result["wheel"] or {}
        words = (found.get(level) for level in LEVELS)
        return tuple(word for word in words if word)


class HybridScorer:
    """Scores texts for one scope; client and cache are passed in."""

    def __init__(
        self,
        model: LanguageModel,
        cache: AnswerCache,
        *,
        scope: str,
        num_ctx: int,
        num_predict: int,
        method: Method,
        weights: Weights,
    ) -> None:
        """
        Args:
            scope: whose cached answers may be shared.
            num_ctx, num_predict: the context and the longest generated label, in tokens.
            method: how the model is asked.
            weights: of the blend.
        """
        self._model = model
        self._cache = cache
        self._scope = scope
        self._num_ctx = num_ctx
        self._num_predict = num_predict
        self._method = method
        self._weights = weights

    def enrich(
        self,
        text: str,
        history: Sequence[PastReflection],
        timestamp: datetime,
        language: str = "en",
    ) -> Stage1:
        """Return the feeling in a text and its context.

        Args:
            history: the owner's earlier reflections.
            timestamp: the instant in the reflection's own time zone.
        """
        answer = self._answer(text, language)
        felt = analytics.affect(answer.result)
        return Stage1(answer=answer, context=analytics.context(history, timestamp, *felt))

    def peek(self, text: str, language: str, identity: ModelIdentity) -> CachedValue | None:
        """Return what is cached for a text, without asking the model and uncounted."""
        question = self._question(text, language, identity)
        return self._cache.peek(question.content, question.params, question.CACHE_TYPE)

    def key(self, text: str, language: str) -> str:
        """Return the key that a text's answer has or would have; "" while no model is known."""
        try:
            question = self._question(text, language, self._model.identity())
        except InferenceError:
            return ""
        return self._cache.key(question.content, question.params, question.CACHE_TYPE).hex

    def _answer(self, text: str, language: str) -> StageAnswer:
        try:
            question = self._question(text, language, self._model.identity())
            found = self._cache.get_or_compute(
                question.content,
                lambda: self._infer(question),
                params=question.params,
                cache_type=question.CACHE_TYPE,
            )
        except InferenceError as exc:
            return self._fallback(text, language, exc)
        return from_cache(found)

    def _question(self, text: str, language: str, identity: ModelIdentity) -> FeelingQuestion:
        return FeelingQuestion(
            text=normalise_text(text),
            language=language,
            scope=self._scope,
            model=identity,
            num_ctx=self._num_ctx,
            num_predict=self._num_predict,
            method=self._method,
            weights=self._weights,
        )

    def _infer(self, question: FeelingQuestion) -> Mapping[str, Any]:
        """Blend what the lexicon hears with what the model names."""
        heard = hear(question.text, question.language, question.model.engine)
        named = model_signal.ask(self._model, question, heard)
        provenance = {
            "engine": question.model.engine,
            "model": question.model.name,
            "digest": question.model.digest,
            "prompt_version": question.PROMPT_VERSION,
            "method": str(question.method),
        }
        return self._content(heard, named, provenance)

    def _fallback(self, text: str, declared: str, cause: InferenceError) -> StageAnswer:
        """Return what the lexicon alone can tell, marked as such and not cached."""
        heard = hear(normalise_text(text), declared, LEXICON)
        named = ModelSignal(primaries=None, warnings=(NO_MODEL,))
        provenance = {"engine": LEXICON, "model": "", "digest": "", "method": LEXICON}
        return StageAnswer(
            result=self._content(heard, named, provenance),
            outcome=Outcome.FALLBACK,
            engine=LEXICON,
            retry_later=cause.outage,
            raw_reply=getattr(cause, "raw", ""),
            reason=type(cause).__name__,
        )

    def _content(
        self, heard: Heard, named: ModelSignal, provenance: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return Stage 1's content: closed words and numbers, nothing of the text."""
        signal, trust = heard.signal, heard.trust
        shares = blend(named.primaries, signal.primaries, self._weights)
        sure = confidence(shares, self._weights) * trust.factor
        path: tuple[str, ...] = ()
        if is_determined(shares, sure):
            path = _path(strongest(shares), named.finer, signal.words)
        usual_valence, usual_arousal = wheel.affect(path)
        invoked, expressed = signal.invoked, signal.expressed
        if len(path) > 1:
            invoked = invoked or vocabulary.USUAL_DRIVERS[path[1]]
            expressed = expressed or vocabulary.USUAL_TONES[path[1]]
        levels = zip(LEVELS, (*path, None, None, None), strict=False)
        return {
            "wheel": dict(levels) if path else None,
            "undetermined": not path,
            "invoked": list(invoked),
            "expressed": list(expressed),
            "valence": round((usual_valence + signal.valence) / 2, 4),
            "arousal": round((usual_arousal + signal.arousal) / 2, 4),
            "confidence": round(sure, 4),
            "events": list(signal.events),
            "congruence": vocabulary.congruence(invoked, expressed),
            "language": asdict(heard.language),
            "warnings": [*named.warnings, *([trust.warning] if trust.warning else [])],
            "provenance": {
                **provenance,
                "signals": {
                    "lexicon": _rounded(signal.primaries),
                    "model": _rounded(named.primaries) if named.primaries else None,
                },
            },
        }


def _path(primary: str, finer: Mapping[str, float], heard: Mapping[str, float]) -> tuple[str, ...]:
    """Return the best supported path under a primary, no deeper than there is support.

    What the text names itself outweighs what the model finds likely.
    """
    support = {
        word: finer.get(word, 0.0) + heard.get(word, 0.0)
        for secondary in wheel.secondaries(primary)
        for word in (secondary, *wheel.tertiaries(secondary))
    }
    secondary = max(wheel.secondaries(primary), key=lambda word: support[word])
    if not support[secondary]:
        return (primary,)
    tertiary = max(wheel.tertiaries(secondary), key=lambda word: support[word])
    return (primary, secondary, tertiary) if support[tertiary] else (primary, secondary)


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: round(share, 4) for name, share in shares.items()}
