"""Lengths of time as people write them: "7d", "24h", "90m", "30s"."""

import re
from datetime import timedelta

DURATION = re.compile(r"(\d{1,6})([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(written: str) -> timedelta | None:
    """Return the length of time; None when it can't be read."""
    if not (found := DURATION.fullmatch(written)):
        return None
    number, unit = found.groups()
    return timedelta(**{UNITS[unit]: int(number)})
