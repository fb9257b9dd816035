"""Header fields that tell of time: read right where they are right, and never an error."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.inference.http_fields import (
    LONGEST_SECONDS,
    cache_control,
    date,
    retry_after,
    seconds,
)

NOW = 1_700_000_000.0
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
# What servers send, and what they should not: pieces of directives in any order.
NOISE = st.lists(
    st.sampled_from(
        [
            "max-age",
            "no-store",
            "private",
            "=",
            ",",
            '"',
            "\\",
            " ",
            "-1",
            "9" * 5000,
            "0",
            "\t",
            "ä",
        ]
    )
).map("".join)


@given(st.text() | NOISE)
def test_cache_control_never_raises(text: str) -> None:
    """Whatever is sent is directives: names in lower case without blanks around them."""
    for name, value in cache_control(text).items():
        assert name == name.strip().lower()
        assert name
        assert value is None or isinstance(value, str)


@given(
    st.dictionaries(TOKENS, st.none() | QUOTED | st.integers(0, 10**6).map(str), max_size=6),
    st.data(),
)
def test_cache_control_reads_what_was_written(
    directives: dict[str, str | None], data: st.DataObject
) -> None:
    """In any case, with any blanks; commas and marks within quotation marks separate nothing."""

    def written(name: str, value: str | None) -> str:
        blank = data.draw(st.sampled_from(["", " ", "\t"]))
        name = data.draw(st.sampled_from([name, name.upper(), name.title()]))
        if value is None:
            return f"{blank}{name}{blank}"
        if value.isdigit() and data.draw(st.booleans()):
            return f"{blank}{name}={value}{blank}"
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{blank}{name}="{quoted}"{blank}'

    text = ",".join(written(*item) for item in directives.items())
    assert cache_control(text) == directives


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max-age=60, max-age=5", {"max-age": "60"}),
        ("No-Store", {"no-store": None}),
        ('private="set-cookie, x", max-age=9', {"private": "set-cookie, x", "max-age": "9"}),
        (",, ,max-age = 7 ,", {"max-age": "7"}),
        ("max-age=", {"max-age": ""}),
        ("=5", {}),
        ("", {}),
    ],
)
def test_cache_control_by_example(text: str, expected: dict[str, str | None]) -> None:
    """The first of a name counts; empty items are nothing."""
    assert cache_control(text) == expected


def test_cache_control_mark_without_its_pair_hides_nothing() -> None:
    """What stands behind it is read: an answer must not be kept because of a slip."""
    assert "no-store" in cache_control('max-age="60, no-store')


def test_cache_control_beyond_all_measure_is_no_store() -> None:
    """It can't be meant, and reading it would take long."""
    assert cache_control("max-age=60," + '"\\' * 5000) == {"no-store": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (" 60 ", 60),
        ("007", 7),
        ("0" * 6000 + "7", 7),
        ("9" * 6000, LONGEST_SECONDS),
        (str(LONGEST_SECONDS + 1), LONGEST_SECONDS),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("1_000", None),
        ("٣", None),  # a digit, but not HTTP's
        ("", None),
        (None, None),
    ],
)
def test_seconds_by_example(text: str | None, expected: int | None) -> None:
    """Digits and nothing else; a year at most."""
    assert seconds(text) == expected


@given(st.text() | st.integers().map(str))
def test_retry_after_never_raises_and_stays_within_a_year(text: str) -> None:
    """Whatever is sent is 0 to a year, or nothing."""
    told = retry_after(text, NOW)
    assert told is None or 0 <= told <= LONGEST_SECONDS


@given(st.integers(-(10**9), 10**10))
def test_retry_after_reads_dates(offset: int) -> None:
    """A date is the time until then; one that has passed is 0."""
    told = retry_after(formatdate(NOW + offset, usegmt=True), NOW)
    assert told == min(max(0, offset), LONGEST_SECONDS)


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "Fri, 99 Foo 2023 00:00:00 GMT", "0000-00-00", "Mon, 1 Jan"]
)
def test_retry_after_that_says_nothing_is_none(text: str) -> None:
    """Then the tuning's own pauses count."""
    assert retry_after(text, NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
)
def test_date_reads_all_three_forms_as_gmt(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9110, 5.6.7; wherever the machine stands."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert date(text) == 784_111_777
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text())
def test_date_never_raises(text: str) -> None:
    """Whatever is sent."""
    told = date(text)
    assert told is None or isinstance(told, float)
