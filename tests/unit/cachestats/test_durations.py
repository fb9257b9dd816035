"""Lengths of time as people write them."""

from datetime import timedelta

import pytest

from cachestats.durations import parse_duration


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", timedelta(seconds=30)),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta(0)),
    ],
)
def test_parse_duration_reads_a_number_and_a_unit(written: str, meant: timedelta) -> None:
    """Seconds, minutes, hours and days."""
    assert parse_duration(written) == meant


@pytest.mark.parametrize("written", ["", "7", "d", "7w", "-1d", "1.5h", "7d\n", " 7d", "1234567d"])
def test_parse_duration_anything_else_is_none(written: str) -> None:
    """Nothing is guessed."""
    assert parse_duration(written) is None
