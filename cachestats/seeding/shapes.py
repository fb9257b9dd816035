"""What the stages of a small site cache: types, models, costs and values as theirs look."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

# Who made the values; no model has that name.
ENGINE = "seed"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model: how much of all it is asked, and how its speed compares."""

    name: str
    digest: str
    weight: float
    slowness: float


@dataclass(frozen=True, kw_only=True)
class CacheType:
    """A type of answers: how much of all it is, and what computing one takes.

    cost_ms, cost_spread: median and sigma of a log-normal distribution.
    """

    name: str
    weight: float
    cost_ms: float
    cost_spread: float


STAGE_1 = CacheType(name="stage1_enrichment", weight=0.62, cost_ms=6_000, cost_spread=0.5)
STAGE_2 = CacheType(name="stage2_enrichment", weight=0.31, cost_ms=38_000, cost_spread=0.6)
VISION = CacheType(name="vision", weight=0.07, cost_ms=21_000, cost_spread=0.5)
TYPES = (STAGE_1, STAGE_2, VISION)
MODELS = (
    Model(name="llama3.2:3b", digest="a80c4f17acd5", weight=0.8, slowness=1.0),
    Model(name="gemma3:4b", digest="a2af6cc3eb7f", weight=0.2, slowness=1.5),
)

_FEELINGS = (
    ("sad", "lonely", "homesick", 0.25, 0.3),
    ("sad", "tired", "drained", 0.3, 0.2),
    ("mad", "angry", "frustrated", 0.2, 0.8),
    ("mad", "hurt", "betrayed", 0.15, 0.7),
    ("scared", "confused", "uncertain", 0.3, 0.6),
    ("sad", "ashamed", "inferior", 0.2, 0.4),
)
_DRIVERS = ("work", "family", "health", "friendship", "money", "change", "loss", "rest")
_TONES = ("subdued", "restless", "plain", "hopeful", "tense", "gentle")
_OPENINGS = ("Evening folds", "Morning lifts", "Rain taps", "A lamp waits", "The road bends")
_MIDDLES = ("over the quiet street", "behind the kitchen door", "past the empty benches")
_ENDS = ("and asks for nothing", "slower than before", "with room for one more")
_TIPS = (
    "Walk once around the block before you sit down.",
    "Write one line about today and close the book.",
    "Call somebody whose voice you like.",
    "Drink a glass of water by the open window.",
    "Put one thing back where it belongs.",
)
_SIGHTS = ("A wet street under lamps", "A table set for one", "Hills in low light", "A shut door")


def value(kind: CacheType, model: Model, chance: Random) -> Mapping[str, Any]:
    """Return an answer such as a stage caches."""
    provenance = {"engine": ENGINE, "model": model.name, "digest": model.digest}
    if kind is STAGE_1:
        return {**_feeling(chance), "provenance": {**provenance, "method": "likelihood"}}
    if kind is STAGE_2:
        return {**_writing(chance), "provenance": {**provenance, "variant": chance.randrange(3)}}
    sight = f"{chance.choice(_SIGHTS)}, {chance.choice(_MIDDLES)}, {chance.choice(_ENDS)}."
    return {"text": sight, "provenance": provenance}


def cost_ms(kind: CacheType, model: Model, chance: Random) -> float:
    """Return how long an answer took to compute."""
    return kind.cost_ms * model.slowness * chance.lognormvariate(0, kind.cost_spread)


def _feeling(chance: Random) -> dict[str, Any]:
    primary, secondary, tertiary, valence, arousal = chance.choice(_FEELINGS)
    return {
        "wheel": {"primary": primary, "secondary": secondary, "tertiary": tertiary},
        "undetermined": False,
        "invoked": chance.sample(_DRIVERS, 2),
        "expressed": chance.sample(_TONES, 2),
        "valence": round(valence + chance.uniform(-0.1, 0.1), 4),
        "arousal": round(arousal + chance.uniform(-0.1, 0.1), 4),
        "confidence": round(chance.uniform(0.45, 0.95), 4),
        "events": [],
        "warnings": [],
    }


def _writing(chance: Random) -> dict[str, Any]:
    lines = [
        f"{chance.choice(_OPENINGS)} {chance.choice(_MIDDLES)} {chance.choice(_ENDS)}"
        for _ in range(3)
    ]
    return {"poem": lines, "tips": chance.sample(_TIPS, 3), "closing_line": "That is enough."}
