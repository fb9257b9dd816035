"""Whether what the model wrote may be shown: its form, its length and what it says.

Owns the form of a Stage 2 reply, `{"poem": [3], "tips": [3], "closing_line": "..."}`, and every
limit on it. Knows no model, no prompt and no reflection. The limits are for a small model: plain or
clumsy lines pass, and what is refused costs one retry or a human-written text, so the content rules
refuse a word rather than weigh it ("dead leaves" falls with the threats).

The word lists are English, as the replies are. They catch what such a model was seen to write or
is likely to; they do not make any text safe for anybody.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise

from enrichment.stages import review_rules as rules
from enrichment.stages import risk, risk_phrases
from enrichment.stages.imperatives import VERBS, is_imperative
from enrichment.stages.texts import Writing
from enrichment.stages.vocabulary import canonical_hash

__all__ = ["REVIEW_HASH", "InvalidWriting", "Writing", "parse", "problems", "review"]

REVIEW_VERSION = "2"
"""Raise it with any change of how a reply is reviewed; the lists are hashed anyway."""

POEM_WORDS = (4, 14)
TIP_WORDS = (5, 18)
CLOSING_WORDS = (2, 16)
# The longest legal string, 18 words of a generous length; far longer means that a model ran on.
STRING_CHARACTERS = 160
# Seven such strings with their keys fit many times; beyond it parsing is not worth the time.
REPLY_CHARACTERS = 8_000
JACCARD_LIMIT = 0.75
# Share of everyday words over the whole writing: English has 0.3 and more even in terse lines,
# other languages and gibberish stay below 0.1.
EVERYDAY_SHARE = 0.15

REVIEW_HASH = canonical_hash(
    {
        "version": REVIEW_VERSION,
        "lengths": [POEM_WORDS, TIP_WORDS, CLOSING_WORDS, STRING_CHARACTERS],
        "limits": [JACCARD_LIMIT, EVERYDAY_SHARE],
        "content": {code: pattern.pattern for code, (_, pattern) in rules.CONTENT.items()},
        "words": [sorted(rules.FOREIGN_WORDS), sorted(rules.EVERYDAY_WORDS), sorted(VERBS)],
        "risk": [
            risk_phrases.IDIOMS,
            dict(risk_phrases.SIGNALS),
            dict(risk_phrases.GENTLE),
        ],
    }
)
"""Part of the cache key of all that was reviewed: what a newer list would refuse is a miss."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_KEYS = {"poem", "tips", "closing_line"}


class InvalidWriting(ValueError):
    """The reply is no writing that may be shown.

    Attributes:
        reasons: Each `code: explanation`, without a word of the reply, so that they can be logged.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def review(reply: str) -> Writing:
    """The writing that a reply holds, with white space around its strings removed.

    Args:
        reply: All that the model generated.

    Raises:
        InvalidWriting: The reply has another form, or `problems` found something in it.
    """
    writing = parse(reply)
    if found := problems(writing):
        raise InvalidWriting(found)
    return writing


def problems(writing: Writing) -> tuple[str, ...]:
    """Why a writing may not be shown, each reason once; empty when it may."""
    found = [*_lengths(writing), *_repetitions(writing), *_language(writing), *_emoji(writing)]
    for text in writing.strings():
        found += _characters(text)
        found += _content(text)
    if not all(is_imperative(_straight(tip)) for tip in writing.tips):
        found.append("tip: a statement where something to do is wanted")
    return tuple(dict.fromkeys(found))


def parse(reply: str) -> Writing:
    """The writing that a reply holds, whatever it says.

    Raises:
        InvalidWriting: The reply has another form.
    """
    if len(reply) > REPLY_CHARACTERS:
        raise InvalidWriting((f"too_long: more than {REPLY_CHARACTERS} characters",))
    try:
        data = json.loads(reply.strip(), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as exc:
        raise InvalidWriting(("not_json: not one whole JSON object and nothing else",)) from exc
    if not isinstance(data, dict):
        raise InvalidWriting(("not_an_object: JSON, but no object",))
    if set(data) != _KEYS:
        raise InvalidWriting(("keys: other keys than poem, tips and closing_line",))
    closing_line = data["closing_line"]
    if not isinstance(closing_line, str):
        raise InvalidWriting(("type: closing_line is no string",))
    return Writing(
        poem=_three_strings(data["poem"], "poem"),
        tips=_three_strings(data["tips"], "tips"),
        closing_line=closing_line.strip(),
    )


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A dict of `pairs`; JSON allows a key twice, which would hide what the first one held."""
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key occurs twice")
    return data


