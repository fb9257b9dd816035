"""What an Idempotency-Key may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from enrichment.api.idempotency import read_key

VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


def quoted(text: str) -> str:
    """Return a text as RFC 8941 writes a string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.text(VISIBLE, min_size=1, max_size=255))
def test_key_in_quotes_is_the_key_without(key: str):
    """Any 1 to 255 visible characters are a key, and quotes and escapes are no part of it."""
    assert read_key(quoted(key)) == key
    if not key.startswith('"'):
        assert read_key(key) == key


@given(st.text(max_size=300))
def test_whatever_comes_is_a_key_or_refused_by_name(value: str):
    """No value is a fault; what is taken for a key is visible ASCII, or has blanks in quotes."""
    try:
        key = read_key(value)
    except ValidationError as exc:
        assert list(exc.detail) == ["Idempotency-Key"]
    else:
        assert key is not None
        assert 1 <= len(key) <= 255
        assert set(key) <= {*VISIBLE, " "}


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "a b", "a\tb", "é", "a" * 256, '"', '""', '"a', 'a"b"c d', '"a"b', '"a";b=1'),
        *('"a\\"', '"\\a"', quoted("a" * 256), "a\r\nSet-Cookie: b", "a\x00", "a\x7f", "a\n"),
    ],
)
def test_value_that_is_no_key_is_refused(value: str):
    """Empty, too long, blanks outside of quotes, quotes that do not close, no ASCII."""
    with pytest.raises(ValidationError, match="1 to 255 visible ASCII"):
        read_key(value)


def test_no_header_is_no_key():
    """The header is for who wants it."""
    assert read_key(None) is None
