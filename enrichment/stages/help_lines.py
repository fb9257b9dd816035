"""Help lines by region, each with the page it was read on.

Owns the loading of `data/help_lines.json`, the only place that holds a number. A number enters it
from a page that somebody retrieved, with that page's address and the date beside it, never from
memory. The pages were read in a stored copy of the web, so a line must be called or looked up again
before a site relies on it, and once a year after that.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

_DATA = Path(__file__).with_name("data") / "help_lines.json"


@dataclass(frozen=True, kw_only=True)
class HelpLine:
    """One line that a reader can turn to.

    Attributes:
        region: ISO 3166-1 alpha-2 code, upper case.
        name: What the line calls itself.
        contact: What to do and the number, ready to be shown.
        hours: When it answers; empty when the page did not say.
        source_url: The page on which name and contact were read.
        source_kind: `official` for the operator's, a partner's or a government's own words, `press`
            for a report about it.
        retrieved_on: The day on which the page was read.
    """

    region: str
    name: str
    contact: str
    hours: str
    source_url: str
    source_kind: Literal["official", "press"]
    retrieved_on: date


def _load() -> tuple[HelpLine, ...]:
    entries = json.loads(_DATA.read_text(encoding="utf-8"))
    return tuple(
        HelpLine(**{**entry, "retrieved_on": date.fromisoformat(entry["retrieved_on"])})
        for entry in entries
    )


HELP_LINES: tuple[HelpLine, ...] = _load()


@cache
def _regions() -> dict[str, str]:
    """Time zone -> region, as the time zone database itself files them (its zone.tab)."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def nearest_first(timezone: str) -> tuple[HelpLine, ...]:
    """All help lines, those of the time zone's region before the others.

    Args:
        timezone: An IANA name. A zone without a region, such as UTC, changes nothing.
    """
    region = _regions().get(timezone)
    return tuple(sorted(HELP_LINES, key=lambda line: line.region != region))