def _three_strings(value: object, name: str) -> tuple[str, str, str]:
    match value:
        case [str(first), str(second), str(third)]:
            return first.strip(), second.strip(), third.strip()
    raise InvalidWriting((f"count: {name} is no list of exactly three strings",))


def _lengths(writing: Writing) -> Iterator[str]:
    kinds = (
        ("poem line", writing.poem, POEM_WORDS),
        ("tip", writing.tips, TIP_WORDS),
        ("closing line", (writing.closing_line,), CLOSING_WORDS),
    )
    for name, texts, (fewest, most) in kinds:
        if not all(fewest <= len(_WORD.findall(text)) <= most for text in texts):
            yield f"length: a {name} has not {fewest} to {most} words"
    if any(len(text) > STRING_CHARACTERS for text in writing.strings()):
        yield f"length: a string has more than {STRING_CHARACTERS} characters"


def _repetitions(writing: Writing) -> Iterator[str]:
    texts = [_folded_words(text) for text in writing.strings()]
    if any(_stutters(words) for words in texts):
        yield "repetition: words come again within a string"
    for one, other in combinations(map(set, texts), 2):
        if len(one & other) > JACCARD_LIMIT * len(one | other):
            yield "repetition: two strings say the same"
    for three in (texts[:3], texts[3:6]):
        if len({tuple(words[:3]) for words in three}) == 1:
            yield "stock_loop: all three begin alike"
    runs = Counter(run for words in texts for run in set(_runs(words, 4)))
    if any(count > 2 for count in runs.values()):
        yield "stock_loop: one phrase comes in three strings"


def _stutters(words: list[str]) -> bool:
    """Whether a word follows itself, or a run of three or a word of weight comes too often."""
    runs = _runs(words, 3)
    weighty = Counter(word for word in words if word not in rules.EVERYDAY_WORDS)
    return (
        any(one == other for one, other in pairwise(words))
        or len(set(runs)) < len(runs)
        or any(count > 2 for count in weighty.values())
    )


def _runs(words: list[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]


def _language(writing: Writing) -> Iterator[str]:
    texts = [_folded_words(text) for text in writing.strings()]
    words = [word for text in texts for word in text]
    everyday = sum(word in rules.EVERYDAY_WORDS for word in words)
    if everyday < EVERYDAY_SHARE * len(words):
        yield "language: too few everyday English words"
    for text in texts:
        foreign = sum(word in rules.FOREIGN_WORDS for word in text)
        if foreign > 1 and foreign > sum(word in rules.EVERYDAY_WORDS for word in text):
            yield "language: a string in another language"
    if any(rules.GIBBERISH.search(word) or rules.RUN_TOGETHER.search(word) for word in words):
        yield "language: something that is no word"
    if any(rules.SMALL_I.search(text) for text in writing.strings()):
        yield "language: a small letter for I"
    letters = filter(str.isalpha, "".join(writing.strings()))
    if not all(unicodedata.name(letter, "").startswith("LATIN") for letter in letters):
        yield "language: letters that are not Latin"


def _emoji(writing: Writing) -> Iterator[str]:
    """Reasons against emoji beyond one in a string, or beyond two in all."""
    counts = [
        sum(unicodedata.category(character) == "So" for character in text)
        + len(rules.EMOTICON.findall(text))
        for text in writing.strings()
    ]
    if max(counts) > 1:
        yield "emoji: more than one in a string"
    if sum(counts) > 2:
        yield "emoji: in too many strings"


def _characters(text: str) -> Iterator[str]:
    categories = Counter(map(unicodedata.category, text))
    if categories.keys() & {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}:
        yield "control: a control or invisible character"
    # Between them a small model left a word out ("at  in the morning").
    if "  " in text:
        yield "control: blanks in a row"
    if rules.SIGNS_IN_A_ROW.search(text):
        yield "emoji: a sign again and again"
    if rules.UNFINISHED.search(_straight(text)):
        yield "unfinished: a string that breaks off"
    if rules.MARKUP.search(text):
        yield "markup: an address, markup or code"


def _content(text: str) -> Iterator[str]:
    straight = _straight(text)
    for code, (explanation, pattern) in rules.CONTENT.items():
        if pattern.search(straight):
            yield f"{code}: {explanation}"
    if risk.check(text).flagged:
        yield "crisis: language of self-harm or crisis"


def _folded_words(text: str) -> list[str]:
    return _WORD.findall(_straight(text).casefold())


def _straight(text: str) -> str:
    """`text` with the apostrophes that the rules are written with."""
    return text.replace("’", "'")
