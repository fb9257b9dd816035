"""PerfCache over a real SQLite file: what goes in comes out, or it is computed again."""

import json
import math
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cachestats.cache import CacheState
from cachestats.config.schema import Caching
from cachestats.errors import InvalidKeyMaterial, InvalidValue
from cachestats.keys import make_key
from cachestats.models import CacheEntry, EntryUse
from cachestats.stores import SqliteStore

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "cache"])

CONTENT = {"text": "Rain on the roof."}
PARAMS = {"model": "small"}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


class Colour(Enum):
    RED = (1,)


def _never() -> Any:
    pytest.fail("the stored answer was computed again")


# What goes in comes out


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON)
def test_set_any_json_comes_back_byte_for_byte(bench: Any, value: Any) -> None:
    """A hit is the stored value: equal, of the same types, in the same order."""
    assert bench.cache.set(CONTENT, value)
    found = bench.cache.peek(CONTENT)
    assert found.state is CacheState.HIT
    assert orjson.dumps(found.value) == orjson.dumps(value)


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}, "123", "null", 123, 1.0, True])
def test_get_or_compute_falsy_or_look_alike_is_a_hit(bench: Any, value: Any) -> None:
    """No value is taken for a miss, and none changes its type."""
    bench.cache.get_or_compute(CONTENT, lambda: value)
    found = bench.cache.get_or_compute(CONTENT, _never)
    assert found.state is CacheState.HIT
    assert json.dumps(found.value) == json.dumps(value)


def test_get_or_compute_missing_computes_stores_and_tells(bench: Any) -> None:
    """A miss says what it computed, that it was stored and for how long."""
    found = bench.cache.get_or_compute(CONTENT, lambda: "fresh", PARAMS, ttl=60, cache_type="api")
    assert (found.value, found.state, found.stored) == ("fresh", CacheState.MISS, True)
    assert (found.age_seconds, found.ttl_seconds, found.model) == (0, 60, "small")
    assert found.cost_ms <= found.latency_ms
    assert found.key == make_key(b"pepper", CONTENT, PARAMS, "api")


def test_get_or_compute_stored_tells_age_ttl_model_and_cost(bench: Any) -> None:
    """A hit knows what its entry knows."""
    cold = bench.cache.get_or_compute(CONTENT, lambda: "fresh", PARAMS, ttl=60)
    bench.now_ms += 20_000
    warm = bench.cache.get_or_compute(CONTENT, _never, PARAMS)
    assert (warm.value, warm.state, warm.stored) == ("fresh", CacheState.HIT, True)
    assert (warm.age_seconds, warm.ttl_seconds, warm.model) == (20, 40, "small")
    assert (warm.key, warm.cost_ms) == (cold.key, cold.cost_ms)


def test_get_missing_returns_default(bench: Any) -> None:
    """Without an entry, get gives what it was told to."""
    assert bench.cache.get(CONTENT) is None
    assert bench.cache.get(CONTENT, default="none") == "none"


def test_set_again_replaces_value_and_starts_its_time_anew(bench: Any) -> None:
    """There is one entry a key: the newest."""
    bench.cache.set(CONTENT, "old", ttl=60)
    bench.now_ms += 50_000
    bench.cache.set(CONTENT, "new", ttl=60)
    bench.now_ms += 50_000
    assert bench.cache.get(CONTENT) == "new"
    assert CacheEntry.objects.count() == 1


def test_set_row_holds_what_admin_and_purge_need(bench: Any) -> None:
    """The row that the store writes is the model's."""
    bench.cache.set(CONTENT, {"é": 1}, PARAMS, ttl=60, cache_type="api")
    entry = CacheEntry.objects.get()
    assert entry.key == make_key(b"pepper", CONTENT, PARAMS, "api").hex
    assert (entry.cache_type, entry.model, entry.cost_ms) == ("api", "small", None)
    assert bytes(entry.value) == '{"é":1}'.encode()
    assert entry.size_bytes == len(entry.value)
    assert (entry.created_ms, entry.expires_ms) == (bench.now_ms, bench.now_ms + 60_000)


