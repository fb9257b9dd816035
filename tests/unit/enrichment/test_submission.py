"""What is accepted as a reflection: each fault named with its field, and never another error."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment import images
from enrichment.errors import InvalidSubmission
from enrichment.submission import FIELDS, MAX_CHARACTERS, Submission, parse
from tests.pictures import photo

NOW = datetime(2026, 1, 31, 7, 30, tzinfo=UTC)
UNICODE_BLANKS = " \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"


def submit(**fields: Any) -> Submission:
    return parse({"text": "A quiet day", **fields}, NOW)


def faults(data: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with a body, by field."""
    with pytest.raises(InvalidSubmission) as caught:
        parse(data, NOW)
    found = {error.field: error.message for error in caught.value.errors}
    assert len(found) == len(caught.value.errors)
    return found


def test_parse_text_alone_gets_the_defaults() -> None:
    """All but the text may be left out."""
    assert submit() == Submission(
        text="A quiet day",
        owner="",
        timestamp=NOW,
        timezone="UTC",
        language="en",
        priority="interactive",
    )


def test_parse_image_stands_for_the_text_or_beside_it() -> None:
    """With an image the text may be missing, or blank; the image is the one that was sent."""
    data = photo()

    for blank in ({}, {"text": None}, {"text": ""}, {"text": UNICODE_BLANKS}):
        submission = parse({"image": data, **blank}, NOW)
        assert (submission.text, submission.image) == ("", images.clean(data))
    both = submit(image=data)
    assert (both.text, both.image) == ("A quiet day", images.clean(data))
    assert submit(image=None).image is None


@pytest.mark.parametrize("image", ["day.jpg", 7, [], [photo(), photo()], {}, True])
def test_parse_image_that_is_no_file_is_named_with_what_is_accepted(image: Any) -> None:
    """And a text that is wrong is named beside it."""
    found = faults({"image": image, "text": "x" * 5001})

    assert set(found) == {"image", "text"}
    assert images.ACCEPTED in found["image"]


@pytest.mark.parametrize("image", [b"", b"no image"])
def test_parse_file_that_is_no_image_is_named_with_what_is_accepted(image: bytes) -> None:
    """Where nothing else is wrong."""
    found = faults({"image": image, "text": "A quiet day"})

    assert set(found) == {"image"}
    assert images.ACCEPTED in found["image"]


