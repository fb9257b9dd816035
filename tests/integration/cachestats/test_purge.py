"""Deleting from the cache: purges by filter, expiry, and eviction by least recent use."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from cachestats import services
from cachestats.errors import InvalidFilter
from cachestats.models import Audit, CacheEntry, EntryTotal, EntryUse, LookupBatch, LookupSpan, Span
from cachestats.services import (
    PurgeFilter,
    PurgePreview,
    PurgeResult,
    TypePurgePreview,
    evict,
    expire,
    preview_purge,
    purge,
    relist,
    removal,
    sweep,
    upkeep,
)
from tests.databases import content

pytestmark = pytest.mark.django_db(databases=["default", "cache"])

DAY = 86_400


def _left() -> set[str]:
    """The first two digits of the keys that are still there."""
    return {entry.key[:2] for entry in CacheEntry.objects.all()}


def _problems(**filters: Any) -> dict[str, str]:
    with pytest.raises(InvalidFilter) as caught:
        PurgeFilter(**filters)
    return {error.field: error.message for error in caught.value.errors}


# Filters


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"type": "api"}, {"bb", "cc", "dd"}),
        ({"model": "small"}, {"aa", "cc", "dd"}),
        ({"key": "cc000000"}, {"aa", "bb", "dd"}),
        ({"older_than": "7d"}, {"aa", "bb", "dd"}),
        ({"expired": True}, {"aa", "bb", "cc"}),
        ({"all": True}, set()),
        ({"type": "vision"}, {"aa", "bb", "cc", "dd"}),
    ],
)
def test_purge_by_filter_deletes_what_matches(
    entry: Any, filters: dict[str, Any], left: set[str]
) -> None:
    """Each filter deletes its entries and no other."""
    entry("aa", type="api")
    entry("bb", model="small")
    entry("cc", age=8 * DAY)
    entry("dd", expired=True)
    purge(PurgeFilter(**filters), "somebody")
    assert _left() == left


def test_purge_filters_combine_with_and(entry: Any) -> None:
    """Each further filter narrows, also beside `all`."""
    entry("aa", type="api", model="small", age=2 * DAY)
    entry("bb", type="api", model="small")
    entry("cc", type="api", model="big", age=2 * DAY)
    entry("dd", type="vision", model="small", age=2 * DAY)
    purge(PurgeFilter(type="api", model="small", older_than="1d", all=True), "somebody")
    assert _left() == {"bb", "cc", "dd"}


@pytest.mark.parametrize(
    ("age", "seconds"), [("90s", 90), ("90m", 5400), ("2h", 7200), ("3d", 3 * DAY), ("0s", 0)]
)
def test_purge_older_than_reads_each_unit(entry: Any, age: str, seconds: int) -> None:
    """Seconds, minutes, hours and days; an entry of just that age goes."""
    entry("aa", age=seconds)
    entry("bb", age=seconds - 30)
    purge(PurgeFilter(older_than=age), "somebody")
    assert _left() == {"bb"}


@pytest.mark.parametrize("first", ["00", "7f", "80", "ff"])
@pytest.mark.parametrize("length", [8, 9, 15, 16, 17, 40, 64])
def test_purge_by_key_takes_any_prefix_of_8_to_64_digits(
    entry: Any, first: str, length: int
) -> None:
    """Any prefix finds its entry and no neighbour, also where the first bit makes ids negative."""
    key = f"{first}0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"
    entry(key)
    changed = "f" if key[length - 1] != "f" else "e"
    neighbour = (f"{key[: length - 1]}{changed}", f"{key[:7]}f")[length > 16]
    entry(neighbour)

    result = purge(PurgeFilter(key=key[:length]), "somebody")

    assert result.deleted == 1
    assert not CacheEntry.objects.with_key(key[:8]).filter(digest=bytes.fromhex(key)).exists()


def test_purge_by_key_beyond_the_row_id_compares_the_whole_key(entry: Any) -> None:
    """A row that shares the first 64 bits with another key is not that key's."""
    entry("ab" * 8 + "00")
    assert purge(PurgeFilter(key="ab" * 8 + "11"), "somebody").deleted == 0