def test_key_parts_do_not_share_entries(bench: Any) -> None:
    """Another content, parameter or type is another entry."""
    bench.cache.set(CONTENT, "stored", PARAMS, cache_type="api")
    assert bench.cache.get({"text": "Sun."}, PARAMS, "api") is None
    assert bench.cache.get(CONTENT, {"model": "big"}, "api") is None
    assert bench.cache.get(CONTENT, PARAMS, "vision") is None
    assert bench.cache.get(CONTENT, PARAMS, "api") == "stored"


# What is refused


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        [(1,)],
        math.nan,
        [math.inf],
        2**64,
        2**70,
        -(2**63) - 1,
        b"bytes",
        {1: "a"},
        {"a", "b"},
        "\ud800",
        datetime(2026, 1, 1, tzinfo=UTC),
        UUID(int=0),
        Colour.RED,
        object(),
    ],
)
def test_set_not_json_is_refused_and_nothing_stored(bench: Any, value: Any) -> None:
    """What would come back changed never goes in."""
    with pytest.raises(InvalidValue):
        bench.cache.set(CONTENT, value)
    assert not CacheEntry.objects.exists()


@pytest.mark.parametrize("ttl", [-1, 10**12, 10**30])
def test_set_ttl_out_of_range_is_refused(bench: Any, ttl: int) -> None:
    """A time to live is 0 or more seconds, and no more than a date can hold."""
    with pytest.raises(InvalidValue, match="ttl must be 0"):
        bench.cache.set(CONTENT, 1, ttl=ttl)


def test_get_or_compute_bad_key_material_is_refused_before_computing(bench: Any) -> None:
    """What can't be a key is the caller's error, and costs no computing."""
    with pytest.raises(InvalidKeyMaterial):
        bench.cache.get_or_compute({"x": math.nan}, _never)


def test_get_or_compute_raising_stores_nothing_and_passes_the_error(bench: Any) -> None:
    """An error is never cached: the next look-up computes again."""

    def broken() -> Any:
        raise ZeroDivisionError("of the model")

    with pytest.raises(ZeroDivisionError, match="of the model"):
        bench.cache.get_or_compute(CONTENT, broken)
    assert not CacheEntry.objects.exists()
    assert bench.cache.get_or_compute(CONTENT, lambda: 1).state is CacheState.MISS


# Time to live


def test_get_or_compute_ttl_0_is_not_stored(bench: Any) -> None:
    """0 means: do not store."""
    found = bench.cache.get_or_compute(CONTENT, lambda: 1, ttl=0)
    assert (found.state, found.stored, found.ttl_seconds) == (CacheState.MISS, False, 0)
    assert not CacheEntry.objects.exists()
    assert bench.cache.set(CONTENT, 1, ttl=0) is False


@pytest.mark.parametrize(("cache_type", "seconds"), [("api", 7), ("vision", 9), ("default", 9)])
def test_set_ttl_none_is_the_types_default(bench: Any, cache_type: str, seconds: int) -> None:
    """Without a time to live, tuning says it, by type."""
    bench.tuning = Caching(ttl_api=7, default_ttl=9)
    found = bench.cache.get_or_compute(CONTENT, lambda: 1, cache_type=cache_type)
    assert found.ttl_seconds == seconds


def test_get_at_the_end_of_its_time_is_a_miss(bench: Any) -> None:
    """An entry lives for its time to live and not a millisecond more."""
    bench.cache.set(CONTENT, "stored", ttl=10)
    bench.now_ms += 9_999
    assert bench.cache.get(CONTENT) == "stored"
    bench.now_ms += 1
    assert bench.cache.get(CONTENT) is None


def test_get_or_compute_expired_is_computed_and_lives_again(bench: Any) -> None:
    """An expired entry is a miss that is replaced."""
    bench.cache.set(CONTENT, "old", ttl=10)
    bench.now_ms += 10_000
    assert bench.cache.get_or_compute(CONTENT, lambda: "new", ttl=10).state is CacheState.MISS
    assert bench.cache.get(CONTENT) == "new"


def test_get_clock_set_back_has_no_negative_age(bench: Any) -> None:
    """A clock that was put back does not make an answer from the future look odd."""
    bench.cache.set(CONTENT, "stored", ttl=10)
    bench.now_ms -= 5_000
    assert bench.cache.peek(CONTENT).age_seconds == 0


# Damaged rows


