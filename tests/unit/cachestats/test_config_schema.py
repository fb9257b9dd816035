"""The schema: wrong input is told by name, and each value in force has a source."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachestats.config.accepted import accepted
from cachestats.config.schema import Config, merge, parse, sections
from cachestats.errors import InvalidConfig

DEFAULTS: dict[str, dict[str, Any]] = json.loads(Config().model_dump_json())
PLACES = [(section, name) for section, values in DEFAULTS.items() for name in values]
WRONG_FOR = {
    bool: [1, 0, "true", None, [], {}],
    int: ["1", 1.5, True, [], {}],
    float: ["1", True, None, [], {}],
    str: [1, True, None, [], {}, "for ever"],
    list: [1, "100", None, {}, ["100"], [1.5], [None]],
    dict: [1, "api", None, [], {"api": "1"}, {"api": -1}, {"API": 1}],
    type(None): ["1", 1.5, True, [], {}],
}
WRONG_TYPES = st.sampled_from(PLACES).flatmap(
    lambda place: st.tuples(
        st.just(place), st.sampled_from(WRONG_FOR[type(DEFAULTS[place[0]][place[1]])])
    )
)
UNKNOWN_NAMES = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)


def _errors(values: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfig) as caught:
        parse(values)
    return {error.field: error.message for error in caught.value.errors}


# Defaults


def test_parse_nothing_gives_documented_defaults() -> None:
    """An empty file is a complete configuration with the documented values."""
    assert DEFAULTS == {
        "inference": {
            "num_threads": None,
            "num_batch": None,
            "num_ctx": 4096,
            "num_predict_short": 120,
            "num_predict_long": 160,
            "temperature": 0.3,
            "variants": 3,
            "keep_alive": "30m",
        },
        "scoring": {
            "method": "likelihood",
            "model_weight": 0.855,
            "lexicon_weight": 1.366,
            "polarity_weight": 0.588,
            "lean_sad": 0.11,
            "lean_mad": 0.918,
            "lean_scared": 0.52,
            "lean_joyful": -1.353,
            "lean_powerful": -0.81,
            "lean_peaceful": 0.617,
            "confidence_slope": 0.791,
            "confidence_offset": 0.679,
        },
        "caching": {
            "enabled": True,
            "default_ttl": 2_592_000,
            "ttl_api": 86_400,
            "ttl_by_type": {},
            "max_bytes": 1024**3,
        },
        "networking": {
            "max_concurrent_requests": 16,
            "per_host_limit": 6,
            "timeout_connect": 10.0,
            "timeout_read": 180.0,
            "retry_attempts": 3,
            "retry_backoff_ms": [100, 300, 900],
        },
    }
    assert parse({}) == Config()


def test_parse_its_own_defaults_gives_them_back() -> None:
    """What is shown as in force can be written back as a file."""
    assert parse(DEFAULTS) == Config()


def test_parse_whole_number_is_accepted_as_seconds() -> None:
    """10 may stand for 10.0."""
    assert parse({"networking": {"timeout_read": 10}}).networking.timeout_read == 10.0


def test_caching_ttl_is_by_type() -> None:
    """A type's own, else ttl_api for answers of APIs and default_ttl for all others."""
    caching = parse({"caching": {"default_ttl": 7, "ttl_api": 3}}).caching
    assert (caching.ttl("api"), caching.ttl("vision"), caching.ttl("default")) == (3, 7, 7)
    caching = parse({"caching": {"ttl_api": 3, "ttl_by_type": {"api": 9, "vision": 0}}}).caching
    assert (caching.ttl("api"), caching.ttl("vision")) == (9, 0)


# Wrong input


@given(WRONG_TYPES)
def test_parse_wrong_type_names_the_key(mutation: tuple[tuple[str, str], Any]) -> None:
    """A value of another type is never converted; the error names the key and what is accepted."""
    (section, name), wrong = mutation
    errors = _errors({section: {name: wrong}})
    assert all(field.startswith(f"{section}.{name}") for field in errors)
    told = f"must be {accepted(sections()[section].model_fields[name])}"
    assert all(message in {told, f"{section}.{name} {told}"} for message in errors.values())


@given(st.sampled_from(sorted(DEFAULTS)), UNKNOWN_NAMES)
def test_parse_unknown_key_names_it_and_the_accepted(section: str, name: str) -> None:
    """A key that is not known is an error that lists the section's keys."""
    known = list(DEFAULTS[section])
    if name in known:
        return
    assert _errors({section: {name: 1}}) == {
        f"{section}.{name}": f"is not known here; accepted: {', '.join(known)}"
    }


def test_parse_unknown_section_names_it_and_the_accepted() -> None:
    """So does a section that is not known."""
    assert _errors({"cache": {}}) == {
        "cache": "is not known here; accepted: inference, scoring, caching, networking"
    }


@pytest.mark.parametrize("section", sorted(DEFAULTS))
@pytest.mark.parametrize("wrong", [None, [], "on", 1, True])
def test_parse_section_not_an_object_names_it(section: str, wrong: Any) -> None:
    """A section must be an object."""
    names = ", ".join(DEFAULTS[section])
    assert _errors({section: wrong}) == {section: f"must be an object with any of: {names}"}