# What is no filter


@pytest.mark.parametrize("filters", [{}, {"expired": False, "all": False}, {"type": None}])
def test_filter_without_any_part_is_refused(filters: dict[str, Any]) -> None:
    """No filter never means everything; the error names what is accepted."""
    assert _problems(**filters) == {
        "filter": "give at least one of: type, model, key, older_than, expired or all"
    }


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        ("type", "API", "must be 1 to 40 of a-z, 0-9 and _"),
        ("key", "abc1234", "must be 8 to 64 hexadecimal digits"),
        ("key", "a" * 65, "must be 8 to 64 hexadecimal digits"),
        ("key", "ghijklmn", "must be 8 to 64 hexadecimal digits"),
        ("key", "ABCDEF01", "must be 8 to 64 hexadecimal digits"),
        ("older_than", "7", "must be a number and s, m, h or d: 7d"),
        ("older_than", "7w", "must be a number and s, m, h or d: 7d"),
        ("older_than", "-7d", "must be a number and s, m, h or d: 7d"),
        ("older_than", "1.5d", "must be a number and s, m, h or d: 7d"),
        ("older_than", "1000000d", "must be a number and s, m, h or d: 7d"),
        ("model", "\udcff", "must be Unicode text"),
    ],
)
def test_filter_wrong_part_is_refused_by_name(field: str, wrong: str, message: str) -> None:
    """A part that can't be read is an error that says what is accepted."""
    assert _problems(**{field: wrong}) == {field: message}


def test_filter_several_wrong_parts_are_all_told() -> None:
    """All faults are told at once."""
    assert set(_problems(type="API", key="x", older_than="soon")) == {"type", "key", "older_than"}


# What a purge returns and leaves


def test_purge_returns_what_went_and_writes_the_audit(entry: Any) -> None:
    """Who purged, with which filters, how many entries and how many bytes."""
    entry("aa", type="api", size=100, cost_ms=1500.0)
    entry("bb", type="api", size=20)
    result = purge(PurgeFilter(type="api", older_than="0s"), "ada")
    assert result == PurgeResult(
        matched=2,
        deleted=2,
        freed_bytes=120,
        dry_run=False,
        matched_bytes=120,
        cost_seconds=1.5,
        audit_id=Audit.objects.get().pk,
    )
    audit = Audit.objects.get()
    assert (audit.actor, audit.deleted, audit.freed_bytes) == ("ada", 2, 120)
    assert audit.filters == {"type": "api", "older_than": "0s"}
    assert datetime.now(UTC) - audit.at < timedelta(minutes=1)


def test_purge_audit_tells_every_part_that_was_given(entry: Any) -> None:
    """An empty model, which is a filter too, stands in the audit."""
    entry("aa", model="small")
    entry("bb", model="")
    purge(PurgeFilter(model="", expired=False, all=True), "ada")
    assert _left() == {"aa"}
    assert Audit.objects.get().filters == {"model": "", "all": True}


def test_purge_of_nothing_is_audited_too() -> None:
    """Nothing matched: no error, and the audit says that it was asked."""
    assert purge(PurgeFilter(all=True), "ada").deleted == 0
    assert Audit.objects.get().deleted == 0


def test_purge_dry_run_deletes_nothing_and_leaves_no_audit(entry: Any) -> None:
    """A dry run only counts: entries, their bytes, and what they would cost again."""
    entry("aa", size=30, cost_ms=2500.0)
    result = purge(PurgeFilter(all=True), "ada", dry_run=True)
    assert result == PurgeResult(
        matched=1, deleted=0, freed_bytes=0, dry_run=True, matched_bytes=30, cost_seconds=2.5
    )
    assert _left() == {"aa"}
    assert not Audit.objects.exists()