def test_get_or_compute_flipped_byte_is_computed_again(bench: Any, caplog: Any) -> None:
    """A value that fails its checksum is never served: miss, a warning by key, a new entry."""
    bench.cache.set(CONTENT, "stored")
    CacheEntry.objects.update(value=b'"stOred"')
    found = bench.cache.get_or_compute(CONTENT, lambda: "computed")
    assert (found.value, found.state, found.stored) == ("computed", CacheState.MISS, True)
    assert [record.getMessage() for record in caplog.records] == [
        f"[CACHE] Entry {found.key.short} is damaged and is computed again"
    ]
    assert bench.cache.get(CONTENT) == "computed"


def test_get_flipped_byte_deletes_the_entry_and_its_use(bench: Any) -> None:
    """A damaged entry is not kept to be found again."""
    bench.cache.set(CONTENT, "stored")
    bench.cache.get(CONTENT)
    bench.cache.flush()
    CacheEntry.objects.update(checksum=1)
    assert bench.cache.get(CONTENT) is None
    assert not CacheEntry.objects.exists()
    assert not EntryUse.objects.exists()


@pytest.mark.parametrize("column", ["value", "expires_ms", "created_ms", "checksum", "cost_ms"])
@pytest.mark.parametrize("wrong", ["text", b"\xff"])
def test_get_or_compute_column_of_a_wrong_type_never_fails(
    bench: Any, column: str, wrong: Any
) -> None:
    """SQLite keeps no types, so damage can change them: right answer, no error."""
    found = bench.cache.get_or_compute(CONTENT, lambda: "answer")
    _write(bench.path, f"UPDATE cachestats_cacheentry SET {column} = ?", wrong)
    assert bench.cache.get_or_compute(CONTENT, lambda: "answer").value == found.value
    bench.cache.flush()


def test_get_or_compute_intact_but_not_json_is_computed_again(bench: Any) -> None:
    """A checksum over something else than JSON, as by a foreign hand, is no hit."""
    bench.cache.set(CONTENT, "stored")
    CacheEntry.objects.update(value=b"", checksum=0)
    assert bench.cache.get_or_compute(CONTENT, lambda: "computed").value == "computed"


def test_get_same_row_of_another_digest_is_a_miss(bench: Any) -> None:
    """Two keys that share their first 64 bits share a row, but never an answer."""
    bench.cache.set(CONTENT, "stored")
    digest = make_key(b"pepper", CONTENT).digest
    CacheEntry.objects.update(digest=digest[:8] + bytes(24))
    found = bench.cache.get_or_compute(CONTENT, lambda: "computed")
    assert (found.value, found.state) == ("computed", CacheState.MISS)
    assert bytes(CacheEntry.objects.get().digest) == digest


def test_get_another_pepper_is_a_miss(bench: Any) -> None:
    """A site with another pepper can't read this one's entries."""
    bench.cache.set(CONTENT, "stored")
    stranger = bench.another()
    stranger._pepper = b"another"
    assert stranger.get(CONTENT) is None


# Switched off


def test_get_or_compute_disabled_bypasses_and_writes_nothing(bench: Any) -> None:
    """While the cache is off it neither answers nor stores."""
    bench.cache.set(CONTENT, "stored")
    bench.tuning = Caching(enabled=False)
    found = bench.cache.get_or_compute(CONTENT, lambda: "computed")
    assert (found.value, found.state, found.stored) == ("computed", CacheState.BYPASS, False)
    assert bench.cache.set({"text": "other"}, 1) is False
    assert bench.cache.get(CONTENT) is None
    assert bench.cache.peek(CONTENT) is None
    assert bytes(CacheEntry.objects.get().value) == b'"stored"'


def test_get_enabled_again_finds_what_was_stored_before(bench: Any) -> None:
    """Tuning is asked on each look-up: on and off need no restart and lose nothing."""
    bench.cache.set(CONTENT, "stored")
    bench.tuning = Caching(enabled=False)
    assert bench.cache.get(CONTENT) is None
    bench.tuning = Caching()
    assert bench.cache.get(CONTENT) == "stored"


def _write(path: Path, statement: str, value: Any) -> None:
    store = SqliteStore(path)
    store._connection().execute(statement, (value,))
