"""Stored values as lines, side by side and hidden."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cachestats.previews import FIELDS, LONGEST, MOST_LINES, differences, hidden_differences, lines

words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


def told(value: Any) -> list[tuple[str, str]]:
    return [(line.path, line.text) for line in lines(value)]


def test_lines_lead_to_each_end_of_a_value():
    """Names and places in lists stand before what is there."""
    value = {"poem": ["Slow rain.", "Warm tea."], "wheel": {"primary": "joy"}, "sure": 0.5}
    assert told(value) == [
        ("poem › 1", "Slow rain."),
        ("poem › 2", "Warm tea."),
        ("wheel › primary", "joy"),
        ("sure", "0.5"),
    ]
    assert told("alone") == [("", "alone")]
    assert told({"none": None, "empty": [], "yes": True}) == [
        ("none", "null"),
        ("empty", "[]"),
        ("yes", "true"),
    ]


def test_lines_are_bounded():
    """However large a value is, a page of it is not."""
    found = lines({"list": list(range(10_000)), "text": "x"})
    assert len(found) == MOST_LINES
    assert len(lines("x" * 100_000)[0].text) == LONGEST + 2


def test_differences_mark_the_words_that_changed():
    """What is the same on both sides is not marked, word by word."""
    old, new = {"line": "the rain is slow today"}, {"line": "the rain was gentle today"}
    [found] = differences(old, new)
    assert not found.same
    assert [part.text for part in found.old if part.changed] == ["is slow "]
    assert [part.text for part in found.new if part.changed] == ["was gentle "]


def test_differences_have_lines_of_either_side():
    """A line that one answer lacks is a difference too."""
    found = {row.path: row for row in differences({"a": 1}, {"b": 2})}
    assert found["a"].new == ()
    assert found["b"].old == ()
    assert not any(row.same for row in found.values())


fields = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS["stage1_enrichment"], values))


@given(old=fields | values, new=fields | values, cache_type=st.sampled_from([*FIELDS, "api"]))
def test_hidden_differences_are_of_fixed_fields(old: Any, new: Any, cache_type: str):
    """Neither words, nor names, nor how many of something there are come from a value."""
    rows = hidden_differences(old, new, cache_type)
    assert tuple(row.path for row in rows) in {FIELDS.get(cache_type), ("",)}
    assert not any(row.old or row.new for row in rows)


def test_hidden_differences_tell_which_fields_differ():
    """By one word each, whatever is nested in them; of other types by one for all."""
    old = {"wheel": {"primary": "sad", "tertiary": "hurt"}, "events": ["loss"], "valence": 0.1}
    new = {"wheel": {"primary": "sad"}, "events": ["loss"], "valence": 0.1}
    rows = hidden_differences(old, new, "stage1_enrichment")
    assert [row.path for row in rows if not row.same] == ["wheel"]
    assert len(rows) == len(FIELDS["stage1_enrichment"])
    [row] = hidden_differences({"ada@example.org": 1}, {"bob@example.org": 1}, "api")
    assert (row.path, row.same) == ("", False)


@given(old=values, new=values)
def test_differences_parts_are_the_lines_themselves(old: Any, new: Any):
    """Nothing is lost or added by the marks."""
    before, after = dict(told(old)), dict(told(new))
    rows = differences(old, new)
    assert {row.path for row in rows} == {*before, *after}
    for row in rows:
        assert "".join(part.text for part in row.old) == before.get(row.path, "")
        assert "".join(part.text for part in row.new) == after.get(row.path, "")


@given(value=values)
def test_differences_of_a_value_and_itself_are_none(value: Any):
    """The same is the same."""
    assert all(row.same for row in differences(value, value))
