"""Which language a text is in, as far as it shows, and how far a score of it may be trusted.

Lexicon and prompts are English. Whether a text is English is told by its words (`english`); which
other language it is, by py3langid (https://github.com/adbar/py3langid). A pure function of the
text. What was measured, and against which other libraries: docs/languages.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from enrichment.stages import lexicon
from enrichment.stages.english import HINDI
from enrichment.stages.lexicon import LexiconSignal
from enrichment.stages.vocabulary import canonical_hash

ENGLISH = "en"
HINDI_IN_LATIN = "hi-Latn"
UNKNOWN = "und"
NO_LANGUAGE = "zxx"
# What a sender may name without naming another language: English, several, none that is known.
LEFT_TO_THE_TEXT = frozenset({ENGLISH, "eng", "mul", UNKNOWN, NO_LANGUAGE})
# Those that many people write in and that the library tells apart within a few words. Among all
# of its 140 short texts get lost: fewer choices are surer.
_CODES = """
    ar bg bn cs da de el en es fa fi fr he hi hu id it ja ko lt lv ms nl no pa pl pt ro ru sk sr sv
    sw ta te th tl tr uk ur vi zh
"""
NAMED = tuple(_CODES.split())
LANGUAGES = frozenset({*NAMED, HINDI_IN_LATIN, UNKNOWN, NO_LANGUAGE})
"""All that `detect` returns: ISO 639 codes, one with its script."""

# From here on a language is named. Of 114 diary sentences in 19 languages 111 were at least so
# sure, all of them rightly; of noise and of Hindi in Latin letters one in 11 was.
SURE = 0.5
ENOUGH_HINDI = 0.2
# Below, part of the text is no English.
WHOLLY_ENGLISH = 0.9
FOREIGN_FACTOR = 0.5
# The embedded model calls 95 of 100 texts in other languages unpleasant, whatever they say.
READ_ENGLISH_ALONE = frozenset({"embedded", "lexicon"})

NOT_ENGLISH = "the text is not taken for English, which lexicon and what is written for it are in"
PARTLY_ENGLISH = "part of the text does not read as English; confidence is lowered"
NOT_LEGIBLE = "no language can be made out in the text, so no feeling is read from it"

LANGUAGE_HASH = canonical_hash(
    {
        "library": version("py3langid"),
        "named": list(NAMED),
        "limits": [SURE, ENOUGH_HINDI, WHOLLY_ENGLISH, FOREIGN_FACTOR],
        "read_english_alone": sorted(READ_ENGLISH_ALONE),
        "left_to_the_text": sorted(LEFT_TO_THE_TEXT),
    }
)
"""Part of the cache key of each score."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """What a text is written in.

    detected: one of LANGUAGES. "und": in none that can be told; "zxx": there are no words in it.
    confidence: 0 to 1; 0 for those two.
    """

    detected: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How far a score may be trusted for the sake of its text's language.

    factor: what its confidence is multiplied by; 0 means that there is no finding.
    by_words: whether the lexicon may be heard.
    """

    factor: float
    by_words: bool
    warning: str = ""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a text's words say, its language, and how far a score of it may be trusted."""

    signal: LexiconSignal
    language: Language
    trust: Trust


def hear(text: str, declared: str, engine: str) -> Heard:
    """Return the words' signal, a silent one of what is no English; arguments as `trust`'s."""
    signal = lexicon.read(text)
    language = detect(text, signal.english)
    how_far = trust(language, declared=declared, engine=engine)
    return Heard(
        signal=signal if how_far.by_words else lexicon.SILENT, language=language, trust=how_far
    )


def detect(text: str, englishness: float) -> Language:
    """Return the language of a text.

    Args:
        englishness: how sure its words are that it is English, 0 to 1.
    """
    if not any(map(str.isalpha, text)):
        return Language(detected=NO_LANGUAGE, confidence=0.0)
    if englishness >= SURE:
        return Language(detected=ENGLISH, confidence=round(englishness, 2))
    words = text.lower().split()
    hindi = [word for word in words if word.strip(".,;:!?") in HINDI]
    if len(set(hindi)) > 1 and len(hindi) >= ENOUGH_HINDI * len(words):
        return Language(detected=HINDI_IN_LATIN, confidence=round(1 - englishness, 2))
    code, share = _identifier()(text)
    if code == NO_LANGUAGE or share < SURE:
        return Language(detected=UNKNOWN, confidence=0.0)
    return Language(detected=code, confidence=round(share, 2))


def trust(language: Language, *, declared: str, engine: str) -> Trust:
    """Return how far what an engine finds in a text may be trusted.

    Args:
        declared: the language that the sender names; another than English is believed.
        engine: whose model it is; of those that read nothing but English there is no finding.
    """
    elsewhere = declared.partition("-")[0] not in LEFT_TO_THE_TEXT
    if language.detected == NO_LANGUAGE or (language.detected == UNKNOWN and not elsewhere):
        return Trust(factor=0.0, by_words=True, warning=NOT_LEGIBLE)
    if language.detected != ENGLISH or elsewhere:
        factor = 0.0 if engine in READ_ENGLISH_ALONE else FOREIGN_FACTOR
        return Trust(factor=factor, by_words=False, warning=NOT_ENGLISH)
    warning = PARTLY_ENGLISH if language.confidence < WHOLLY_ENGLISH else ""
    return Trust(factor=language.confidence, by_words=True, warning=warning)


@cache
def _identifier() -> Callable[[str], tuple[str, float]]:
    """The library's function, made when the first text is no English: it takes 100 MB, and a
    second or two.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*NAMED, NO_LANGUAGE])
    classify: Callable[[str], tuple[str, float]] = identifier.classify
    return classify
