"""How sure we are that a text is English, from its letters and its commonest words.

A small heuristic that knows one language: which other one it is, `language` asks a library. Of a
few English words, typed in haste, libraries make any language ("bad day" is Somali), so whether it
is English is told here. Only whole words count; words that other languages share ("me", "no",
"so", "in") count for less.
"""

from collections.abc import Callable, Sequence

from enrichment.stages.vocabulary import canonical_hash


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DISTINCT = _words(
    """
    the and of that with have this from they what which would there their about could should been
    were because than then them these those it's i'm i've don't didn't wasn't isn't can't you your
    she her his our we my was is are it at for not but when who how why where after before again
    today yesterday tomorrow feel feels feeling felt just really very some any more much too will
    can do did does had has if up out only into over being myself every nothing something
    everything all know think went got get going i'd i'll you're we're that's saw ate bought talked
    walked slept woke cooked stayed
    called told said asked came took left gave found tried made thought wanted knew need says
    people someone nobody anyone always never still
    hmm ugh meh omg lol idk tbh smh fml
    """
)
_SHARED = _words("i a an as am be by he in me no or so to us on met die van main hun")
_FOREIGN = _words(
    """
    que el los las una por para pero muy estoy con como más soy está tengo hoy
    le les des une et est je suis dans pour avec mais très ce qui sur nous vous c'est j'ai
    der das und ist nicht ich ein eine nacht lang gestern morgen hatte
    mit auf für heute sehr aber wir auch habe mich
    il lo gli che sono molto oggi della anche
    não uma você muito estou hoje meu minha eu
    het een niet ik ben maar vandaag voor
    jag och är inte det jeg ikke og
    """
)
HINDI = _words(
    """
    hai hain hoon hun mera meri mujhe main bahut nahi nahin kya aaj bhi kar raha rahi gaya ko ki ke
    """
)
"""Of Hindi as it is typed in Latin letters."""

_ENOUGH_KNOWN = 0.4
"""Share of known words from which a text counts as surely English; running English has more."""

_ENOUGH_FOREIGN = 0.4
"""Share of another language's commonest words from which a text surely is not."""

ENGLISH_HASH = canonical_hash(
    [
        *(sorted(words) for words in (_DISTINCT, _SHARED, _FOREIGN, HINDI)),
        _ENOUGH_KNOWN,
        _ENOUGH_FOREIGN,
    ]
)
"""Over the word lists and limits: the doubt they raise changes an answer's confidence."""


def englishness(text: str, words: Sequence[str], is_known: Callable[[str], bool]) -> float:
    """Return 0 to 1; 0.5 when there is no word to judge by.

    Args:
        text: The text itself, for the share of Latin letters.
        words: Its words in lower case.
        is_known: Whether the lexicon knows a word, so that "grateful" alone is English.
    """
    letters = sum(char.isalpha() for char in text)
    if not words or not letters:
        return 0.5
    latin = sum(char.isalpha() and char < "\u0250" for char in text) / letters
    known = foreign = 0.0
    for word in words:
        if word in _DISTINCT:
            known += 1.0
        elif word in _SHARED:
            known += 0.5
        elif word in _FOREIGN or word in HINDI:
            foreign += 1.0
        elif is_known(word):
            known += 1.0
    known_part = min(1.0, known / len(words) / _ENOUGH_KNOWN)
    foreign_part = min(1.0, foreign / len(words) / _ENOUGH_FOREIGN)
    return round(latin * known_part * (1.0 - foreign_part), 4)
