"""Makes the stages as the tuning in force has them."""

from typing import Any

from cachestats.config import Config, current
from enrichment import hosts
from enrichment.inference.messages import LanguageModel
from enrichment.stages import wheel
from enrichment.stages.answers import AnswerCache
from enrichment.stages.blending import Weights
from enrichment.stages.hybrid_scorer import HybridScorer
from enrichment.stages.image_describer import ImageDescriber
from enrichment.stages.post_enricher import PostEnricher
from enrichment.stages.prompts import Method


def make_scorer(
    cache: AnswerCache,
    scope: str,
    *,
    model: LanguageModel | None = None,
    method: Method | None = None,
) -> HybridScorer:
    """Return a scorer for one scope.

    Args:
        model: None for the one in use.
        method: how it is asked; None leaves it to the tuning.
    """
    config = current().config
    return HybridScorer(
        model or hosts.get_client(),
        cache,
        scope=scope,
        num_ctx=config.inference.num_ctx,
        num_predict=config.inference.num_predict_short,
        method=method or Method(config.scoring.method),
        weights=weights_of(config),
    )


def make_enricher(cache: AnswerCache, *, model: LanguageModel | None = None) -> PostEnricher:
    """Return a writer; model: None for the one in use."""
    inference = current().config.inference
    return PostEnricher(
        model or hosts.get_client(),
        cache,
        num_ctx=inference.num_ctx,
        num_predict=inference.num_predict_long,
        temperature=inference.temperature,
    )


def make_describer(
    cache: AnswerCache, scope: str, *, model: LanguageModel | None = None
) -> ImageDescriber:
    """Return a describer of images for one scope; model: None for the one in use."""
    inference = current().config.inference
    return ImageDescriber(
        model or hosts.get_client(),
        cache,
        scope=scope,
        num_ctx=inference.num_ctx,
        num_predict=inference.num_predict_long,
        temperature=inference.temperature,
    )


def weights_of(config: Config) -> Weights:
    """Return the weights of the blend that are in force."""
    scoring = config.scoring
    return Weights(
        model=scoring.model_weight,
        lexicon=scoring.lexicon_weight,
        polarity=scoring.polarity_weight,
        leans={name: getattr(scoring, f"lean_{name}") for name in wheel.PRIMARIES},
        slope=scoring.confidence_slope,
        offset=scoring.confidence_offset,
    )


def as_overlay(weights: Weights) -> dict[str, dict[str, Any]]:
    """Return the tuning that has these weights in force."""
    return {
        "scoring": {
            "model_weight": weights.model,
            "lexicon_weight": weights.lexicon,
            "polarity_weight": weights.polarity,
            **{f"lean_{name}": lean for name, lean in weights.leans.items()},
            "confidence_slope": weights.slope,
            "confidence_offset": weights.offset,
        }
    }
