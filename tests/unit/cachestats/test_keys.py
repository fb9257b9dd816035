"""Keys: what changes the answer changes the key, and nothing else does."""

import json
import math
import os
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cachestats.errors import InvalidKeyMaterial
from cachestats.keys import canonical, make_key, make_material

PEPPER = b"pepper"
# Nested JSON is slow to draw; forty pairs a run find what breaks.
few = settings(max_examples=40)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False)
NAMES = TEXT.map(lambda name: unicodedata.normalize("NFC", name))
JSON = st.recursive(
    SCALARS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=3)

IN_ANOTHER_PROCESS = """
import json, sys
from cachestats.keys import make_key
print(json.dumps([make_key(b"pepper", content, params, "api").hex
                  for content, params in json.load(sys.stdin)]))
"""


def _key(content: Any, params: Any = None, cache_type: str = "api", pepper: bytes = PEPPER) -> str:
    return make_key(pepper, content, params, cache_type).hex


def _reordered(value: Any) -> Any:
    """The same JSON value with the names of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: _reordered(item) for name, item in reversed(value.items())}
    return [_reordered(item) for item in value] if isinstance(value, list) else value


def _respelt(value: Any) -> Any:
    """The same JSON value with decomposed characters and whole numbers as floats."""
    match value:
        case str():
            return unicodedata.normalize("NFD", value)
        case dict():
            return {_respelt(name): _respelt(item) for name, item in value.items()}
        case list():
            return tuple(_respelt(item) for item in value)
        case int() if not isinstance(value, bool) and abs(value) < 2**53:
            return float(value)
    return value


def _refusal(content: Any) -> str:
    with pytest.raises(InvalidKeyMaterial) as caught:
        make_key(PEPPER, content)
    return str(caught.value)


# The same key


@few
@given(OBJECTS, OBJECTS)
def test_key_names_in_another_order_gives_same_key(
    content: dict[str, Any], params: dict[str, Any]
) -> None:
    """The order of an object's names does not matter, at any depth."""
    assert _key(_reordered(content), _reordered(params)) == _key(content, params)


@given(OBJECTS)
def test_key_equal_spelling_gives_same_key(content: dict[str, Any]) -> None:
    """NFC or NFD, 1 or 1.0, a list or a tuple: the same content."""
    assert _key(_respelt(content)) == _key(content)


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_key_another_process_and_hash_seed_gives_same_key(seed: str) -> None:
    """Every process makes the same key of the same content."""
    materials = [
        [{"text": "Ein Café am Fluß", "n": [1, 2.5, None, True]}, {"model": "a", "t": 0.3}],
        [{letter: {letter: index} for index, letter in enumerate("zyxwvabc")}, {}],
    ]
    child = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=json.dumps(materials),
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(child.stdout) == [_key(content, params) for content, params in materials]


def test_key_without_params_is_key_with_no_params() -> None:
    """None and an empty object of parameters are the same."""
    assert _key({"a": 1}, None) == _key({"a": 1}, {})


def test_key_negative_zero_gives_key_of_zero() -> None:
    """JSON knows one zero."""
    assert _key({"a": -0.0}) == _key({"a": 0})


# Another key


@few
@given(OBJECTS, OBJECTS)
def test_key_another_content_gives_another_key(
    content: dict[str, Any], other: dict[str, Any]
) -> None:
    """Contents whose JSON differs have different keys."""
    assume(canonical(content) != canonical(other))
    assert _key(content) != _key(other)


@few
@given(OBJECTS, OBJECTS)
def test_key_another_param_gives_another_key(params: dict[str, Any], other: dict[str, Any]) -> None:
    """Parameters whose JSON differs have different keys."""
    assume(canonical(params) != canonical(other))
    assert _key({"text": "t"}, params) != _key({"text": "t"}, other)


@few
@given(OBJECTS, OBJECTS)
def test_key_content_and_params_swapped_gives_another_key(
    content: dict[str, Any], params: dict[str, Any]
) -> None:
    """What is content and what is a parameter is part of the key."""
    assume(canonical(content) != canonical(params))
    assert _key(content, params) != _key(params, content)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (0, None), (1, "1"), ("", None), ([], {}), ([1], 1), ("a", "A")],
)
def test_key_look_alike_values_give_another_key(one: Any, other: Any) -> None:
    """Values that Python or people may take for the same are different JSON."""
    assert _key({"a": one}) != _key({"a": other})


def test_key_another_type_gives_another_key() -> None:
    """cache_type is part of the key."""
    assert _key({"a": 1}, cache_type="api") != _key({"a": 1}, cache_type="vision")


def test_key_another_pepper_gives_another_key() -> None:
    """Without the pepper nobody can tell the key of a text."""
    assert _key({"a": 1}, pepper=b"one") != _key({"a": 1}, pepper=b"other")


