"""The feelings wheel: which words exist, which path leads to each, and how each usually feels.

The six primaries and the 36 secondaries are the two inner rings of Gloria Willcox, "The Feeling
Wheel: A Tool for Expanding Awareness of Emotions and Increasing Spontaneity and Intimacy",
Transactional Analysis Journal 12(4), 1982. The tertiaries, three under each secondary, are our
own choice; where a word of her outer ring fits, it is used. Every word stands at one place only,
so that a word alone names its path. Synonyms live in `word_forms`, not here. Half of this module
is tables, hence its length.

A feeling that could not be determined is no path at all (`None`, or an empty prefix), never the
first child of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WHEEL_VERSION = "1"
"""Part of every cache key: raise it with any change of words or of their places."""

_WHEEL: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "sad": {
        "tired": ("sleepy", "exhausted", "drained"),
        "bored": ("apathetic", "indifferent", "listless"),
        "lonely": ("isolated", "abandoned", "homesick"),
        "depressed": ("miserable", "hopeless", "grieving"),
        "ashamed": ("inferior", "stupid", "humiliated"),
        "guilty": ("remorseful", "regretful", "sorry"),
    },
    "mad": {
        "hurt": ("jealous", "betrayed", "offended"),
        "hostile": ("sarcastic", "aggressive", "defiant"),
        "angry": ("frustrated", "furious", "irritated"),
        "selfish": ("greedy", "stubborn", "possessive"),
        "hateful": ("resentful", "bitter", "disgusted"),
        "critical": ("skeptical", "judgmental", "dismissive"),
    },
    "scared": {
        "confused": ("bewildered", "puzzled", "uncertain"),
        "rejected": ("discouraged", "excluded", "unwanted"),
        "helpless": ("insignificant", "powerless", "trapped"),
        "submissive": ("inadequate", "weak", "timid"),
        "insecure": ("embarrassed", "awkward", "vulnerable"),
        "anxious": ("overwhelmed", "worried", "nervous"),
    },
    "joyful": {
        "excited": ("daring", "eager", "thrilled"),
        "sensuous": ("fascinated", "passionate", "alive"),
        "energetic": ("stimulated", "lively", "refreshed"),
        "cheerful": ("amused", "delighted", "grateful"),
        "creative": ("playful", "inspired", "curious"),
        "hopeful": ("optimistic", "encouraged", "determined"),
    },
    "powerful": {
        "aware": ("surprised", "focused", "insightful"),
        "proud": ("successful", "accomplished", "triumphant"),
        "respected": ("worthwhile", "admired", "dignified"),
        "appreciated": ("valuable", "supported", "welcomed"),
        "important": ("discerning", "influential", "capable"),
        "faithful": ("confident", "loyal", "committed"),
    },
    "peaceful": {
        "content": ("relaxed", "satisfied", "serene"),
        "thoughtful": ("pensive", "reflective", "sentimental"),
        "intimate": ("responsive", "tender", "close"),
        "loving": ("affectionate", "adoring", "warm"),
        "trusting": ("secure", "safe", "comfortable"),
        "nurturing": ("caring", "compassionate", "gentle"),
    },
}

PRIMARIES: tuple[str, ...] = tuple(_WHEEL)
PLEASANT = frozenset({"joyful", "powerful", "peaceful"})
"""The primaries that are pleasant; the others are not."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "happy": "joyful",
        "happiness": "joyful",
        "joy": "joyful",
        "glad": "joyful",
        "sadness": "sad",
        "unhappy": "sad",
        "anger": "angry",
        "fear": "scared",
        "fearful": "scared",
        "afraid": "scared",
        "frightened": "scared",
        "strong": "powerful",
        "empowered": "powerful",
        "power": "powerful",
        "calm": "peaceful",
        "peace": "peaceful",
        "excitement": "excited",
        "hope": "hopeful",
        "gratitude": "grateful",
        "thankful": "grateful",
        "pride": "proud",
        "love": "loving",
        "loneliness": "lonely",
        "alone": "lonely",
        "boredom": "bored",
        "guilt": "guilty",
        "shame": "ashamed",
        "grief": "grieving",
        "anxiety": "anxious",
        "stressed": "overwhelmed",
        "confusion": "confused",
        "jealousy": "jealous",
        "jealousness": "jealous",
        "envious": "jealous",
        "annoyed": "irritated",
        "frustration": "frustrated",
        "disgust": "disgusted",
        "hate": "hateful",
        "trust": "trusting",
        "contented": "content",
        "confidence": "confident",
        "surprise": "surprised",
    }
)
"""Everyday name -> the word of the wheel it stands for, accepted on input, never shown."""

# Valence (unpleasant to pleasant) and arousal (calm to activated), both 0 to 1. Our own
# judgement of each word's usual feel, in steps of 0.05; no published norms were copied.
VALENCE_AROUSAL: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "tired": (0.35, 0.15),
        "bored": (0.35, 0.20),
        "lonely": (0.20, 0.30),
        "depressed": (0.10, 0.25),
        "ashamed": (0.20, 0.45),
        "guilty": (0.25, 0.50),
        "hurt": (0.20, 0.55),
        "hostile": (0.20, 0.80),
        "angry": (0.15, 0.85),
        "selfish": (0.35, 0.50),
        "hateful": (0.10, 0.75),
        "critical": (0.35, 0.55),
        "confused": (0.40, 0.50),
        "rejected": (0.20, 0.50),
        "helpless": (0.15, 0.55),
        "submissive": (0.35, 0.30),
        "insecure": (0.30, 0.55),
        "anxious": (0.25, 0.80),
        "excited": (0.85, 0.90),
        "sensuous": (0.80, 0.65),
        "energetic": (0.80, 0.85),
        "cheerful": (0.85, 0.65),
        "creative": (0.80, 0.60),
        "hopeful": (0.80, 0.55),
        "aware": (0.65, 0.50),
        "proud": (0.85, 0.65),
        "respected": (0.80, 0.50),
        "appreciated": (0.80, 0.50),
        "important": (0.75, 0.55),
        "faithful": (0.75, 0.45),
        "content": (0.80, 0.25),
        "thoughtful": (0.65, 0.30),
        "intimate": (0.80, 0.40),
        "loving": (0.90, 0.45),
        "trusting": (0.75, 0.30),
        "nurturing": (0.80, 0.35),
    }
)

