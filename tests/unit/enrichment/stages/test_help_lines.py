"""The help lines: each from a page with address and date, found by region."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from enrichment.stages import help_lines
from enrichment.stages.help_lines import HELP_LINES, HelpLine


@pytest.mark.parametrize("line", HELP_LINES, ids=lambda line: line.region)
def test_every_line_names_its_page_and_the_day_it_was_read(line: HelpLine) -> None:
    """No number without an https page and a date beside it."""
    address = urlsplit(line.source_url)
    assert address.scheme == "https"
    assert address.hostname
    assert isinstance(line.retrieved_on, date)
    assert line.source_kind in {"official", "press"}


@pytest.mark.parametrize("line", HELP_LINES, ids=lambda line: line.region)
def test_every_line_can_be_shown(line: HelpLine) -> None:
    """Each has an ISO region, a name, and something to dial."""
    assert len(line.region) == 2
    assert line.region.isupper()
    assert line.name.strip()
    assert line.contact.startswith("Call")
    assert any(character.isdigit() for character in line.contact)


def test_lines_are_sorted_and_unique() -> None:
    """The list reads by region, and no line stands in it twice."""
    keys = [(line.region, line.name) for line in HELP_LINES]
    assert keys == sorted(set(keys))


def test_for_region_finds_the_region_in_any_case() -> None:
    """A locale's "gb" finds the lines of GB, and only those."""
    assert {line.region for line in help_lines.for_region(" gb ")} == {"GB"}
    assert help_lines.for_region("GB") == help_lines.for_region("gb")


def test_for_region_without_region_gives_all() -> None:
    """Where the reader is unknown, every line is offered to pick from."""
    assert help_lines.for_region(None) == HELP_LINES


@pytest.mark.parametrize("region", ["ZZ", "", "United Kingdom"])
def test_for_region_without_lines_gives_none(region: str) -> None:
    """A region without a known line gets no foreign number."""
    assert help_lines.for_region(region) == ()
