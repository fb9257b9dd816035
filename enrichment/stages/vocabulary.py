"""The closed word lists: drivers, tones and events, how they go together, and label tokens.

What the content inference says about a text, it says in these words only, so that no word of a
diary can travel in a result, a cached value or a second stage's prompt. `invoked` holds drivers
(what was stirred up inside), `expressed` holds tones (how it shows). Both lists are the field's
usual 34; the events are our own. The synonyms of the wheel's words live in `word_forms` and are
exported here, so that one hash covers all that a change could alter. Mostly tables, hence long.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages import wheel
from enrichment.stages.word_forms import (
    LABEL_TOKENS,
    PRIMARY_FORMS,
    SECONDARY_LABEL_TOKENS,
    WORD_FORMS,
)

__all__ = [
    "DRIVERS",
    "EVENTS",
    "LABEL_TOKENS",
    "MASKING_PAIRS",
    "MATCHING_PAIRS",
    "MAX_LABELS",
    "PRIMARY_FORMS",
    "SECONDARY_LABEL_TOKENS",
    "TONES",
    "USUAL_DRIVERS",
    "USUAL_TONES",
    "VOCABULARY_HASH",
    "WORD_FORMS",
    "canonical_hash",
    "congruence",
]

MAX_LABELS = 3
"""The most drivers, tones or events that one reflection carries."""


def _leanings(rows: Mapping[int, str]) -> Mapping[str, int]:
    """Spell out leaning -> blank-separated words as word -> leaning, in alphabetical order."""
    leanings = {word: leaning for leaning, words in rows.items() for word in words.split()}
    return MappingProxyType(dict(sorted(leanings.items())))


# How a driver or a tone leans: 1 pleasant, 0 either way, -1 unpleasant. Our own judgement.
_DRIVER_LEANINGS = _leanings(
    {
        1: (
            "motivation agency progress achievement recognition self_acceptance connection "
            "belonging pride relief hope contentment awe serenity renewal gratitude"
        ),
        0: "self_assertion learning change complexity",
        -1: (
            "fatigue overwhelm pressure irritation hurt withdrawal loss longing exhaustion "
            "frustration uncertainty low_progress worry tension"
        ),
    }
)
_TONE_LEANINGS = _leanings(
    {
        1: (
            "proud playful content peaceful calm light enthusiastic relieved confident motivated "
            "inspired grateful hopeful determined"
        ),
        0: "reflective guarded matter-of-fact vulnerable",
        -1: (
            "tense confused deflated wistful shaky defeated irritated tired exhausted annoyed "
            "resigned flat stressed anxious overwhelmed withdrawn"
        ),
    }
)

DRIVERS: tuple[str, ...] = tuple(_DRIVER_LEANINGS)
TONES: tuple[str, ...] = tuple(_TONE_LEANINGS)
EVENTS: tuple[str, ...] = (
    "achievement",
    "celebration",
    "conflict",
    "creativity",
    "entertainment",
    "faith",
    "family",
    "food",
    "friendship",
    "health",
    "home",
    "loss",
    "money",
    "nature",
    "news",
    "pet",
    "rest",
    "romance",
    "sport",
    "study",
    "travel",
    "work",
)


def _pairs(rows: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Spell out driver -> blank-separated tones as pairs."""
    return frozenset((driver, tone) for driver, tones in rows.items() for tone in tones.split())


MATCHING_PAIRS: frozenset[tuple[str, str]] = _pairs(
    {
        "achievement": "proud confident relieved",
        "agency": "confident determined motivated",
        "awe": "inspired reflective enthusiastic",
        "belonging": "content grateful light",
        "change": "reflective hopeful shaky",
        "complexity": "reflective confused",
        "connection": "content grateful light playful",
        "contentment": "content peaceful calm light",
        "exhaustion": "exhausted tired flat",
        "fatigue": "tired exhausted flat",
        "frustration": "irritated annoyed tense",
        "gratitude": "grateful content light",
        "hope": "hopeful inspired light",
        "hurt": "vulnerable withdrawn deflated",
        "irritation": "irritated annoyed tense",
        "learning": "inspired reflective motivated",
        "longing": "wistful reflective",
        "loss": "wistful deflated resigned vulnerable",
        "low_progress": "deflated defeated resigned",
        "motivation": "motivated determined enthusiastic",
        "overwhelm": "overwhelmed stressed tense exhausted",
        "pressure": "stressed tense anxious",
        "pride": "proud confident",
        "progress": "motivated hopeful confident proud",
        "recognition": "proud grateful confident",
        "relief": "relieved calm light",
        "renewal": "hopeful inspired light",
        "self_acceptance": "peaceful content confident",
        "self_assertion": "determined confident guarded",
        "serenity": "peaceful calm content",
        "tension": "tense anxious stressed",
        "uncertainty": "confused anxious shaky",
        "withdrawal": "withdrawn guarded flat",
        "worry": "anxious tense shaky",
    }
)
"""Driver and tone that usually go together."""

MASKING_PAIRS: frozenset[tuple[str, str]] = _pairs(
    {
        "exhaustion": "enthusiastic playful light",
        "fatigue": "enthusiastic playful light",
        "frustration": "calm matter-of-fact playful",
        "hurt": "calm matter-of-fact playful light flat",
        "irritation": "calm matter-of-fact playful",
        "loss": "calm matter-of-fact playful light",
        "overwhelm": "calm matter-of-fact light flat",
        "pressure": "calm matter-of-fact playful",
        "tension": "calm matter-of-fact playful",
        "uncertainty": "confident determined",
        "worry": "calm matter-of-fact playful light",
    }
)
"""A driver and a tone that may hide it: outwardly fine, inwardly not."""

