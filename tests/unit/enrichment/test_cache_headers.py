"""The headers that say how the cache took part, held to RFC 9211 and its structured fields."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.api.headers import cache_headers
from enrichment.models import Forward
from enrichment.reports import ImageReport, ReflectionReport, StageReport

AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
KEYS = {1: "ab12cd34" + "e" * 56, 2: "98fe76dc" + "b" * 56}

# RFC 8941: a list's member is a token with parameters; a parameter's value is an integer, a token
# or a string, and none at all means true.
TOKEN = r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*"
VALUE = rf'-?\d{{1,15}}|{TOKEN}|"(?:[ !#-\[\]-~]|\\["\\])*"'
PARAMETER = re.compile(rf"; *([a-z*][a-z0-9_\-.*]*)(?:=({VALUE}))?")
MEMBER = re.compile(rf"({TOKEN})((?:{PARAMETER.pattern})*)")
FORWARDS = {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}


def parse(header: str) -> list[dict[str, Any]]:
    """Return the parameters of each member of a Cache-Status; fail on what is no such list."""
    members: list[dict[str, Any]] = []
    position = 0
    while position < len(header):
        found = MEMBER.match(header, position)
        assert found, f"no member at {position} of {header!r}"
        assert found[1] == "perfsite"
        members.append({name: value or True for name, value in PARAMETER.findall(found[2])})
        comma = re.compile(r"[ \t]*,[ \t]*(?=.)|$").match(header, found.end())
        assert comma, f"no list at {found.end()} of {header!r}"
        position = comma.end()
    return members


def stage(number: int = 1, cache: str = "hit", **changes: Any) -> StageReport:
    looked_up = cache != "none"
    given_: dict[str, Any] = {
        "result": {},
        "outcome": "model",
        "cache": cache if looked_up else "bypass",
        "age_seconds": 0,
        "ttl_seconds": 600 if cache in {"hit", "miss", "collapsed"} else 0,
        "stored": cache in {"hit", "miss", "collapsed"},
        "forward": {"miss": "uri-miss", "collapsed": "uri-miss", "bypass": "bypass"}.get(cache, ""),
        "key": KEYS[number] if looked_up else "",
        "engine": "ollama",
        "model": "small:1b",
        "duration_ms": 1.0,
        "cost_ms": None,
        "computed_at": AT,
        "reason": "",
        "extras": {},
    }
    return StageReport(**(given_ | changes))


def without_model(outcome: str) -> StageReport:
    """Return a stage that no cache was asked for."""
    return stage(cache="none", outcome=outcome, engine="human", model="")


def report(
    first: StageReport | None, second: StageReport | None, image: ImageReport | None = None
) -> ReflectionReport:
    return ReflectionReport(
        id="9a3d6c9e-6a54-4e39-8f0f-5a2c7e3b1d00",
        status="complete" if first and second else "stage1_complete",
        finished=bool(first and second),
        text="A quiet day",
        owner="ada",
        submitter_id=1,
        by_person=True,
        timestamp=AT,
        timezone="UTC",
        created_at=AT,
        queued_at=AT,
        started_at=None,
        retryable=False,
        cancellable=False,
        better_wanted=False,
        risk_signals=[],
        enrich_again=False,
        image=image,
        stage1=first,
        stage2=second,
        history=(),
    )


def headers_of(first: str | None, second: str | None) -> dict[str, str]:
    return cache_headers(
        report(stage(1, first) if first else None, stage(2, second) if second else None)
    )


def test_headers_before_the_first_stage_are_none():
    """Nothing came through the cache yet, so nothing is said of it."""
    assert cache_headers(report(None, None)) == {}


@pytest.mark.parametrize(
    ("first", "second", "summary"),
    [
        ("hit", "hit", "HIT"),
        ("miss", "miss", "MISS"),
        ("hit", "miss", "MISS"),
        ("miss", "hit", "MISS"),
        ("miss", "collapsed", "MISS"),
        ("collapsed", "collapsed", "COLLAPSED"),
        ("hit", "collapsed", "COLLAPSED"),
        ("collapsed", "bypass", "COLLAPSED"),
        ("bypass", "bypass", "BYPASS"),
        ("hit", "bypass", "BYPASS"),
        ("miss", "bypass", "MISS"),
        ("hit", None, "MISS"),
        ("miss", None, "MISS"),
        ("collapsed", None, "COLLAPSED"),
        ("bypass", None, "BYPASS"),
    ],
)
def test_summary_is_that_of_the_least_lucky_stage(first, second, summary):
    """HIT stands only where nothing had, or has yet, to be inferred."""
    assert headers_of(first, second)["X-Cache"] == summary


@pytest.mark.parametrize("outcome", ["curated", "safety"])
def test_summary_of_a_hit_beside_a_persons_text_is_a_hit(outcome):
    """Where nobody had to be asked for the second stage, nothing had to be inferred."""
    headers = cache_headers(report(stage(1, "hit"), without_model(outcome)))
    assert headers["X-Cache"] == "HIT"
    assert len(parse(headers["Cache-Status"])) == 1


@pytest.mark.parametrize(
    ("first", "summary"),
    [
        (stage(1, "hit"), "BYPASS"),
        (stage(1, "miss"), "MISS"),
        (without_model("fallback"), "BYPASS"),
    ],
    ids=["hit", "miss", "fallback"],
)
def test_summary_beside_a_fallback_is_never_a_hit(first, summary):
    """The model was asked for the second stage, in vain: that is not served from the cache."""
    headers = cache_headers(report(first, without_model("fallback")))
    assert headers["X-Cache"] == summary


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (without_model("fallback"), without_model("fallback")),
        (None, without_model("safety")),
        (without_model("fallback"), None),
    ],
)
def test_headers_without_any_look_up_say_bypass_and_no_more(first, second):
    """Where the cache took no part there is no age and no status of it."""
    assert cache_headers(report(first, second)) == {"X-Cache": "BYPASS"}


@pytest.mark.parametrize(
    ("cache", "changes", "expected"),
    [
        ("hit", {"ttl_seconds": 123}, {"hit": True, "ttl": "123"}),
        ("hit", {"ttl_seconds": 0}, {"hit": True, "ttl": "0"}),
        ("miss", {}, {"fwd": "uri-miss", "stored": True}),
        ("miss", {"stored": False}, {"fwd": "uri-miss"}),
        ("collapsed", {}, {"fwd": "uri-miss", "collapsed": True, "stored": True}),
        ("collapsed", {"stored": False}, {"fwd": "uri-miss", "collapsed": True}),
        ("bypass", {}, {"fwd": "bypass"}),
        ("miss", {"forward": "stale"}, {"fwd": "stale", "stored": True}),
        ("miss", {"forward": "request"}, {"fwd": "request", "stored": True}),
        (
            "collapsed",
            {"forward": "request"},
            {"fwd": "request", "collapsed": True, "stored": True},
        ),
    ],
)
def test_status_of_each_state_has_its_parameters(cache, changes, expected):
    """Each state says what RFC 9211 has for it: hit with its time left, or why it was forwarded."""
    headers = cache_headers(report(stage(1, cache, **changes), None))
    assert parse(headers["Cache-Status"]) == [{**expected, "key": '"stage1:ab12cd34"'}]


def test_status_of_a_hit_is_written_as_promised():
    """The header reads as its documentation shows it."""
    headers = cache_headers(report(stage(1, "hit"), stage(2, "miss")))
    assert headers["Cache-Status"] == (
        'perfsite; hit; ttl=600; key="stage1:ab12cd34", '
        'perfsite; fwd=uri-miss; stored; key="stage2:98fe76dc"'
    )


def test_age_is_that_of_the_oldest_part():
    """An answer is as old as the oldest thing in it; a fresh one is 0."""
    old = cache_headers(report(stage(1, age_seconds=7), stage(2, age_seconds=86_400)))
    assert old["Age"] == "86400"
    assert headers_of("miss", "miss")["Age"] == "0"


STATES = st.sampled_from(["hit", "miss", "collapsed", "bypass", "none"])
STAGES = st.none() | st.builds(
    stage,
    number=st.just(1),
    cache=STATES,
    age_seconds=st.integers(0, 10**9),
    ttl_seconds=st.integers(0, 10**9),
    stored=st.booleans(),
    forward=st.sampled_from(Forward.values),
    outcome=st.sampled_from(["model", "fallback", "curated", "safety"]),
    key=st.sampled_from(["", *KEYS.values()]),
)


@given(STAGES, STAGES)
def test_headers_of_any_report_are_well_formed(first, second):
    """Every header parses, its parameters are RFC 9211's, and a key shows 8 digits at most."""
    headers = cache_headers(report(first, second))
    if first is second is None:
        assert headers == {}
        return
    assert headers["X-Cache"] in {"HIT", "MISS", "COLLAPSED", "BYPASS"}
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert set(headers) in ({"X-Cache"}, {"X-Cache", "Cache-Status", "Age"})
    assert re.fullmatch(r"\d+", headers.get("Age", "0"))
    members = parse(headers.get("Cache-Status", ""))
    assert len(members) == sum(bool(each and each.key) for each in (first, second))
    for member in members:
        assert set(member) <= {"hit", "fwd", "ttl", "stored", "collapsed", "key"}
        assert ("hit" in member) != ("fwd" in member)
        assert member.get("fwd", "miss") in FORWARDS
        assert re.fullmatch(r'"stage[12]:[0-9a-f]{8}"', member["key"])
    shown = " ".join(headers.values())
    assert not any(key[:9] in shown for key in KEYS.values())


@pytest.mark.parametrize(("cache", "summary"), [("hit", "HIT"), ("miss", "MISS")])
def test_summary_counts_the_look_at_an_image(cache, summary):
    """Nothing was inferred only where the description was cached too."""
    image = ImageReport(state="described", cache=cache, reason="")
    assert cache_headers(report(stage(1), stage(2), image))["X-Cache"] == summary
