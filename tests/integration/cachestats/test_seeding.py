"""Made-up data: valid, reproducible, and in step with the totals."""

from datetime import UTC, datetime, timedelta
from zlib import crc32

import orjson
import pytest
from django.db.models import Count, Sum
from django.test import Client
from django.urls import reverse

from cachestats.listing import find_entry
from cachestats.models import CacheEntry, EntryTotal, EntryUse, LookupTotal, WorthSnapshot
from cachestats.reports import cache_report
from cachestats.seeding import seed
from cachestats.spans import RANGES
from cachestats.trends import cache_trend
from cachestats.worth import entry_worth

pytestmark = pytest.mark.usefixtures("bench", "main_database")

WEEK = 7


@pytest.fixture
def now() -> datetime:
    """The end of a week in which something happened."""
    now = datetime.now(UTC)
    seed(400, 3_000, WEEK, 1, now)
    return now


def test_seed_makes_whole_entries(now: datetime) -> None:
    """Each has a value that fits its checksum and size, a life, and a row of use that agrees."""
    uses = EntryUse.objects.in_bulk()
    assert len(uses) == 400
    for entry in CacheEntry.objects.all():
        value, use = bytes(entry.value), uses[entry.id]
        assert (crc32(value), len(value)) == (entry.checksum, entry.size_bytes)
        assert orjson.loads(value)["provenance"]["engine"] == "seed"
        assert entry.id == int.from_bytes(bytes(entry.digest)[:8], "big", signed=True)
        assert entry.created_at <= now < entry.expires_at
        assert now - entry.created_at <= timedelta(days=WEEK)
        assert entry.created_ms <= use.used_ms
        assert (use.size_bytes, use.cost_ms) == (entry.size_bytes, entry.cost_ms)


def test_seed_entries_are_shown(now: datetime, admin_client: Client) -> None:
    """In lists of entries and on the admin's page."""
    entry = CacheEntry.objects.all()[0]
    found = find_entry(entry.key[:16])
    assert found is not None
    assert (found.type, found.cost_ms) == (entry.cache_type, entry.cost_ms)
    page = admin_client.get(reverse("admin:cachestats_cacheentry_change", args=[entry.pk]))
    assert entry.key in page.text


def test_seed_keeps_totals_true(now: datetime) -> None:
    """Of entries by type, and of look-ups since the first."""
    listed = EntryUse.objects.order_by("cache_type").values_list("cache_type")
    totals = EntryTotal.objects.order_by("cache_type").values_list()
    assert list(totals) == list(listed.annotate(Count("id"), Sum("size_bytes")))
    assert LookupTotal.objects.aggregate(Sum("count")) == {"count__sum": 3_000}


def test_seed_is_shown_by_all_reports(now: datetime) -> None:
    """A hit rate that rises, reasons, time saved and worth."""
    trend = cache_trend(RANGES["7d"], now)
    assert 2_900 <= trend.overall.lookups <= 3_000
    early, late = (
        sum(trend.answered[part]) / sum(trend.lookups[part])
        for part in (slice(0, 28), slice(-28, None))
    )
    assert early < late
    assert trend.overall.time_saved_seconds > 0
    assert len(trend.reasons) >= 4
    assert cache_report(timedelta(days=WEEK)).overall.lookups == pytest.approx(3_000, abs=100)
    worth = entry_worth(400)
    assert worth is not None
    assert worth.entries == 400
    assert WorthSnapshot.objects.get().entries == 400


def test_seed_again_adds_no_entries(now: datetime) -> None:
    """The same seed names the same entries."""
    before = list(EntryUse.objects.order_by("id").values_list("id", flat=True))
    seed(400, 0, WEEK, 1, now)
    assert list(EntryUse.objects.order_by("id").values_list("id", flat=True)) == before
    assert EntryTotal.objects.aggregate(Sum("entries")) == {"entries__sum": 400}


def test_seed_is_the_same_again(now: datetime) -> None:
    """For a site that was emptied between."""
    before = list(EntryUse.objects.order_by("id").values_list()), cache_trend(RANGES["7d"], now)
    CacheEntry.objects.all().delete()
    EntryUse.objects.all().delete()
    seed(400, 0, WEEK, 1, now)
    assert (
        list(EntryUse.objects.order_by("id").values_list()),
        cache_trend(RANGES["7d"], now),
    ) == (before)