USUAL_DRIVERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tired": ("fatigue",),
        "bored": ("low_progress",),
        "lonely": ("longing",),
        "depressed": ("loss",),
        "ashamed": ("hurt",),
        "guilty": ("tension",),
        "hurt": ("hurt",),
        "hostile": ("irritation",),
        "angry": ("frustration",),
        "selfish": ("self_assertion",),
        "hateful": ("irritation",),
        "critical": ("irritation",),
        "confused": ("uncertainty",),
        "rejected": ("hurt",),
        "helpless": ("overwhelm",),
        "submissive": ("pressure",),
        "insecure": ("uncertainty",),
        "anxious": ("worry",),
        "excited": ("motivation",),
        "sensuous": ("awe",),
        "energetic": ("renewal",),
        "cheerful": ("contentment",),
        "creative": ("motivation",),
        "hopeful": ("hope",),
        "aware": ("learning",),
        "proud": ("pride",),
        "respected": ("recognition",),
        "appreciated": ("recognition",),
        "important": ("agency",),
        "faithful": ("agency",),
        "content": ("contentment",),
        "thoughtful": ("complexity",),
        "intimate": ("connection",),
        "loving": ("connection",),
        "trusting": ("belonging",),
        "nurturing": ("connection",),
    }
)
"""Secondary -> the driver to expect when the text itself names none."""

USUAL_TONES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tired": ("tired",),
        "bored": ("flat",),
        "lonely": ("wistful",),
        "depressed": ("deflated",),
        "ashamed": ("vulnerable",),
        "guilty": ("shaky",),
        "hurt": ("vulnerable",),
        "hostile": ("irritated",),
        "angry": ("irritated",),
        "selfish": ("guarded",),
        "hateful": ("annoyed",),
        "critical": ("annoyed",),
        "confused": ("confused",),
        "rejected": ("withdrawn",),
        "helpless": ("overwhelmed",),
        "submissive": ("resigned",),
        "insecure": ("shaky",),
        "anxious": ("anxious",),
        "excited": ("enthusiastic",),
        "sensuous": ("inspired",),
        "energetic": ("enthusiastic",),
        "cheerful": ("light",),
        "creative": ("playful",),
        "hopeful": ("hopeful",),
        "aware": ("reflective",),
        "proud": ("proud",),
        "respected": ("confident",),
        "appreciated": ("grateful",),
        "important": ("confident",),
        "faithful": ("determined",),
        "content": ("content",),
        "thoughtful": ("reflective",),
        "intimate": ("content",),
        "loving": ("content",),
        "trusting": ("calm",),
        "nurturing": ("peaceful",),
    }
)
"""Secondary -> the tone to expect when the text itself names none."""

# How well one driver and one tone fit, 0 to 1. Our own judgement: 0.5 says nothing either way, a
# mask is further from it than a mere difference of leaning.
_FIT_UNKNOWN = 0.5
_FIT_MATCH = 0.9
_FIT_SAME_LEANING = 0.7
_FIT_OPPOSITE = 0.35
_FIT_MASK = 0.25


def _fit(driver: str, tone: str) -> float:
    if (driver, tone) in MATCHING_PAIRS:
        return _FIT_MATCH
    if (driver, tone) in MASKING_PAIRS:
        return _FIT_MASK
    leanings = _DRIVER_LEANINGS[driver] * _TONE_LEANINGS[tone]
    if leanings > 0:
        return _FIT_SAME_LEANING
    return _FIT_OPPOSITE if leanings < 0 else _FIT_UNKNOWN


def congruence(invoked: tuple[str, ...], expressed: tuple[str, ...]) -> float:
    """Return how well the outward tones fit the inner drivers, 0 to 1.

    Each driver counts with its best tone and each tone with its best driver, so that mixed
    feelings shown as such are congruent and their order does not matter. 0.5 when there are no
    drivers or no tones: nothing to compare.

    Raises:
        KeyError: A word outside the closed lists.
    """
    if not invoked or not expressed:
        return _FIT_UNKNOWN
    of_drivers = [max(_fit(driver, tone) for tone in expressed) for driver in invoked]
    of_tones = [max(_fit(driver, tone) for driver in invoked) for tone in expressed]
    fits = sorted(of_drivers + of_tones)
    return round(sum(fits) / len(fits), 4)


def canonical_hash(value: object) -> str:
    """Return 16 hex digits of the SHA-256 over a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


VOCABULARY_HASH = canonical_hash(
    {
        "wheel": wheel.WHEEL_VERSION,
        "drivers": dict(_DRIVER_LEANINGS),
        "tones": dict(_TONE_LEANINGS),
        "events": EVENTS,
        "matching": sorted(MATCHING_PAIRS),
        "masking": sorted(MASKING_PAIRS),
        "usual_drivers": dict(USUAL_DRIVERS),
        "usual_tones": dict(USUAL_TONES),
        "fits": [_FIT_UNKNOWN, _FIT_MATCH, _FIT_SAME_LEANING, _FIT_OPPOSITE, _FIT_MASK],
        "primary_forms": dict(PRIMARY_FORMS),
        "word_forms": dict(WORD_FORMS),
    }
)
"""Part of the cache key of all that uses these lists: any change of a list changes it."""
