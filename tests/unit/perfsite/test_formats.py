"""What people read: each number with its unit, a missing one as a dash."""

import pytest

from enrichment import errors
from enrichment.call_rollups import PARTS
from enrichment.models import Status
from enrichment.stages.help_lines import HELP_LINES
from enrichment.stages.language import LANGUAGES
from perfsite.templatetags import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.02, "< 0.1 ms"),
        (0.4, "0.4 ms"),
        (9.94, "9.9 ms"),
        (9.96, "10 ms"),
        (412.4, "412 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (2_300, "2.3 s"),
        (59_400, "59 s"),
        (59_600, "1 min"),
        (252_000, "4 min 12 s"),
        (3_599_600, "1 h"),
        (3_900_000, "1 h 5 min"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_milliseconds_of_any_length_show_the_two_largest_units(value, expected):
    """A duration is short enough to compare at a glance, and no unit overflows by rounding."""
    assert formats.milliseconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "–"), (0, "0 s"), (0.0004, "0.4 ms"), (252, "4 min 12 s")]
)
def test_seconds_are_written_like_milliseconds(value, expected):
    """Both filters write one duration the same way, whatever its unit was."""
    assert formats.seconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (2_250, "2.2 kB"),
        (999_600, "1.0 MB"),
        (67_108_864, "67 MB"),
        (5 * 10**12, "5.0 TB"),
    ],
)
def test_size_of_any_magnitude_uses_decimal_units(value, expected):
    """Bytes are counted in thousands, and no unit overflows by rounding."""
    assert formats.size(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (0.0, "0%"),
        (0.004, "< 1%"),
        (0.125, "13%"),
        (0.643, "64%"),
        (0.996, "> 99%"),
        (1.0, "100%"),
    ],
)
def test_percent_is_0_or_100_for_none_and_all_alone(value, expected):
    """Rounding never claims that nothing or everything hit."""
    assert formats.percent(value) == expected


def test_count_sets_thousands_apart():
    """Large numbers can be read; a missing one is a dash."""
    assert [formats.count(value) for value in (None, 0, 12_345)] == ["–", "0", "12,345"]


def test_share_keeps_two_decimals():
    """Values of a scale line up under each other."""
    assert [formats.share(value) for value in (None, 0.5, 0.996)] == ["–", "0.50", "1.00"]


def test_difference_has_its_sign():
    """Up and down are told apart; what rounds to nothing has no minus; unknown is a dash."""
    differences = [formats.signed(value) for value in (None, 0.126, -3.0, 0.0, -0.001)]
    assert differences == ["–", "+0.13", "−3.00", "+0.00", "+0.00"]


def test_words_of_a_label_are_apart():
    """A closed list's label reads as words."""
    assert formats.words("self_acceptance") == "self acceptance"


def test_status_words_exist_for_each_status():
    """No status is shown as its code."""
    assert set(formats.STATUS_WORDS) == set(Status)
    assert formats.status_words("stage1_running") == "finding the feeling"
    assert formats.status_words("not_yet_known") == "not yet known"


def test_reason_words_exist_for_each_error_of_inference():
    """Every error that leads to a fallback is said in plain words; others by their name."""
    kinds = {kind.__name__ for kind in errors.InferenceError.__subclasses__()}

    assert kinds == set(formats.REASON_WORDS)
    assert formats.reason_words("Odd") == "no model answered (Odd)"
    assert formats.reason_words("") == "no model answered"


def test_call_words_also_know_what_we_broke_off_ourselves():
    """A call that was aborted was not failed by its host; others read as a fallback's reason."""
    assert formats.call_words(errors.CallAborted.__name__).startswith("broken off")
    assert formats.call_words("HostBusy") == formats.reason_words("HostBusy")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "–"), (0.0, "0 a second"), (3.42, "3.4 a second"), (120, "120 a second")],
)
def test_rate_is_written_with_its_unit(value, expected):
    """One decimal where it tells something; none at all is a dash."""
    assert formats.rate(value) == expected


def test_parts_of_a_call_are_said_in_words():
    """Each part that a report has is spelled out."""
    assert set(formats.PART_WORDS) == set(PARTS)


def test_region_names_exist_for_each_help_line():
    """Nobody in need has to know a country's code."""
    assert {line.region for line in HELP_LINES} <= set(formats.REGION_NAMES)
    assert formats.region_name("ZZ") == "ZZ"


def test_of_reads_a_mapping_by_a_variable_key():
    """A missing key or mapping is None, which the other filters show as a dash."""
    found = [formats.of({"sad": 0.5}, "sad"), formats.of({}, "sad"), formats.of(None, "sad")]

    assert found == [0.5, None, None]


def test_every_language_that_is_detected_has_a_name():
    """A page names languages, not codes."""
    names = {code: formats.language_name(code) for code in LANGUAGES}
    assert names["es"] == "Spanish"
    assert not [code for code, name in names.items() if name == code]
