"""Whether a text holds language of self-harm or crisis: a deterministic check of its wording.

This is no clinical tool. It reads phrases, not people: it misses whatever is said in other words or
in a language it does not know, and it flags some harmless sentences. It only decides that a text
gets calm, human-written words and help lines where it would have got a poem. Nobody may take an
unflagged text for a safe one.

Owns the normalised form and the search; the phrases lie in `risk_phrases`. Knows no clock, no
history and no model, and nothing of it is cached: it runs on every text, every time. In doubt about
the first person it flags, since a false alarm costs a poem and a miss costs more. So "I don't want
to die" flags (as `death_distress`), and so do what is over ("I used to cut myself years ago") and
what is denied ("I'm not suicidal, just tired"): words can't tell. A friend's suicide or a friend in
danger flags with a signal of its own. Of eating, only starving and vomiting as harm are in it.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from enrichment.stages import risk_phrases

# Words that are worth reading through an asterisk or letters set apart ("k*ll", "k i l l").
# fmt: off
_DISGUISED = (
    "kill", "killing", "suicide", "suicidal", "die", "dying", "dead", "myself", "harm", "hurt",
    "cut", "cutting", "hang", "murder", "rape", "raped", "overdose", "unalive",
)
# fmt: on
_LONGEST_DISGUISED = max(map(len, _DISGUISED))

_LEET = str.maketrans("013457@$!|", "oieastasii")
_LEET_IN_WORD = re.compile(r"[013457@$|](?=[a-z])|(?<=[a-z])(?:[013457@$]|!(?=[a-z]))")
_LETTERS_OR_STARS = re.compile(r"[a-z][a-z*#]*")
# Single letters apart from each other; the bound keeps a long row of them from being read twice.
_SPACED_OUT = re.compile(r"(?<![^\W_])(?:[a-z][ ._*-]){2,16}[a-z](?![^\W_])")

# Letters of other alphabets that look like Latin ones, as if by accident or to slip through.
_LOOKALIKES = str.maketrans("аеіоорсухѕјкмтвнԁɡıοαεικρτυν", "aeioopcyxsjkmtbhdgioaeikptuv")
# What texting makes of short words. Only as words of their own.
_TEXTING = {
    "2": "to",
    "b": "be",
    "u": "you",
    "ur": "your",
    "n": "and",
    "tn": "tonight",
    "rn": "now",
}
_TEXTED = re.compile(r"(?<![^\W_])(?:2|b|u|ur|n|tn|rn)(?![^\W_])")

_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['‘’‛ʼ´`′]")
_DEVANAGARI_NUKTA = "\u093c"
_ELLIPSIS = re.compile(r"\.{2,}")
_SENTENCE_END = re.compile(r"[.!?;।]+(?=\s|$|[^\W\d])")
# `\w` leaves out the vowel signs of Devanagari, without which its words fall apart.
_NO_WORD = re.compile(r"[^\w\u0900-\u097f.]+|_+")
_DOUBLED = re.compile(r"([a-z])\1+")


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What the check found.

    Attributes:
        flagged: Whether the text must get the safety text and no prompt.
        signals: Names from `SIGNAL_NAMES`, sorted; never words of the text. Empty if not flagged.
    """

    flagged: bool
    signals: tuple[str, ...]


def _squeeze(text: str) -> str:
    """`text` with runs of one Latin letter made one, so that "killll" and "kil" read alike."""
    return _DOUBLED.sub(r"\1", text)


def _compile(phrases: Iterable[str]) -> re.Pattern[str]:
    """One pattern for `phrases` between word boundaries of the normalised form."""
    return re.compile(" (?:" + "|".join(map(_squeeze, phrases)) + ")(?= )")


_IDIOMS = _compile(risk_phrases.IDIOMS)
_GENTLE = {name: _compile(phrases) for name, phrases in risk_phrases.GENTLE.items()}
_SIGNALS = {name: _compile(phrases) for name, phrases in risk_phrases.SIGNALS.items()}

SIGNAL_NAMES: tuple[str, ...] = tuple(sorted({*_GENTLE, *_SIGNALS}))


def check(text: str) -> Risk:
    """The signals of crisis in a text.

    Args:
        text: What the person wrote, raw or normalised, of any length and in any language.

    Returns:
        `flagged` with the names of the signals found. Takes time linear in the text's length.
    """
    signals: set[str] = set()
    for reading in _readings(text):
        signals |= _signals_in(reading)
    return Risk(flagged=bool(signals), signals=tuple(sorted(signals)))


def _signals_in(reading: str) -> set[str]:
    reading = _IDIOMS.sub(" _", reading)
    found: set[str] = set()
    for name, pattern in _GENTLE.items():
        reading, count = pattern.subn(" _", reading)
        if count:
            found.add(name)
    found.update(name for name, pattern in _SIGNALS.items() if pattern.search(reading))
    return found


def _readings(text: str) -> tuple[str, ...]:
    """The normalised forms to search: the plain one and, where it differs, the undisguised one.

    Both are needed: undoing "k!ll" would glue "the end!now" together.
    """
    folded = _fold(text)
    plain = _words(folded)
    seen_through = _undisguise(folded)
    undisguised = plain if seen_through == folded else _words(seen_through)
    return (plain,) if plain == undisguised else (plain, undisguised)


def _fold(text: str) -> str:
    """`text` without case, accents, apostrophes and invisible characters."""
    if text.isascii():
        return _APOSTROPHES.sub("", text.casefold())
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = _LATIN_MARKS.sub("", unicodedata.normalize("NFD", folded))
    folded = unicodedata.normalize("NFC", folded.replace(_DEVANAGARI_NUKTA, ""))
    folded = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return _APOSTROPHES.sub("", folded)


def _words(folded: str) -> str:
    """The words of `folded` between single spaces, sentence ends as a word of their own."""
    marked = _SENTENCE_END.sub(" . ", _ELLIPSIS.sub(" ", folded))
    words = _NO_WORD.sub(" ", marked).split()
    return _squeeze(" " + " ".join([*words, "."]) + " ")


def _undisguise(folded: str) -> str:
    """`folded` with digits, asterisks and gaps inside words read as the letters they hide."""
    text = folded.translate(_LOOKALIKES)
    text = _LEET_IN_WORD.sub(lambda match: match[0].translate(_LEET), text)
    # A word without a star is what it is.
    if "*" in text or "#" in text:
        text = _LETTERS_OR_STARS.sub(lambda match: _unstar(match[0]), text)
    text = _SPACED_OUT.sub(lambda match: _unspace(match[0]), text)
    return _TEXTED.sub(lambda match: _TEXTING[match[0]], text)


def _unstar(token: str) -> str:
    """The word that `token` hides behind asterisks, or `token` without them."""
    letters = token.replace("*", "").replace("#", "")
    if len(token) <= _LONGEST_DISGUISED:
        for word in _DISGUISED:
            # Half of the letters must be given, or every censored word would be one of ours.
            if (
                len(word) == len(token)
                and 2 * len(letters) >= len(word)
                and all(c in {w, "*", "#"} for c, w in zip(token, word, strict=True))
            ):
                return word
    return letters


def _unspace(spelled: str) -> str:
    """The word that `spelled` sets letter by letter, or `spelled` as it is."""
    joined = "".join(filter(str.isalpha, spelled))
    for word in sorted(_DISGUISED, key=len, reverse=True):
        if word in joined:
            before, _, after = joined.partition(word)
            return f"{before} {word} {after}"
    return spelled
