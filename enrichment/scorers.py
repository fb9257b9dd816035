"""Makes Stage 1's scorer as the tuning in force has it."""

from typing import Any

from cachestats.config import Config, current
from enrichment import hosts
from enrichment.stages import wheel
from enrichment.stages.answers import AnswerCache
from enrichment.stages.blending import Weights
from enrichment.stages.hybrid_scorer import HybridScorer
from enrichment.stages.prompts import Method


def make_scorer(cache: AnswerCache, scope: str, method: Method | None = None) -> HybridScorer:
    """Return a scorer for one scope.

    Args:
        method: how the model is asked; None leaves it to the tuning.
    """
    config = current().config
    return HybridScorer(
        hosts.get_client(),
        cache,
        scope=scope,
        num_ctx=config.inference.num_ctx,
        num_predict=config.inference.num_predict_short,
        method=method or Method(config.scoring.method),
        weights=weights_of(config),
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
