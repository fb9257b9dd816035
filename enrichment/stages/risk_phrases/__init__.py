"""The phrases that the risk check knows, by signal; data.

Each entry is a regular expression over the normalised form that `risk` makes: lower case, words
parted by one space, no apostrophes ("dont"), no accents on Latin letters, sentence ends as " . ".
`risk` adds the word boundaries and squeezes double letters on both sides, so "kill" here also finds
"kil" and "killll". A gap is always bounded, which keeps a search linear in the text's length.

What is left out on purpose: single words of sorrow ("hopeless", "I hate myself", "I hate my life")
and figures of speech, which a diary is full of. What is kept in although it misfires at times:
everything in the first person that speaks of one's own death, also negated, past or half joking.
"""

from collections.abc import Mapping
from types import MappingProxyType

from enrichment.stages.risk_phrases import idioms, languages, others, own

__all__ = ["GENTLE", "IDIOMS", "SIGNALS"]

IDIOMS: tuple[str, ...] = (*idioms.IDIOMS, *languages.IDIOMS)

GENTLE = others.GENTLE

SIGNALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        name: (*phrases, *languages.SIGNALS.get(name, ()))
        for name, phrases in {**own.SIGNALS, **others.SIGNALS}.items()
    }
)
