"""Stored values as pages show them: as lines, side by side, or with all but their names hidden.

What a value says was inferred from somebody's words. So nothing of it is shown to who may not read
these: no word, no number, not even how many of something there are, or whether there is any.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import orjson

# The fields of the site's own answers, by type. Names in any other answer may be data themselves,
# as an address in an API's.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "stage1_enrichment": (
        *("wheel", "undetermined", "invoked", "expressed", "valence", "arousal", "confidence"),
        *("events", "congruence", "language", "warnings", "provenance"),
    ),
    "stage2_enrichment": ("poem", "tips", "closing_line", "provenance"),
    "vision": ("text", "provenance"),
}
MOST_LINES = 200
LONGEST = 2_000
INSIDE = " › "
# A word with the space after it, so that neighbours that changed are marked as one.
WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A single text, number or other end of a value. path: the names that lead there."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some words of a line, and whether the other side has others in their place."""

    text: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A line of two values, side by side. A side without it is empty; so are hidden ones."""

    path: str
    same: bool
    old: tuple[Part, ...] = ()
    new: tuple[Part, ...] = ()


def lines(value: Any) -> list[Line]:
    """Return a value's first lines; long texts are cut."""
    found: list[Line] = []
    for path, end in _ends(value, ()):
        if len(found) == MOST_LINES:
            break
        found.append(Line(path=INSIDE.join(path), text=_cut(_words(end))))
    return found


def names(cache_type: str) -> tuple[str, ...]:
    """Return what may be shown to everybody of values of a type: the names of its fields."""
    return FIELDS.get(cache_type, ())


def hidden_differences(old: Any, new: Any, cache_type: str) -> list[Difference]:
    """Return which fields of two values of a type differ, without what is in them.

    Of a type that is not the site's own that is a single line without a name.
    """
    known = names(cache_type)
    if not known or not (isinstance(old, dict) and isinstance(new, dict)):
        return [Difference(path="", same=old == new)]
    return [Difference(path=name, same=old.get(name) == new.get(name)) for name in known]


def differences(old: Any, new: Any) -> list[Difference]:
    """Return the first lines of two values, in the order of the old one."""
    before, after = (
        {INSIDE.join(path): _words(end) for path, end in _ends(value, ())} for value in (old, new)
    )
    return [
        _difference(path, before.get(path), after.get(path))
        for path in list(dict.fromkeys([*before, *after]))[:MOST_LINES]
    ]


def _difference(path: str, old: str | None, new: str | None) -> Difference:
    same = old == new
    before, after = _cut(old or ""), _cut(new or "")
    if same:
        whole = (Part(text=before, changed=False),)
        return Difference(path=path, same=True, old=whole, new=whole)
    left, right = WORDS.findall(before), WORDS.findall(after)
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return Difference(
        path=path,
        same=False,
        old=_parts((step != "equal", left[start:end]) for step, start, end, _, _ in steps),
        new=_parts((step != "equal", right[start:end]) for step, _, _, start, end in steps),
    )


def _parts(steps: Iterator[tuple[bool, list[str]]]) -> tuple[Part, ...]:
    return tuple(Part(text="".join(words), changed=changed) for changed, words in steps if words)


def _ends(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each end of a value that has no more parts, with the way to it; lists count from 1."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _ends(part, (*path, name))
    elif isinstance(value, list) and value:
        for number, part in enumerate(value, 1):
            yield from _ends(part, (*path, str(number)))
    else:
        yield path, value


def _words(end: Any) -> str:
    return end if isinstance(end, str) else orjson.dumps(end).decode()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
