"""The commands and code that documents tell people to run, so that tests run just these."""

import re

from tests.engines import ROOT


def blocks(page: str, chapter: str, language: str = "sh") -> list[str]:
    """Return the fenced blocks under a heading of a page of docs/, down to its next equal."""
    text = (ROOT / "docs" / page).read_text()
    found = re.search(rf"^(#+) {re.escape(chapter)}$(.*?)(?=^\1 |\Z)", text, re.M | re.S)
    assert found, f"docs/{page} has no chapter {chapter}"
    fenced = re.findall(rf"^```{language}\n(.*?)^```$", found[2], re.M | re.S)
    assert fenced, f"docs/{page} has no {language} under {chapter}"
    return fenced


def block(page: str, chapter: str, with_word: str, language: str = "sh") -> str:
    """Return the only one of these blocks that has a word in it."""
    (found,) = (text for text in blocks(page, chapter, language) if with_word in text)
    return found
