"""Files of texts: what is taken, what is skipped, and what is no such file."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enrichment.submission import MAX_CHARACTERS
from enrichment.text_files import InvalidTexts, read_texts

# What a line of a file can hold: no line end, no NUL, no half of a character.
LINE_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=60
).filter(str.strip)


@given(st.lists(LINE_TEXTS, min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example(["one\x0ctwo", "three\u2028four"], "\n", True)
def test_each_line_is_a_text(texts: list[str], end: str, marked: bool):
    """Whatever it holds, and whether the file ends with a line end or begins with a mark."""
    encoding = "utf-8-sig" if marked else "utf-8"
    texts[0] = texts[0].removeprefix("\ufeff") or "x"

    for content in (end.join(texts), end.join([*texts, ""])):
        read = read_texts(content.encode(encoding), table=False)
        assert (list(read.texts), read.skipped) == (texts, ())


@given(st.lists(st.tuples(LINE_TEXTS, st.text("ab\n,", max_size=5)), min_size=1))
def test_a_tables_column_is_read(rows: list[tuple[str, str]]):
    """Other columns are not looked at, whatever stands in them."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerows([("note", "text"), *((note, text) for text, note in rows)])

    read = read_texts(file.getvalue().encode(), table=True)

    assert list(read.texts) == [text for text, _ in rows]


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (f"fine\n\n   \n{'x' * (MAX_CHARACTERS + 1)}\nzyx\0\nlast", False),
        (f'text,a\nfine,1\n"",2\n  ,3\n{"x" * (MAX_CHARACTERS + 1)},4\nlast,5', True),
    ],
)
def test_lines_that_are_no_text_are_skipped_by_number(content: str, table: bool):
    """Empty and too long ones too; the others are taken, and no message quotes anything."""
    read = read_texts(content.encode(), table=table)

    assert read.texts == ("fine", "last")
    assert [skipped.line for skipped in read.skipped] == ([3, 4, 5] if table else [2, 3, 4, 5])
    assert "is empty" in read.skipped[0].why
    assert any("at most 5,000" in skipped.why for skipped in read.skipped)
    assert not any("xxx" in skipped.why or "zyx" in skipped.why for skipped in read.skipped)


@pytest.mark.parametrize(
    ("content", "table", "told"),
    [
        (b"one\ntwo\nzyx \xff\n", False, "line 3 is not UTF-8"),
        ("text\nzyx\n".encode("utf-16"), True, "line 1 is not UTF-8"),
        (b"words\nzyx\n", True, "the header needs a column text"),
        (b"", True, "the header needs a column text"),
        (b"text\n" + b"zyx" * 50_000, True, "after line 1: field larger than field limit"),
    ],
)
def test_file_that_is_none_is_refused_by_its_place(content: bytes, table: bool, told: str):
    """The message says where, what is accepted, and nothing of a text."""
    with pytest.raises(InvalidTexts) as refused:
        read_texts(content, table=table)

    assert told in str(refused.value)
    assert "zyx" not in str(refused.value)


def test_short_row_of_a_table_is_skipped():
    """A row that ends before the column has no text."""
    read = read_texts(b"note,text\nalone\nboth,fine\n", table=True)

    assert read.texts == ("fine",)
    assert [skipped.line for skipped in read.skipped] == [2]
