"""A request's Cache-Control, held to RFC 9111, section 5.2.1, and to its structure in 5.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachestats.cache import Freshness
from enrichment.api.directives import HEADER, Directives, read
from enrichment.errors import InvalidSubmission

YEAR = 365 * 86400
KNOWN = ("no-store", "no-cache", "only-if-cached")


def asks(*, only_if_cached: bool = False, **freshness) -> Directives:
    return Directives(freshness=Freshness(**freshness), only_if_cached=only_if_cached)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", asks()),
        ("no-store", asks(no_store=True)),
        ("no-cache", asks(no_cache=True)),
        ("max-age=0", asks(max_age=0)),
        ("max-age=3600", asks(max_age=3600)),
        ('max-age="3600"', asks(max_age=3600)),
        ("only-if-cached", asks(only_if_cached=True)),
        ("Max-Age=60, ONLY-IF-CACHED", asks(max_age=60, only_if_cached=True)),
        (" no-cache ,\tno-store,, ", asks(no_cache=True, no_store=True)),
        ("max-age=60, max-age=5", asks(max_age=60)),
        ("no-transform, max-stale=5, min-fresh=x, no-stores, s-maxage=1", asks()),
        ('ext="no-store, no-cache", max-age=7', asks(max_age=7)),
        ('ext="a \\", no-store", no-cache', asks(no_cache=True)),
        ('ext="unended, no-store', asks(no_store=True)),
        (f"max-age={'9' * 2000}", asks(max_age=YEAR)),
        (f"max-age={'0' * 2000}7", asks(max_age=7)),
    ],
)
def test_header_is_read_as_the_standard_has_it(header: str, expected: Directives):
    """In any case, combined, quoted or not; what is not known says nothing."""
    assert read(header) == expected


@pytest.mark.parametrize(
    "told", ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=+1", "max-age=1 2"]
)
def test_max_age_without_whole_seconds_is_refused_by_the_headers_name(told: str):
    """The error names the header and what is accepted, whatever else stands there."""
    for header in (told, f"no-store, {told}", f"{told}, max-age=5"):
        with pytest.raises(InvalidSubmission) as refused:
            read(header)
        [error] = refused.value.errors
        assert error.field == HEADER
        assert "max-age=60" in error.message


def in_any_case(word: str) -> st.SearchStrategy[str]:
    return st.sampled_from([word, word.upper(), word.title()])


SPACE = st.sampled_from(["", " ", "\t", "  "])
UNKNOWN = st.from_regex(
    r'x-[a-z]{1,5}(=([a-z0-9]{1,5}|"([ a-z,=-]|\\["\\]){0,20}"))?', fullmatch=True
)
MAX_AGE = st.integers(0, YEAR)
DIRECTIVE = st.one_of(
    *(in_any_case(name).map(lambda word: (word, None)) for name in KNOWN),
    st.tuples(in_any_case("max-age"), MAX_AGE),
    st.tuples(UNKNOWN, st.none()),
)


@given(st.lists(st.tuples(DIRECTIVE, SPACE, SPACE)))
def test_any_list_of_directives_says_what_stands_in_it(parts):
    """Order, case, blanks and what is unknown change nothing; of several ages the first counts."""
    header = ",".join(
        f"{before}{name}{'' if value is None else f'={value}'}{after}"
        for (name, value), before, after in parts
    )
    names = {name.lower() for (name, _), _, _ in parts}
    ages = [value for (_, value), _, _ in parts if value is not None]
    assert read(header) == asks(
        no_store="no-store" in names,
        no_cache="no-cache" in names,
        max_age=ages[0] if ages else None,
        only_if_cached="only-if-cached" in names,
    )


@given(st.text(st.characters(codec="latin-1"), max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused(header: str):
    """Whatever a client sends, there is an answer: never a fault."""
    try:
        read(header)
    except InvalidSubmission as refused:
        assert "max-age" in header.lower()
        assert [error.field for error in refused.errors] == [HEADER]