# What is no key material


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, b"bytes", 2**63, 2**64, -(2**63) - 1, {1, 2}, object(), 1j],
)
def test_key_not_json_is_refused_with_its_place(value: Any) -> None:
    """What JSON can't carry is an error that names where it is."""
    assert _refusal({"a": [0, {"b": value}]}).startswith("$.content.a[1].b must be JSON")


@pytest.mark.parametrize("name", [1, None, True, b"a", ("a",)])
def test_key_name_not_text_is_refused_with_its_place(name: Any) -> None:
    """Only text names a member; 1 and "1" are never mixed up."""
    assert _refusal({"a": {name: 1}}) == "$.content.a has a name that is not text"


def test_key_two_names_that_fold_to_one_are_refused() -> None:
    """Two spellings of one name would lose a value."""
    assert _refusal({"a": {"é": 1, "e\u0301": 2}}) == (
        "$.content.a has two names that are the same text"
    )


@pytest.mark.parametrize("value", ["\ud800", "text \udfff text", "\udcff"])
def test_key_lone_surrogate_is_refused_with_its_place(value: str) -> None:
    """A half of a character is not Unicode text, so not JSON."""
    assert _refusal({"a": [value]}).startswith("$.content.a[0] is not Unicode")


def test_key_lone_surrogate_in_name_is_refused_with_its_place() -> None:
    """Names are Unicode text too, and the message itself can be logged."""
    message = _refusal({"a": {"\ud800": 1}})
    assert message.startswith("$.content.a: a name is not Unicode")
    assert message.encode()


def test_key_bad_params_are_refused_with_their_place() -> None:
    """The place tells content and params apart."""
    with pytest.raises(InvalidKeyMaterial, match=r"^\$\.params\.t must be JSON"):
        make_key(PEPPER, {}, {"t": math.nan})


def test_key_content_that_holds_itself_is_refused() -> None:
    """Endless content is an error of the same family, not a crash."""
    content: dict[str, Any] = {}
    content["a"] = content
    assert _refusal(content).startswith("not JSON")


@pytest.mark.parametrize(
    "cache_type", ["", "API", "a-b", "a b", "a\n", "é", "١", "a" * 41, "api/../x"]
)
def test_key_bad_type_is_refused(cache_type: str) -> None:
    """The message says what a type may be made of."""
    with pytest.raises(InvalidKeyMaterial, match="1 to 40 of a-z, 0-9 and _"):
        make_key(PEPPER, {}, cache_type=cache_type)


@pytest.mark.parametrize("cache_type", ["a", "stage1_enrichment", "a" * 40, "_", "0"])
def test_key_good_type_is_accepted(cache_type: str) -> None:
    """Any name of 1 to 40 of a-z, 0-9 and _ is a type."""
    assert make_key(PEPPER, {}, cache_type=cache_type).cache_type == cache_type


# The parts of a key


@given(OBJECTS)
def test_key_row_id_is_first_8_bytes_signed(content: dict[str, Any]) -> None:
    """row_id is the digest's first 8 bytes as SQLite's signed integer."""
    key = make_key(PEPPER, content)
    assert key.row_id.to_bytes(8, "big", signed=True) == key.digest[:8]


def test_key_hex_and_short_are_digits_of_the_digest() -> None:
    """A key is 64 hexadecimal digits, and short its first 8."""
    key = make_key(PEPPER, {"a": 1})
    assert bytes.fromhex(key.hex) == key.digest
    assert len(key.digest) == 32
    assert key.short == key.hex[:8]


def test_key_canonical_is_sorted_compact_json_in_nfc() -> None:
    """The text under the hash is pinned: a change of it makes every stored entry a miss."""
    value = {"b": [1.0, 0.5, None], "a": "e\u0301", "é": True}
    assert canonical(value) == '{"a":"é","b":[1,0.5,null],"é":true}'.encode()


def test_key_of_known_material_never_changes() -> None:
    """The whole key is pinned, so that an upgrade does not empty the cache by accident."""
    assert _key({"text": "A café."}, {"model": "m", "temperature": 0.3}) == (
        "3a84d0758855118adde5f1a097ea30b7b5438c01fb9e52d3faf1fd57f21f6155"
    )


def test_material_of_another_scope_is_other_content() -> None:
    """Of what another scope looked up, not even that it was looked up can be told."""

    def number(params: dict[str, Any] | None) -> int:
        return make_material({"text": "meh"}, params, "stage1").content_id(PEPPER)

    assert number({"scope": "owner:ada", "model": "m"}) == number({"scope": "owner:ada"})
    assert number({"scope": "owner:ada"}) != number({"scope": "owner:bob"})
    assert number({"model": "m"}) == number(None) != number({"scope": "site"})