@pytest.mark.parametrize(
    ("place", "beyond", "bounds"),
    [
        ("caching.default_ttl", -1, "a whole number from 0 to 315,360,000"),
        ("caching.max_bytes", 1024**2 - 1, "a whole number from 1,048,576 to "),
        ("caching.max_bytes", 2**64, "a whole number from 1,048,576 to 1,125,899,906,842,624"),
        ("inference.num_threads", 0, "a whole number from 1 to 512, or null"),
        ("inference.temperature", 2.1, "a number from 0 to 2"),
        ("inference.variants", 0, "a whole number from 1 to 10"),
        ("inference.variants", 11, "a whole number from 1 to 10"),
        ("scoring.model_weight", -0.1, "a number from 0 to 10"),
        ("scoring.lean_sad", 10.1, "a number from -10 to 10"),
        ("inference.temperature", float("nan"), "a number from 0 to 2"),
        ("inference.temperature", float("inf"), "a number from 0 to 2"),
        ("networking.timeout_connect", 5e-324, "a number from 0.1 to 600"),
        ("networking.timeout_read", 5e-324, "a number from 0.1 to 3,600"),
        ("networking.timeout_read", 0, "a number from 0.1 to 3,600"),
        ("networking.retry_attempts", -1, "a whole number from 0 to 10"),
    ],
)
def test_parse_out_of_range_names_the_key_and_the_bounds(
    place: str, beyond: float, bounds: str
) -> None:
    """A number out of range is an error that says both bounds."""
    section, name = place.split(".")
    errors = _errors({section: {name: beyond}})
    assert list(errors) == [place]
    assert errors[place].startswith(f"must be {bounds}")


@pytest.mark.parametrize("section", sorted(DEFAULTS))
def test_each_value_is_described_and_its_default_accepted(section: str) -> None:
    """Who reads the configuration over the API is told of each value what it is and may be."""
    for name, field in sections()[section].model_fields.items():
        assert field.description, name
        assert accepted(field), name


def test_parse_several_faults_names_each() -> None:
    """All faults are told at once."""
    errors = _errors({"caching": {"enabled": "yes", "size": 1}, "inference": {"num_ctx": "big"}})
    assert set(errors) == {"caching.enabled", "caching.size", "inference.num_ctx"}


def test_parse_wrong_item_of_a_list_names_its_place() -> None:
    """The error of a list's item says which."""
    assert list(_errors({"networking": {"retry_backoff_ms": [100, "x"]}})) == [
        "networking.retry_backoff_ms.1"
    ]


@pytest.mark.parametrize("values", [[], "text", 1, None])
def test_parse_not_an_object_is_refused(values: Any) -> None:
    """The whole must be an object."""
    assert list(_errors(values)) == ["file"]


# Precedence and sources


@given(st.sets(st.sampled_from(PLACES)), st.sets(st.sampled_from(PLACES)))
def test_merge_takes_revision_over_file_over_defaults(
    in_file: set[tuple[str, str]], in_overlay: set[tuple[str, str]]
) -> None:
    """Each value in force comes from the first that has it, and its source says so."""
    file, overlay = _pick(in_file, _other(1)), _pick(in_overlay, _other(2))

    effective = merge(file, overlay, 9)

    in_force = json.loads(effective.config.model_dump_json())
    for section, name in PLACES:
        if (section, name) == ("caching", "enabled"):
            continue
        values, source = DEFAULTS, "default"
        if (section, name) in in_file:
            values, source = file, "file"
        if (section, name) in in_overlay:
            values, source = overlay, "revision 9"
        assert in_force[section][name] == values[section][name]
        assert effective.sources[f"{section}.{name}"] == source


def test_merge_has_a_source_for_every_value() -> None:
    """Nothing in force is without a source."""
    assert set(merge({}).sources) == {f"{section}.{name}" for section, name in PLACES}


@pytest.mark.parametrize(
    ("file", "revision", "on", "source"),
    [
        (None, None, True, "default"),
        (True, None, True, "file"),
        (False, None, False, "file"),
        (None, True, True, "revision 3"),
        (None, False, False, "revision 3"),
        (True, True, True, "revision 3"),
        (True, False, False, "revision 3"),
        (False, True, False, "file"),
        (False, False, False, "file"),
    ],
)
def test_merge_cache_is_on_only_where_both_say_so(
    file: bool | None, revision: bool | None, on: bool, source: str
) -> None:
    """The file can always switch the cache off, whatever a revision says."""
    effective = merge(_switch(file), _switch(revision), 3)
    assert effective.config.caching.enabled is on
    assert effective.sources["caching.enabled"] == source


@pytest.mark.parametrize("bad", [{"caching": {"enabled": 1}}, {"caching": {"size": 1}}])
def test_merge_bad_file_or_overlay_is_refused(bad: dict[str, Any]) -> None:
    """Each of the two is checked by itself."""
    with pytest.raises(InvalidConfig):
        merge(bad, {})
    with pytest.raises(InvalidConfig):
        merge({}, bad)


def _switch(value: bool | None) -> dict[str, Any]:
    return {} if value is None else {"caching": {"enabled": value}}


def _other(step: int) -> dict[str, dict[str, Any]]:
    """Legal values that differ from the defaults, and between steps."""
    others: dict[str, dict[str, Any]] = {}
    for section, name in PLACES:
        value = DEFAULTS[section][name]
        match value:
            case bool():
                other: Any = True
            case int() | float():
                other = value + step if value >= 2 else value + step / 10
            case "likelihood":
                other = "schema"
            case str():
                other = f"{step}h"
            case list():
                other = [step]
            case dict():
                other = {"vision": step}
            case _:
                other = step
        others.setdefault(section, {})[name] = other
    return others


def _pick(places: set[tuple[str, str]], values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    picked: dict[str, dict[str, Any]] = {}
    for section, name in places:
        picked.setdefault(section, {})[name] = values[section][name]
    return picked
