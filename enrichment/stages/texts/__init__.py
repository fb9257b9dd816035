"""Human-written Stage 2 texts: for a model that failed, an unclear feeling, and a flagged text.

Owns which text is served; the sentences lie in one module per feeling. Knows
neither the reflection nor its owner: a text depends on a feeling and a variant only. The limits on
length and content are those that `review` holds the model to.

The voice is that of a close friend: plain, concrete, never a therapist, no promise, no diagnosis,
no order to share a feeling.
"""

from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages.texts.curated import CURATED
from enrichment.stages.texts.joyful import JOYFUL
from enrichment.stages.texts.mad import MAD
from enrichment.stages.texts.peaceful import PEACEFUL
from enrichment.stages.texts.powerful import POWERFUL
from enrichment.stages.texts.sad import SAD
from enrichment.stages.texts.safety import SAFETY
from enrichment.stages.texts.scared import SCARED
from enrichment.stages.texts.writing import Writing

__all__ = [
    "CURATED",
    "FALLBACKS",
    "SAFETY",
    "Writing",
    "fallback",
    "safety",
]

FALLBACKS: Mapping[str, tuple[Writing, ...]] = MappingProxyType(
    {
        "sad": SAD,
        "mad": MAD,
        "scared": SCARED,
        "joyful": JOYFUL,
        "powerful": POWERFUL,
        "peaceful": PEACEFUL,
    }
)


def fallback(primary: str | None, variant: int) -> Writing:
    """A human-written text for a feeling.

    Args:
        primary: One of the wheel's six primaries, or None when no feeling could be determined.
        variant: Any integer; it wraps round, so a caller may count on without knowing how many
            texts there are.

    Raises:
        KeyError: `primary` is no primary of the wheel.
    """
    writings = CURATED if primary is None else FALLBACKS[primary]
    return writings[variant % len(writings)]


def safety() -> Writing:
    """The text for a flagged reflection; the page shows the help lines beside it."""
    return SAFETY