NEUTRAL_AFFECT = (0.5, 0.5)
"""Valence and arousal when nothing is determined."""

# Warnings are fixed sentences: a rejected word may come from a model that echoed the diary, and
# warnings are cached where no word of the diary may travel.
PRIMARY_UNKNOWN = "the primary is not on the wheel; path left undetermined"
PRIMARY_DEEPER = "the primary was a deeper word of the wheel; its primary was taken"
SECONDARY_ILLEGAL = "the secondary does not stand under its primary; cleared"
SECONDARY_DEEPER = "the secondary was a tertiary of the wheel; its secondary was taken"
TERTIARY_ILLEGAL = "the tertiary does not stand under its secondary; cleared"
TERTIARY_COMPLETED = "the secondary was missing; taken from the tertiary"


def _index() -> dict[str, tuple[str, ...]]:
    """Word -> the prefix path that ends at it.

    Raises:
        ValueError: A word stands at two places of the wheel.
    """
    index: dict[str, tuple[str, ...]] = {}

    def put(*path: str) -> None:
        if path[-1] in index:
            raise ValueError(f"{path[-1]!r} stands at two places of the wheel")
        index[path[-1]] = path

    for primary, children in _WHEEL.items():
        put(primary)
        for secondary, leaves in children.items():
            put(primary, secondary)
            for tertiary in leaves:
                put(primary, secondary, tertiary)
    return index


_PATHS: Mapping[str, tuple[str, ...]] = MappingProxyType(_index())

WORDS: tuple[str, ...] = tuple(_PATHS)
"""All 150 words, in the order of the wheel, each parent before its children."""


@dataclass(frozen=True, kw_only=True)
class WheelPath:
    """A full path on the wheel, from the hub to the rim.

    Raises:
        ValueError: The three words are not one path.
    """

    primary: str
    secondary: str
    tertiary: str

    def __post_init__(self) -> None:
        if _PATHS.get(self.tertiary) != self.words:
            raise ValueError(f"not a path of the wheel: {self}")

    def __str__(self) -> str:
        return " > ".join(self.words)

    @property
    def words(self) -> tuple[str, str, str]:
        """The path as a tuple, as `find` and `affect` use it."""
        return (self.primary, self.secondary, self.tertiary)


def secondaries(primary: str) -> tuple[str, ...]:
    """Return the six secondaries under a primary.

    Raises:
        KeyError: No such primary.
    """
    return tuple(_WHEEL[primary])


def tertiaries(secondary: str) -> tuple[str, ...]:
    """Return the three tertiaries under a secondary.

    Raises:
        KeyError: No such secondary.
    """
    path = _PATHS[secondary]
    if len(path) != 2:
        raise KeyError(secondary)
    return _WHEEL[path[0]][secondary]


def find(word: str) -> tuple[str, ...] | None:
    """Return the path that ends at a word of the wheel or at what an alias stands for.

    Case and surrounding white space do not matter. None when the word is neither.
    """
    word = word.strip().lower()
    return _PATHS.get(ALIASES.get(word, word))


def normalise(
    primary: str | None, secondary: str | None, tertiary: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the nearest legal path above three proposed words, and what had to be changed.

    What does not fit is cleared, never replaced by a first child. A missing secondary is taken
    from a tertiary under the same primary, since a word stands at one place only.

    Returns:
        A prefix of 0 to 3 words (empty: undetermined) and the warnings, fixed sentences that
        hold none of the proposed words. A missing word brings no warning.
    """
    root = find(primary) if primary else None
    if root is None:
        return (), (PRIMARY_UNKNOWN,) if primary else ()
    warnings = [PRIMARY_DEEPER] if len(root) > 1 else []
    path = root[:1]

    middle = find(secondary) if secondary else None
    if middle is not None and len(middle) > 1 and middle[0] == path[0]:
        warnings += [SECONDARY_DEEPER] if len(middle) > 2 else []
        path = middle[:2]
    elif secondary:
        warnings.append(SECONDARY_ILLEGAL)

    leaf = find(tertiary) if tertiary else None
    if leaf is not None and len(leaf) == 3 and leaf[:2] == path:
        path = leaf
    elif leaf is not None and len(leaf) == 3 and not secondary and leaf[0] == path[0]:
        warnings.append(TERTIARY_COMPLETED)
        path = leaf
    elif tertiary:
        warnings.append(TERTIARY_ILLEGAL)
    return path, tuple(warnings)


def affect(path_prefix: tuple[str, ...]) -> tuple[float, float]:
    """Return the usual (valence, arousal) of a path, both 0 to 1.

    A primary alone gives the mean of its six secondaries; an empty prefix is neutral. A tertiary
    feels like its secondary: a finer table would be guesswork.
    """
    if not path_prefix:
        return NEUTRAL_AFFECT
    if len(path_prefix) > 1:
        return VALENCE_AROUSAL[path_prefix[1]]
    pairs = [VALENCE_AROUSAL[word] for word in secondaries(path_prefix[0])]
    return (
        round(sum(valence for valence, _ in pairs) / len(pairs), 4),
        round(sum(arousal for _, arousal in pairs) / len(pairs), 4),
    )