def test_preview_tells_the_worth_of_each_type(bench: Any, entry: Any) -> None:
    """Counts, bytes and what computing again costs are added up by type, in one query."""
    entry("aa", type="stage2_enrichment", size=900, cost_ms=4000.0, age=9 * DAY)
    entry("bb", type="stage2_enrichment", size=100, cost_ms=500.0, age=9 * DAY)
    entry("cc", type="api", size=50, age=9 * DAY)
    entry("dd", type="api", size=70, cost_ms=9000.0)
    with CaptureQueriesContext(connections["cache"]) as asked:
        found = preview_purge(PurgeFilter(older_than="7d"))
    assert len(asked) == 1
    assert found == PurgePreview(
        matched=3,
        bytes=1050,
        cost_seconds=4.5,
        by_type=(
            TypePurgePreview(type="api", matched=1, bytes=50, cost_seconds=0.0),
            TypePurgePreview(type="stage2_enrichment", matched=2, bytes=1000, cost_seconds=4.5),
        ),
    )


def test_preview_of_nothing_is_zero() -> None:
    """Where nothing matches there is no type either."""
    found = preview_purge(PurgeFilter(all=True))
    assert found == PurgePreview(matched=0, bytes=0, cost_seconds=0, by_type=())


def test_purge_remembers_what_went_for_its_next_miss(entry: Any) -> None:
    """Of an entry that was purged it stays known that it was, and it counts no more."""
    gone, kept = entry("aa", type="api", used=5), entry("bb", used=5)
    purge(PurgeFilter(type="api"), "ada")
    assert dict(EntryUse.objects.values_list("id", "gone")) == {gone.id: "purged", kept.id: ""}
    assert services.count_entries() == 1


def test_purge_remembers_so_many_and_no_more(entry: Any, monkeypatch: Any) -> None:
    """What is known of entries that are gone is bounded."""
    monkeypatch.setattr(removal, "GONE_KEPT", 3)
    monkeypatch.setattr(removal, "BATCH_ROWS", 2)
    for number in range(9):
        entry(f"a{number}")
    purge(PurgeFilter(all=True), "ada")
    assert EntryUse.objects.filter(gone="purged").count() == 4
    monkeypatch.setattr(upkeep, "GONE_KEPT", 1)
    sweep()
    assert EntryUse.objects.count() == 1


def test_purge_beyond_a_batch_deletes_everything(entry: Any, monkeypatch: Any) -> None:
    """More entries than a batch holds go batch by batch."""
    monkeypatch.setattr(removal, "BATCH_ROWS", 2)
    for number in range(5):
        entry(f"a{number}", size=10)
    assert purge(PurgeFilter(all=True), "ada").freed_bytes == 50
    assert _left() == set()


def test_forget_entry_leaves_no_row_no_bytes_and_no_audit(entry: Any, bench: Any) -> None:
    """What is forgotten leaves nothing: not in the tables, the file or its log."""
    value = b"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"
    forgotten, kept = entry("aa", size=42, used=5), entry("bb")
    services.forget_entries([forgotten.key])
    assert [row.id for row in CacheEntry.objects.all()] == [kept.id]
    assert [use.id for use in EntryUse.objects.all()] == [kept.id]
    assert not Audit.objects.exists()
    files = [bench.path, bench.path.with_name(f"{bench.path.name}-wal")]
    assert not any(value in content(file) for file in files if file.exists())


# Expiry and eviction


def test_count_entries_counts_expired_ones_too(entry: Any) -> None:
    """What is still in the file is counted."""
    entry("aa", expired=True)
    entry("bb")
    assert services.count_entries() == 2


