"""Ollama's `keep_alive`: a number of seconds or a duration as Go writes it ("30m", "1h30m")."""

import math
import re
from typing import Any

from enrichment.inference.engine.errors import RefusedError

DEFAULT_SECONDS = 300.0

_UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"[+-]?(?:{_PART.pattern})+")
# Beyond this nobody waits for the unloading, and threading.Timer would overflow.
_FOREVER_SECONDS = 10 * 365 * 86400.0


def parse_keep_alive(value: Any) -> float:
    """Read how long the model stays loaded after the request, in seconds.

    Returns:
        0 for at once, infinity for forever (any negative value), the default for None.

    Raises:
        RefusedError: 400 for anything else than a number or a duration.
    """
    seconds = DEFAULT_SECONDS if value is None else _seconds(value)
    return math.inf if seconds < 0 or seconds > _FOREVER_SECONDS else seconds


def _seconds(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value in {"0", "+0", "-0"}:
            return 0.0
        if _WHOLE.fullmatch(value):
            total = sum(
                float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(value)
            )
            return -total if value.startswith("-") else total
    raise RefusedError(400, f"invalid keep_alive: {value!r} is neither a number nor a duration")