@pytest.mark.parametrize("wrong", [{"text": "x" * 5001}, {"timezone": "Mars"}, {"colour": "red"}])
def test_parse_image_is_decoded_only_where_nothing_else_is_wrong(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes seconds, the other fields microseconds; all of these are named."""
    monkeypatch.setattr(images, "clean", lambda _data: pytest.fail("was decoded"))

    assert set(faults({**wrong, "image": photo()})) == set(wrong)


def test_parse_whole_body_comes_back_as_sent() -> None:
    """Every field is taken; the text keeps its white space, marks and case."""
    submission = submit(
        text="  Such a DAY…\n",
        owner="ada",
        timestamp="2026-01-31T08:00:00+01:00",
        timezone="Europe/Berlin",
        language="pt-BR",
        priority="bulk",
    )

    assert submission == Submission(
        text="  Such a DAY…\n",
        owner="ada",
        timestamp=datetime(2026, 1, 31, 7, tzinfo=UTC),
        timezone="Europe/Berlin",
        language="pt-BR",
        priority="bulk",
    )


def test_parse_null_is_the_same_as_absent() -> None:
    """A field that is null gets its default."""
    assert submit(**dict.fromkeys(set(FIELDS) - {"text"})) == submit()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "喜" * MAX_CHARACTERS,
        "👍",
        "a" + "\u0301" * 10,
        "\u202eright to left\u202c",
        "\x07bell",
    ],
    ids=["one", "longest", "emoji", "marks", "direction", "bell"],
)
def test_parse_any_unicode_text_of_legal_length_is_accepted(text: str) -> None:
    """1 to 5,000 characters of whatever script are a reflection."""
    assert submit(text=text).text == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "is required: 1 to 5,000 characters"),
        (7, "is required: 1 to 5,000 characters"),
        (["A quiet day"], "is required: 1 to 5,000 characters"),
        ("", "write at least one character"),
        (" \n\t ", "write at least one character"),
        (UNICODE_BLANKS, "write at least one character"),
        ("x" * 5001, "has 5,001 characters; at most 5,000 are accepted"),
        ("A quiet\x00 day", "no text: a NUL or half of a character"),
        ("A quiet \ud800 day", "no text: a NUL or half of a character"),
        ("A quiet \udfff day", "no text: a NUL or half of a character"),
    ],
    ids=[
        "null", "number", "list", "empty", "blank", "unicode-blank", "too-long", "nul",
        "high-surrogate", "low-surrogate",
    ],
)  # fmt: skip
def test_parse_bad_text_is_named_with_what_is_accepted(text: Any, told: str) -> None:
    """A text that can't be taken is told why, and what can."""
    found = faults({"text": text})
    assert list(found) == ["text"]
    assert told in found["text"]


def test_parse_missing_text_is_named() -> None:
    """An empty object lacks its text, and nothing else is the matter with it."""
    assert faults({}) == {"text": "is required: 1 to 5,000 characters, or an image"}


@pytest.mark.parametrize("blank", list(UNICODE_BLANKS), ids=lambda blank: f"U+{ord(blank):04X}")
def test_parse_text_of_any_white_space_is_empty(blank: str) -> None:
    """White space of every kind is nothing to enrich."""
    assert "is empty" in faults({"text": blank * 3})["text"]


NOT_ISO = "must be ISO 8601 with an offset, such as 2026-01-31T08:00:00+01:00"
OUT_OF_RANGE = "must lie between the years 1970 and 2200"
NO_ZONE = "must be an IANA time zone such as Europe/Berlin"
NO_LANGUAGE = "must be a language code such as en"
NO_OWNER = "must be 1 to 150 characters on one line"
NO_PRIORITY = "must be one of: interactive, bulk"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("timestamp", "yesterday", NOT_ISO),
        ("timestamp", "", NOT_ISO),
        ("timestamp", "2026-01-31", NOT_ISO),
        ("timestamp", "2026-01-31T08:00:00", NOT_ISO),
        ("timestamp", "2026-13-31T08:00:00Z", NOT_ISO),
        ("timestamp", "2026-01-31T08:00:00+25:00", NOT_ISO),
        ("timestamp", "\ud800", NOT_ISO),
        ("timestamp", 1769846400, NOT_ISO),
        ("timestamp", True, NOT_ISO),
        ("timestamp", {}, NOT_ISO),
        ("timestamp", "1969-12-31T23:59:59Z", OUT_OF_RANGE),
        ("timestamp", "2200-01-01T00:00:01Z", OUT_OF_RANGE),
        ("timestamp", "0001-01-01T00:00:00+23:59", OUT_OF_RANGE),
        ("timestamp", "9999-12-31T23:59:59-23:59", OUT_OF_RANGE),
        ("timezone", "Mars/Olympus", NO_ZONE),
        ("timezone", "", NO_ZONE),
        ("timezone", "europe/berlin", NO_ZONE),
        ("timezone", "../../etc/passwd", NO_ZONE),
        ("timezone", "/usr/share/zoneinfo/Europe/Berlin", NO_ZONE),
        ("timezone", "Europe/Berlin\x00", NO_ZONE),
        ("timezone", "\ud800", NO_ZONE),
        ("timezone", 1, NO_ZONE),
        ("timezone", ["UTC"], NO_ZONE),
        ("language", "klingon!", NO_LANGUAGE),
        ("language", "", NO_LANGUAGE),
        ("language", "EN", NO_LANGUAGE),
        ("language", "en\n", NO_LANGUAGE),
        ("language", ["en"], NO_LANGUAGE),
        ("priority", "now", NO_PRIORITY),
        ("priority", "", NO_PRIORITY),
        ("priority", 1, NO_PRIORITY),
        ("priority", ["bulk"], NO_PRIORITY),
        ("priority", {}, NO_PRIORITY),
        ("owner", "a\nb", NO_OWNER),
        ("owner", "a\u2028b", NO_OWNER),
        ("owner", "a\x85b", NO_OWNER),
        ("owner", "a\x00", NO_OWNER),
        ("owner", "a\ud800", NO_OWNER),
        ("owner", "x" * 151, NO_OWNER),
        ("owner", 7, NO_OWNER),
        ("owner", False, NO_OWNER),
    ],
)
def test_parse_bad_field_is_named_with_what_is_accepted(field: str, value: Any, told: str) -> None:
    """Each wrong field is told by its name, with what may stand there."""
    assert faults({"text": "A quiet day", field: value}) == {field: told}


