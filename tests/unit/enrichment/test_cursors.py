"""Cursors: what they say, and that nothing else is taken for one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enrichment.pages import CURSOR, Cursor, read_cursor


@given(
    at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    row=st.uuids(),
    back=st.booleans(),
)
def test_cursor_comes_back_as_it_was(at: datetime, row: UUID, back: bool):
    """Whatever row it is beside, to the microsecond."""
    cursor = Cursor(at=at, id=row, back=back)

    assert read_cursor(cursor.encode()) == cursor


@given(st.from_regex(f"^{CURSOR.pattern}$", fullmatch=True))
def test_whatever_looks_like_a_cursor_is_one(text: str):
    """The pattern that the API's description shows says all; each cursor has one spelling."""
    assert read_cursor(text).encode() == text


@given(st.text() | st.text("AZaz09-_", min_size=31, max_size=33))
@example("")
@example("B" + "A" * 31)  # beyond the last year that databases know
@example("A" * 32 + "\n")
def test_what_is_no_cursor_is_refused_with_what_is_accepted(text: str):
    """A text is refused, or is the one spelling of what it says."""
    if not CURSOR.fullmatch(text):
        with pytest.raises(ValueError, match="next or previous"):
            read_cursor(text)
