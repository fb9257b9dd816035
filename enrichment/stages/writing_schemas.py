"""The JSON schemas that a Stage 2 reply must follow; they become the host's grammar.

Strings are bounded so that the longest legal reply fits num_predict_long.
"""

import random
from collections.abc import Mapping
from typing import Any

from enrichment.stages.writing_leads import LEADS

_FREE = r"^[A-Z][A-Za-z ,']{14,66}\.$"
# After a lead: words, and room to end the last one, which a plain bound would cut in two.
_REST = r" [a-z][a-z' ]{7,36}[a-z]{0,9}\.$"


def _reply(poem: Any, tips: Any, closing_line: Any) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {"poem": poem, "tips": tips, "closing_line": closing_line},
        "required": ["poem", "tips", "closing_line"],
        "additionalProperties": False,
    }


def _line(pattern: str) -> Mapping[str, Any]:
    return {"type": "string", "pattern": pattern}


def _three(**items: Any) -> Mapping[str, Any]:
    return {"type": "array", **items, "minItems": 3, "maxItems": 3}


FREE_SCHEMA = _reply(_three(items=_line(_FREE)), _three(items=_line(_FREE)), _line(_FREE))
"""For a model that writes by itself: only the lengths are bounded."""


def led_schema(primary: str, draw: str) -> Mapping[str, Any]:
    """Return a schema that leads a very small model by the hand: each line's first words are given.

    Args:
        primary: of the feeling; it has leads of its own.
        draw: what the choice among them hangs on; the same for the same string.

    Raises:
        KeyError: no such primary.
    """
    chance = random.Random(draw)  # noqa: S311  # a choice of words, no secret
    leads = LEADS[primary]

    def lines(choice: list[str]) -> list[Mapping[str, Any]]:
        return [_line(f"^{lead}{_REST}") for lead in choice]

    poem, tips = lines(chance.sample(leads.poem, 3)), lines(chance.sample(leads.tips, 3))
    (closing_line,) = lines(chance.sample(leads.closing, 1))
    return _reply(_three(prefixItems=poem), _three(prefixItems=tips), closing_line)