def test_parse_unknown_field_is_named_with_the_known_ones() -> None:
    """A slip in a name is no silent default; the answer lists the names."""
    found = faults({"text": "A quiet day", "txt": "A quiet day"})
    assert found == {"txt": f"is not known here; accepted: {', '.join(FIELDS)}"}


def test_parse_several_faults_are_all_told_at_once() -> None:
    """Nobody has to send a body six times to learn of six faults."""
    bad = {
        "text": "",
        "owner": "a\nb",
        "timestamp": "now",
        "timezone": "Mars",
        "language": "?",
        "priority": "high",
        "colour": "red",
    }
    with pytest.raises(InvalidSubmission) as caught:
        parse(bad, NOW)
    assert {error.field for error in caught.value.errors} == set(bad)
    assert all(error.field in str(caught.value) for error in caught.value.errors)


def test_parse_fault_does_not_repeat_what_was_sent() -> None:
    """A message may be logged, so it holds nothing of the body's values."""
    fields = dict.fromkeys(set(FIELDS) - {"text"}, "zyxgrobble!\n")
    found = faults({**fields, "text": "zyxgrobble" * 501})
    assert set(found) == set(FIELDS)
    assert not any("zyxgrobble" in message for message in found.values())


@given(
    at=st.datetimes(
        min_value=datetime(1971, 1, 1),  # noqa: DTZ001  # the zone comes with `timezones`
        max_value=datetime(2199, 1, 1),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_parse_timestamp_of_any_offset_is_the_same_instant(at: datetime) -> None:
    """A time stamp becomes its instant, whatever offset it was written with."""
    written = at.isoformat()
    taken = submit(timestamp=written).timestamp
    assert taken == datetime.fromisoformat(written)
    assert taken.utcoffset() == timedelta(0)


def test_parse_timestamp_in_summer_time_is_shifted_by_its_offset() -> None:
    """08:00 in Berlin's summer is 06:00 UTC."""
    berlin = datetime(2026, 7, 1, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    assert submit(timestamp=berlin.isoformat()).timestamp.isoformat() == "2026-07-01T06:00:00+00:00"


ANY_TEXT = st.text(st.characters(), max_size=60)  # half a surrogate pair included
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.sampled_from(["2026-01-31T08:00:00Z", "Europe/Berlin", "en", "bulk", "ada"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(ANY_TEXT, ANY_JSON, max_size=2),
    st.dictionaries(st.sampled_from(FIELDS), ANY_JSON),
)
def test_parse_any_object_is_a_submission_or_invalid(
    unknown: dict[str, Any], known: dict[str, Any]
) -> None:
    """Whatever JSON object is sent, it is accepted whole or its faults are named."""
    data = {**unknown, **known}
    try:
        submission = parse(data, NOW)
    except InvalidSubmission as exc:
        named = [error.field for error in exc.errors]
        assert named
        assert set(named) <= {*data, "text"}
        assert all(error.message for error in exc.errors)
    else:
        assert set(data) <= set(FIELDS)
        assert submission.text == data["text"]
        submission.text.encode()
        submission.owner.encode()
        assert submission.timestamp.utcoffset() == timedelta(0)
        ZoneInfo(submission.timezone)
