"""Canonical keys: the same content and parameters give the same key in every process.

A key is HMAC-SHA-256, under the site's pepper, of the canonical JSON of {cache_type, content,
params}: sorted names, NFC strings, no number that JSON can't carry. The pepper keeps the hash of
a short text from being guessed.
"""

import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from cachestats.errors import InvalidKeyMaterial

CACHE_TYPE = re.compile(r"[a-z0-9_]{1,40}")
LEAST, GREATEST = -(2**63), 2**63 - 1
# Up to here a float that is whole and the integer are the same JSON number.
EXACT_FLOAT = 2.0**53


class Key(NamedTuple):
    """A key; `row_id` is its first 8 bytes as a signed integer, which SQLite finds fastest."""

    digest: bytes
    cache_type: str

    @property
    def row_id(self) -> int:
        return int.from_bytes(self.digest[:8], "big", signed=True)

    @property
    def hex(self) -> str:
        return self.digest.hex()

    @property
    def short(self) -> str:
        """The first 8 digits: enough to find the entry, too few to prove a text."""
        return self.hex[:8]


class Material(NamedTuple):
    """What a key is made of, in canonical JSON. Its texts are private: never shown or kept."""

    cache_type: str
    content: bytes
    params: bytes

    def __repr__(self) -> str:
        return f"Material({self.cache_type!r})"

    def key(self, pepper: bytes) -> Key:
        """Return the key."""
        return Key(_digest(pepper, self.cache_type, self.content, self.params), self.cache_type)

    def content_id(self, pepper: bytes) -> int:
        """Return a 64-bit number that is the same for the same content, type and scope.

        What another scope looked up is nobody's to know: not even that something else was changed.
        """
        scope = orjson.loads(self.params).get("scope")
        shared = b"{}" if scope is None else canonical({"scope": scope})
        digest = _digest(pepper, self.cache_type, self.content, shared)
        return int.from_bytes(digest[:8], "big", signed=True)

    def marks(self, pepper: bytes) -> str:
        """Return a short hash of each parameter, JSON: which of them differs, but not how."""
        secret = pepper[: hashlib.blake2b.MAX_KEY_SIZE]
        marks = {
            name: hashlib.blake2b(orjson.dumps(value), digest_size=4, key=secret).hexdigest()
            for name, value in orjson.loads(self.params).items()
        }
        return orjson.dumps(marks).decode()


def make_material(
    content: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    cache_type: str = "default",
) -> Material:
    """Return the canonical form of content and parameters.

    Raises:
        InvalidKeyMaterial: names the place in content or params that is not JSON, or the type.
    """
    if not CACHE_TYPE.fullmatch(cache_type):
        raise InvalidKeyMaterial("cache_type must be 1 to 40 of a-z, 0-9 and _")
    return Material(
        cache_type,
        canonical(content, "$.content"),
        b"{}" if params is None else canonical(params, "$.params"),
    )


def make_key(
    pepper: bytes,
    content: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    cache_type: str = "default",
) -> Key:
    """Return the key of this content under these parameters.

    Raises:
        InvalidKeyMaterial: as `make_material`.
    """
    return make_material(content, params, cache_type).key(pepper)


def fingerprint(pepper: bytes) -> str:
    """Return what tells one pepper from another and nothing more: 16 hexadecimal digits."""
    return hmac.digest(pepper, b"the pepper's fingerprint", "sha256").hex()[:16]


def _digest(pepper: bytes, cache_type: str, content: bytes, params: bytes) -> bytes:
    # The names stand in sorted order: these are the bytes of one canonical object.
    material = b'{"cache_type":"%b","content":%b,"params":%b}'
    return hmac.digest(pepper, material % (cache_type.encode(), content, params), "sha256")


def canonical(value: Any, place: str = "$") -> bytes:
    """Return the one JSON text of a value.

    Args:
        place: how error messages call the value.

    Raises:
        InvalidKeyMaterial: names the place that is not JSON.
    """
    try:
        # Most material is canonical as it comes; telling so takes a third of making it so.
        settled = value if _is_settled(value) else _normalise(value, place)
        return orjson.dumps(settled, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError) as exc:
        raise InvalidKeyMaterial(f"not JSON: {exc}") from exc


def _is_settled(value: Any) -> bool:
    """Return whether a value leaves nothing open; in doubt it does not."""
    kind = type(value)
    if kind is str:
        settled: bool = value.isascii()
    elif kind is int:
        settled = LEAST <= value <= GREATEST
    elif kind is float:
        settled = math.isfinite(value) and not value.is_integer()
    elif kind is dict:
        settled = all(type(name) is str and name.isascii() for name in value) and all(
            map(_is_settled, value.values())
        )
    elif kind is list:
        settled = all(map(_is_settled, value))
    else:
        settled = value is None or kind is bool
    return settled


def _normalise(value: Any, place: str) -> Any:
    """Return the value with what JSON leaves open settled."""
    match value:
        case str():
            return value if value.isascii() else _nfc(value, place)
        case None | bool():
            return value
        case int() if LEAST <= value <= GREATEST:
            return value
        case float() if math.isfinite(value):
            whole = value.is_integer() and abs(value) < EXACT_FLOAT
            return int(value) if whole else value
        case Mapping():
            names = {
                _name(name, place): _normalise(item, f"{place}.{name}")
                for name, item in value.items()
            }
            if len(names) != len(value):
                raise InvalidKeyMaterial(f"{place} has two names that are the same text")
            return names
        case list() | tuple():
            return [_normalise(item, f"{place}[{index}]") for index, item in enumerate(value)]
    raise InvalidKeyMaterial(
        f"{place} must be JSON: text, a number of 64 bits, true, false, null, a list or an object"
    )


def _name(name: object, place: str) -> str:
    if not isinstance(name, str):
        raise InvalidKeyMaterial(f"{place} has a name that is not text")
    return name if name.isascii() else _nfc(name, f"{place}: a name")


def _nfc(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidKeyMaterial(f"{place} is not Unicode text: {exc.reason}") from exc
    return unicodedata.normalize("NFC", text)
