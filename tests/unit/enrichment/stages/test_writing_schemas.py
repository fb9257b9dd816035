"""The schemas of a Stage 2 reply: bounded, anchored, and led with words of the feeling."""

import json
import random
import re
from itertools import chain
from re import _parser as regex_parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.stages import review, wheel
from enrichment.stages.imperatives import is_imperative
from enrichment.stages.writing_leads import LEADS
from enrichment.stages.writing_schemas import FREE_SCHEMA, led_schema

LED = {primary: led_schema(primary, "a draw") for primary in wheel.PRIMARIES}
SCHEMAS = pytest.mark.parametrize("schema", [FREE_SCHEMA, *LED.values()], ids=["free", *LED])
TOKENS = 160  # num_predict_long's default
# English runs at more than four characters a token; three and a half leaves room.
CHARACTERS_PER_TOKEN = 3.5


def patterns(schema: Any) -> list[str]:
    """Return the pattern of each of the seven strings."""
    parts = schema["properties"]
    three = [
        item["pattern"]
        for name in ("poem", "tips")
        for item in parts[name].get("prefixItems") or [parts[name]["items"]] * 3
    ]
    return [*three, parts["closing_line"]["pattern"]]


def longest(pattern: str) -> int:
    """Return the number of characters of the longest match."""
    return int(regex_parser.parse(pattern).getwidth()[1])


@SCHEMAS
def test_schema_patterns_are_anchored_at_both_ends(schema):
    """Ollama refuses an unanchored pattern; every alternative is inside the anchors."""
    for pattern in patterns(schema):
        assert pattern.startswith("^")
        assert pattern.endswith(r"\.$")
        tree = list(regex_parser.parse(pattern))
        assert str(tree[0][0]) == str(tree[-1][0]) == "AT"
        assert "?" not in re.sub(r"\\.", "", pattern)  # no look-ahead: it compiles wrongly


@SCHEMAS
def test_schema_takes_three_lines_three_tips_one_closing_line_and_no_other_key(schema):
    """Without it, a model invents keys or goes on."""
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"]) == ["poem", "tips", "closing_line"]
    for name in ("poem", "tips"):
        assert schema["properties"][name]["minItems"] == 3
        assert schema["properties"][name]["maxItems"] == 3


def test_schema_longest_legal_reply_fits_the_longest_answer():
    """Whatever is drawn, the patterns bound every string, so num_predict cuts no legal reply."""
    frame = json.dumps({"poem": [""] * 3, "tips": [""] * 3, "closing_line": ""}, indent=None)
    pattern = patterns(LED["sad"])[0]
    rest = longest(pattern) - len(pattern.split(" [")[0].lstrip("^"))
    for leads in LEADS.values():
        poem, tips, closing = (sorted(map(len, each))[::-1] for each in vars(leads).values())
        led = sum((*poem[:3], *tips[:3], closing[0])) + 7 * rest
        assert led + len(frame) <= TOKENS * CHARACTERS_PER_TOKEN
    free = [longest(pattern) for pattern in patterns(FREE_SCHEMA)]
    assert max(free) <= review.STRING_CHARACTERS
    assert sum(free) + len(frame) <= TOKENS * CHARACTERS_PER_TOKEN


@SCHEMAS
@settings(deadline=None)
@given(data=st.data())
def test_schema_string_of_any_kind_needs_no_escape_in_json(schema, data):
    """No legal string holds a quotation mark, a backslash or a line break."""
    pattern = data.draw(st.sampled_from(sorted(set(patterns(schema)))))
    line = data.draw(st.from_regex(pattern, fullmatch=True)).rstrip("\n")
    assert json.dumps(line) == f'"{line}"'
    assert len(line) <= longest(pattern)


def test_leads_are_many_for_each_primary_and_stand_there_once():
    """Enough to draw from, so that two questions seldom begin alike."""
    assert list(LEADS) == list(wheel.PRIMARIES)
    for leads in LEADS.values():
        assert len(set(leads.poem)) == len(leads.poem) >= 12
        assert len(set(leads.tips)) == len(leads.tips) >= 12
        assert len(set(leads.closing)) == len(leads.closing) >= 5


def test_poem_leads_belong_to_one_feeling():
    """No sad poem begins as a joyful one does."""
    every = [lead for leads in LEADS.values() for lead in leads.poem]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("primary", wheel.PRIMARIES)
def test_leads_name_no_time_of_day_and_lead_tips_to_do_something(primary):
    """A writing is shown at any hour, and every tip is something to do."""
    leads = LEADS[primary]
    for lead in chain(*vars(leads).values()):
        assert not re.search(
            r"\b(night|tonight|morning|evening|noon|today|tomorrow)\b", lead.lower()
        )
        assert lead[0].isupper()
    assert [tip for tip in leads.tips if not is_imperative(f"{tip} something near")] == []


@pytest.mark.parametrize("primary", wheel.PRIMARIES)
def test_led_schema_draws_three_lines_that_differ(primary):
    """No writing begins two lines alike, and other draws begin otherwise."""
    drawn = [tuple(patterns(led_schema(primary, str(draw)))) for draw in range(30)]
    assert all(len(set(each)) == 7 for each in drawn)
    assert len(set(drawn)) == 30


def test_led_schema_does_not_hang_on_the_process():
    """Only the draw decides: other random numbers before it change nothing."""
    before = led_schema("sad", "lonely; longing; 0; 0")
    random.seed(1)
    random.random()
    assert led_schema("sad", "lonely; longing; 0; 0") == before


def test_led_schema_of_no_primary_raises():
    """A word off the hub is a programming error."""
    with pytest.raises(KeyError):
        led_schema("happy", "")
