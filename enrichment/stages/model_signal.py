"""The model signal: what a model names when it is asked for a feeling, in either way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from enrichment.errors import InvalidReply
from enrichment.inference.messages import LanguageModel
from enrichment.stages import wheel
from enrichment.stages.blending import LABEL_SHARE, blend, confidence, is_determined, strongest
from enrichment.stages.language import Heard
from enrichment.stages.likelihood import pooled, primary_shares, words_below
from enrichment.stages.prompts import FeelingQuestion, Method

NO_LABEL = "the model named no feeling that the wheel knows; the lexicon decided"


@dataclass(frozen=True, kw_only=True)
class ModelSignal:
    """What a model named.

    primaries: a probability for each; None when it named none. finer: by secondary and tertiary,
    how much speaks for it. warnings: fixed sentences.
    """

    primaries: Mapping[str, float] | None
    finer: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def ask(model: LanguageModel, question: FeelingQuestion, heard: Heard) -> ModelSignal:
    """Return what a model names in a text.

    Args:
        heard: of the text's words, which have a say in what is asked more closely.

    Raises:
        InvalidReply: what came is no answer to the question.
        InferenceError: none came.
    """
    if question.method == Method.SCHEMA:
        return _generated(model, question)
    return _likeliest(model, question, heard)


def _likeliest(model: LanguageModel, question: FeelingQuestion, heard: Heard) -> ModelSignal:
    """Ask for the primary, and for a finer word under the one that both signals favour."""
    answers: list[Mapping[str, float] | None] = []
    for request in question.primaries():
        candidates = model.generate(request).candidates
        if not (candidates or answers):
            # The answer ended at once, or the host is too old to report them (before 0.12.11).
            raise InvalidReply("the host reported no probabilities")
        answers.append(primary_shares(candidates))
    primaries = pooled(answers)
    shares = blend(primaries, heard.signal.primaries, question.weights)
    finer: Mapping[str, float] = {}
    if is_determined(shares, confidence(shares, question.weights) * heard.trust.factor):
        favourite = strongest(shares)
        finer = words_below(favourite, model.generate(question.below(favourite)).candidates)
    return ModelSignal(primaries=primaries, finer=finer, warnings=() if primaries else (NO_LABEL,))


def _generated(model: LanguageModel, question: FeelingQuestion) -> ModelSignal:
    """Ask for JSON with words of the wheel."""
    path, warnings = read_labels(model.chat(question.labels()).text)
    if not path:
        return ModelSignal(primaries=None, warnings=(*warnings, NO_LABEL))
    rest = (1 - LABEL_SHARE) / (len(wheel.PRIMARIES) - 1)
    primaries = {name: LABEL_SHARE if name == path[0] else rest for name in wheel.PRIMARIES}
    return ModelSignal(primaries=primaries, finer=dict.fromkeys(path[1:], 1.0), warnings=warnings)


def read_labels(reply: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the nearest legal path to the labels of a reply, and what had to be changed.

    Raises:
        InvalidReply: it is no JSON object with two words.
    """
    try:
        match json.loads(reply):
            case {"primary": str(primary), "secondary": str(secondary), **others} if not others:
                return wheel.normalise(primary, secondary, None)
    except (ValueError, RecursionError) as exc:
        raise InvalidReply("the labels are no JSON", raw=reply) from exc
    raise InvalidReply("the labels are no object of primary and secondary", raw=reply)
