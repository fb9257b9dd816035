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


def test_nearest_first_puts_the_readers_own_region_on_top() -> None:
    """Who writes in Berlin sees the German line first, and no line is left out."""
    lines = help_lines.nearest_first("Europe/Berlin")

    assert lines[0].region == "DE"
    assert set(lines) == set(help_lines.HELP_LINES)


def test_nearest_first_without_a_region_changes_nothing() -> None:
    """A zone of no country keeps the order."""
    assert help_lines.nearest_first("UTC") == help_lines.HELP_LINES
