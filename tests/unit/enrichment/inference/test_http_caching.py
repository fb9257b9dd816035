"""What of an API's answers is kept, and under which key."""

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachestats.keys import make_key
from enrichment.inference.http_caching import key_of, restored, seconds_to_keep, stored
from enrichment.inference.http_fields import LONGEST_SECONDS
from enrichment.inference.http_messages import ApiResponse

NOW = 1_700_000_000.0
URL, HOST = "https://songs.example/rain?limit=3", "songs.example"
HEADER = st.tuples(st.sampled_from(["accept", "authorization", "x-api-key", "cookie"]), st.text())


def answer(status: int = 200, age: int = 0, content: bytes = b"{}", **headers: str) -> ApiResponse:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return ApiResponse(status=status, headers=named, content=content, age_seconds=age)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer(), None),
        (answer(cache_control="public"), None),
        (answer(cache_control="max-age=60"), 60),
        (answer(cache_control="MAX-AGE=60"), 60),
        (answer(cache_control="max-age=0"), 0),
        (answer(cache_control="max-age=-1"), 0),
        (answer(cache_control="max-age=soon"), 0),
        (answer(cache_control="max-age"), 0),
        (answer(cache_control='max-age="60"'), 60),
        (answer(cache_control="max-age=60, s-maxage=5"), 5),
        (answer(cache_control="max-age=60, s-maxage=x"), 0),
        (answer(cache_control=f"max-age={'9' * 5000}"), 0),  # too long to be meant
        (answer(cache_control="max-age=99999999999"), LONGEST_SECONDS),
        (answer(cache_control="max-age=60", age=20), 40),
        (answer(cache_control="max-age=60", age=70), 0),
        (answer(cache_control="no-store, max-age=60"), 0),
        (answer(cache_control="max-age=60, private"), 0),
        (answer(cache_control='private="set-cookie"'), 0),
        (answer(cache_control="no-cache"), 0),
        (answer(set_cookie="a=1", cache_control="max-age=60"), 0),
        (answer(vary="*", cache_control="max-age=60"), 0),
        (answer(vary="accept, *"), 0),
        (answer(vary="accept-language", cache_control="max-age=60"), 60),
        (answer(expires=formatdate(NOW + 30, usegmt=True)), 30),
        (answer(expires=formatdate(NOW + 30), date=formatdate(NOW + 10)), 20),
        (answer(expires=formatdate(NOW + 30, usegmt=True), cache_control="max-age=5"), 5),
        (answer(expires=formatdate(NOW - 30, usegmt=True)), 0),
        (answer(expires="0"), 0),
        (answer(status=203), 0),
        (answer(status=204), 0),
        (answer(status=206), 0),
        (answer(status=304), 0),
    ],
)
def test_seconds_to_keep_obeys_the_answer(response: ApiResponse, expected: int | None) -> None:
    """Each directive has its effect; None where the answer says nothing."""
    assert seconds_to_keep(response, None, NOW) == expected


@pytest.mark.parametrize(
    ("said", "ttl", "expected"),
    [("", 30, 30), ("max-age=60", 30, 30), ("max-age=10", 30, 10), ("no-store", 30, 0)],
)
def test_seconds_to_keep_callers_ttl_only_shortens(said: str, ttl: int, expected: int) -> None:
    """It counts where the answer says nothing, and never keeps one longer than the API allows."""
    assert seconds_to_keep(answer(cache_control=said), ttl, NOW) == expected


@given(st.dictionaries(st.sampled_from(["cache-control", "vary", "expires", "date"]), st.text()))
def test_seconds_to_keep_never_raises(headers: dict[str, str]) -> None:
    """Whatever a server sends, it is kept for 0 seconds to a year, or as the cache says."""
    response = ApiResponse(status=200, headers=headers, content=b"")
    told = seconds_to_keep(response, None, NOW)
    assert told is None or 0 <= told <= LONGEST_SECONDS


@given(st.binary() | st.text().map(str.encode), st.integers(0, 1000), st.integers(0, 1000))
def test_stored_answer_comes_back(content: bytes, age: int, kept: int) -> None:
    """The body byte for byte, through JSON; the age has grown by the time in the cache."""
    response = answer(content=content, age=age, content_type="text/plain", set_cookie="a=1")
    back = restored(json.loads(json.dumps(stored(response))), "hit", kept)
    assert (back.status, back.content) == (200, content)
    assert (back.cache, back.age_seconds) == ("hit", age + kept)
    assert back.headers == {"content-type": "text/plain"}


def key(headers: list[tuple[str, str]], url: str = URL) -> Any:
    return make_key(b"pepper", *key_of(url, HOST, headers), "api")


@given(st.lists(HEADER, max_size=4), st.lists(HEADER, max_size=4))
def test_key_differs_where_any_header_does(
    some: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    """Whatever an answer's Vary names is told apart; the order of headers says nothing."""
    some, others = [
        [(name, text.encode("ascii", "replace").decode()) for name, text in headers]
        for headers in (some, others)
    ]
    assert (key(some) == key(others)) == (sorted(some) == sorted(others))


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-api-key", "x-anything-else"])
def test_key_material_holds_no_secret(name: str) -> None:
    """What may be a credential is there as a digest; the label of the numbers is the host."""
    content, params = key_of(URL, HOST, [(name, "secret"), ("accept-language", "de")])
    assert "secret" not in json.dumps([content, params])
    assert params["model"] == HOST
    assert params["accept-language"] == ["de"]


def test_key_differs_by_the_whole_url() -> None:
    """The order of a query may mean something, so it is left as it is."""
    urls = ["https://a/?x=1&y=2", "https://a/?y=2&x=1", "https://a/", "http://a/", "https://a/b"]
    assert len({key([], url) for url in urls}) == len(urls)