def test_expire_deletes_what_is_past_its_time(entry: Any) -> None:
    """Live entries stay, and how many went is returned."""
    entry("aa", expired=True, used=5)
    entry("bb")
    assert expire() == 1
    assert _left() == {"bb"}
    assert sorted(EntryUse.objects.values_list("gone", flat=True)) == ["", "expired"]


def test_expire_leaves_what_was_stored_again_meanwhile(entry: Any) -> None:
    """The list may lag behind: an entry with a new life is not taken for the old one."""
    again = entry("aa", expired=True)
    CacheEntry.objects.filter(id=again.id).update(expires_ms=again.expires_ms + DAY * 1000)
    assert expire() == 0
    assert _left() == {"aa"}


def test_relist_makes_lists_and_totals_agree_with_the_entries(entry: Any) -> None:
    """What a killed process left unlisted is listed; what is listed and not there goes."""
    entry("aa", type="api", size=30, used=5)
    unlisted, vanished = entry("bb", size=20), entry("cc", size=7)
    EntryUse.objects.filter(id=unlisted.id).delete()
    CacheEntry.objects.filter(id=vanished.id).delete()
    EntryTotal.objects.all().delete()
    relist()
    assert {use.id for use in EntryUse.objects.filter(gone="")} == {
        entry.id for entry in CacheEntry.objects.all()
    }
    totals = EntryTotal.objects.values_list("cache_type", "entries", "size_bytes")
    assert sorted(totals) == [("api", 1, 30), ("default", 1, 20)]


def test_evict_takes_the_least_recently_used_until_the_rest_fits(entry: Any) -> None:
    """The oldest use goes first, one never used counts from when it was made, and no more goes."""
    entry("aa", size=100, age=90, used=10)
    entry("bb", size=100, age=80, used=70)
    entry("cc", size=100, age=50)
    entry("dd", size=100, age=40, used=30)
    assert evict(250) == 2
    assert _left() == {"aa", "dd"}


def test_evict_entry_computed_again_counts_from_then(entry: Any) -> None:
    """The use of an entry's former life does not make a fresh answer the first to go."""
    entry("aa", size=100, age=1, used=900)
    entry("bb", size=100, age=500)
    evict(100)
    assert _left() == {"aa"}


@pytest.mark.parametrize("max_bytes", [200, 10_000])
def test_evict_what_fits_deletes_nothing(entry: Any, max_bytes: int) -> None:
    """Up to the bound nothing goes."""
    entry("aa", size=100)
    entry("bb", size=100)
    assert evict(max_bytes) == 0


def test_evict_beyond_a_batch_goes_on_until_the_rest_fits(entry: Any, monkeypatch: Any) -> None:
    """Batches bound a deletion, not what is deleted."""
    monkeypatch.setattr(upkeep, "BATCH_ROWS", 2)
    for number in range(7):
        entry(f"a{number}", size=10, age=number)
    assert evict(20) == 5
    assert _left() == {"a0", "a1"}


def test_evict_empty_cache_deletes_nothing() -> None:
    """An empty cache fits."""
    assert evict(0) == 0


def test_sweep_keeps_cache_and_counts_within_bounds(
    entry: Any, settings: Any, tmp_path: Any
) -> None:
    """Expired entries, then what exceeds max_bytes, and counts of more than 31 days go."""
    settings.PERF_CONFIG = tmp_path / "perf.json"
    settings.PERF_CONFIG.write_text('{"caching": {"max_bytes": 1048576}}')
    entry("aa", expired=True, size=1_000_000)
    entry("bb", size=1_000_000, age=20)
    entry("cc", size=1_000_000, age=10)
    now = datetime.now(UTC)
    for days in (29, 32):
        LookupBatch.objects.create(
            at=now - timedelta(days=days),
            state="hit",
            count=1,
            latency_ms=days,
            latencies=b"",
            costs=b"",
        )
    sweep()
    assert _left() == {"cc"}
    assert LookupSpan.objects.get(seconds=Span.HOUR).latency_ms == 29
