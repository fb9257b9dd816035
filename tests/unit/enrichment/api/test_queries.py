"""Query strings: what is read of them, and how what is wrong is told."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from enrichment.api.queries import instant, matching, one_of, read_query, some_of, whole

READERS = {"number": whole(0, 30), "word": one_of({"a": 1, "b": 2})}


def test_parameters_are_read_by_name_and_those_left_out_are_absent():
    """Each known parameter goes through its reader."""
    assert read_query(QueryDict("number=7&word=b"), READERS) == {"number": 7, "word": 2}
    assert read_query(QueryDict(""), READERS) == {}


def test_each_wrong_parameter_is_named_with_what_is_accepted():
    """Unknown, repeated and wrong ones are told at once, each under its own name."""
    with pytest.raises(ValidationError) as told:
        read_query(QueryDict("number=31&word=a&word=b&colour=red"), READERS)

    messages = {name: str(lines[0]) for name, lines in told.value.detail.items()}
    assert set(messages) == {"number", "word", "colour"}
    assert "0 to 30" in messages["number"]
    assert "one value" in messages["word"]
    assert "number, word" in messages["colour"]


@given(st.integers())
def test_whole_numbers_are_read_within_their_bounds_alone(number: int):
    """What lies between them, both included, is read as it is written; all else is refused."""
    if 1 <= number <= 100:
        assert whole(1, 100)(str(number)) == number
    else:
        with pytest.raises(ValueError, match="1 to 100"):
            whole(1, 100)(str(number))


@pytest.mark.parametrize("text", ["", "+5", " 5", "05", "5.0", "1e1", "５", "true", "9" * 5000])
def test_whole_number_has_one_spelling(text: str):
    """Signs, blanks, leading zeros, fractions and digits of other scripts are refused."""
    with pytest.raises(ValueError, match="whole number"):
        whole(0, 30)(text)


@pytest.mark.parametrize("text", ["", "a,", ",a", "a,,b", "a, b", "c", "A"])
def test_list_of_words_is_refused_for_one_that_is_not_accepted(text: str):
    """Between commas stands a word of the list and nothing else."""
    with pytest.raises(ValueError, match="a, b"):
        some_of({"a": 1, "b": 2})(text)


def test_list_of_words_gives_what_each_means():
    """In the order in which they were given."""
    assert some_of({"a": 1, "b": 2})("b,a") == [2, 1]


def test_text_matches_as_a_whole():
    """A part that matches is not enough."""
    assert matching(re.compile("[a-z]+"), "letters")("abc") == "abc"
    with pytest.raises(ValueError, match="letters"):
        matching(re.compile("[a-z]+"), "letters")("abc\n")


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_instant_is_read_in_utc_from_any_offset(at: datetime, zone: timezone):
    """It is the same instant."""
    read = instant(at.astimezone(zone).isoformat())

    assert read == at
    assert read.tzinfo is UTC


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_instant_lies_within_the_years_of_submissions(text: str):
    """What lies outside is refused, also where it has no name in UTC."""
    with pytest.raises(ValueError, match="1970 and 2200"):
        instant(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-31", "2026-01-31T08:00:00", "2026-01-31T08:00:00 01:00", "5"]
)
def test_instant_without_an_offset_is_refused_and_told_how_to_write_one(text: str):
    """A + that was not encoded arrives as a blank; the message says so."""
    with pytest.raises(ValueError, match="%2B"):
        instant(text)
