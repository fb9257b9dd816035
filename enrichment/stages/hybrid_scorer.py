"""Stage 1: the feeling in a text, from a lexicon and a language model together.

Two parts that never mix: content inference, a pure function of the text and the model, which is
cached; and context analytics from history and clock, which is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from enrichment.errors import InferenceError, InvalidReply
from enrichment.inference.messages import LanguageModel, ModelIdentity
from enrichment.stages import analytics, likelihood, vocabulary, wheel
from enrichment.stages.analytics import PastReflection
from enrichment.stages.answers import AnswerCache, CachedValue, Outcome, StageAnswer, from_cache
from enrichment.stages.blending import blend
from enrichment.stages.language import Heard, hear
from enrichment.stages.prompts import FeelingQuestion, normalise_text

# Below this share no primary stands out from the other five (1/6 each).
UNDETERMINED_BELOW = 0.25
NO_LABEL = "the model named no feeling that the wheel knows; the lexicon decided"
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
        words = (found.get(level) for level in ("primary", "secondary", "tertiary"))
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
        model_weight: float,
    ) -> None:
        """
        Args:
            scope: whose cached answers may be shared.
            num_ctx: the context, in tokens, that the client asks for.
            model_weight: of the blend, 0 to 1; the lexicon has the rest.
        """
        self._model = model
        self._cache = cache
        self._scope = scope
        self._num_ctx = num_ctx
        self._model_weight = model_weight

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
        context = analytics.context(history, timestamp)
        try:
            question = self._question(text, language, self._model.identity())
            found = self._cache.get_or_compute(
                question.content,
                lambda: self._infer(question),
                params=question.params,
                cache_type=question.CACHE_TYPE,
            )
        except InferenceError as exc:
            return Stage1(answer=_fallback(text, language, exc), context=context)
        return Stage1(answer=from_cache(found), context=context)

    def peek(self, text: str, language: str, identity: ModelIdentity) -> CachedValue | None:
        """Return what is cached for a text, without asking the model and uncounted."""
        question = self._question(text, language, identity)
        return self._cache.peek(question.content, question.params, question.CACHE_TYPE)

    def _question(self, text: str, language: str, identity: ModelIdentity) -> FeelingQuestion:
        return FeelingQuestion(
            text=normalise_text(text),
            language=language,
            scope=self._scope,
            model=identity,
            num_ctx=self._num_ctx,
            model_weight=self._model_weight,
        )

    def _infer(self, question: FeelingQuestion) -> Mapping[str, Any]:
        """Ask the model for the primary, then for a finer word under it, and blend."""
        heard = hear(question.text, question.language, question.model.engine)
        candidates = self._model.generate(question.primary()).candidates
        if not candidates:
            # The answer ended at once, or the host is too old to report them (before 0.12.11).
            raise InvalidReply("the host reported no probabilities")
        named = likelihood.primary_shares(candidates)
        shares = blend(named, heard.signal.primaries, self._model_weight)
        primary = max(shares, key=lambda name: shares[name])
        finer: Mapping[str, float] = {}
        if shares[primary] * heard.trust.factor >= UNDETERMINED_BELOW:
            reply = self._model.generate(question.below(primary))
            finer = likelihood.words_below(primary, reply.candidates)
        provenance = {
            "engine": question.model.engine,
            "model": question.model.name,
            "digest": question.model.digest,
            "prompt_version": question.PROMPT_VERSION,
            "method": "likelihood",
            "signals": {
                "lexicon": _rounded(heard.signal.primaries),
                "model": _rounded(named) if named else None,
            },
        }
        warnings = [] if named else [NO_LABEL]
        return _content(shares, finer, heard, warnings, provenance)


def _content(
    shares: Mapping[str, float],
    finer: Mapping[str, float],
    heard: Heard,
    warnings: list[str],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return Stage 1's content: closed words and numbers, nothing of the text."""
    signal = heard.signal
    primary = max(shares, key=lambda name: shares[name])
    confidence = shares[primary] * heard.trust.factor
    if heard.trust.warning:
        warnings = [*warnings, heard.trust.warning]
    path = _path(primary, finer, signal.words) if confidence >= UNDETERMINED_BELOW else ()
    usual_valence, usual_arousal = wheel.affect(path)
    invoked, expressed = signal.invoked, signal.expressed
    if len(path) > 1:
        invoked = invoked or vocabulary.USUAL_DRIVERS[path[1]]
        expressed = expressed or vocabulary.USUAL_TONES[path[1]]
    levels = (*path, None, None, None)
    return {
        "wheel": dict(zip(("primary", "secondary", "tertiary"), levels, strict=False))
        if path
        else None,
        "undetermined": not path,
        "invoked": list(invoked),
        "expressed": list(expressed),
        "valence": round((usual_valence + signal.valence) / 2, 4),
        "arousal": round((usual_arousal + signal.arousal) / 2, 4),
        "confidence": round(confidence, 4),
        "events": list(signal.events),
        "congruence": vocabulary.congruence(invoked, expressed),
        "language": asdict(heard.language),
        "warnings": warnings,
        "provenance": dict(provenance),
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


def _fallback(text: str, declared: str, cause: InferenceError) -> StageAnswer:
    """Return what the lexicon alone can tell, marked as such and not cached."""
    heard = hear(normalise_text(text), declared, LEXICON)
    shares = blend(None, heard.signal.primaries, 0.0)
    provenance = {
        "engine": LEXICON,
        "model": "",
        "digest": "",
        "method": "lexicon",
        "signals": {"lexicon": _rounded(heard.signal.primaries), "model": None},
    }
    return StageAnswer(
        result=_content(shares, {}, heard, [NO_MODEL], provenance),
        outcome=Outcome.FALLBACK,
        engine=LEXICON,
        retry_later=cause.outage,
        raw_reply=getattr(cause, "raw", ""),
        reason=type(cause).__name__,
    )


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: round(share, 4) for name, share in shares.items()}
