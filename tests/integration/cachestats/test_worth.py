"""What entries are worth: shares, what is dead, the worthiest, and who works it out when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F
from pytest_django import DjangoAssertNumQueries

from cachestats import worth
from cachestats.models import CacheEntry, EntryUse, WorthSnapshot
from cachestats.services import count_up
from cachestats.worth import EVERY, EntryWorth, entry_worth, weigh

pytestmark = pytest.mark.usefixtures("bench", "main_database")

DAY = 86_400
# Of a cache that is looked at as it is.
FEW = 10
Entry = Callable[..., CacheEntry]


def _use(found: CacheEntry, hits: int, cost_ms: float | None) -> None:
    EntryUse.objects.filter(id=found.id).update(hits=hits, cost_ms=cost_ms)


def _worth() -> EntryWorth:
    found = entry_worth(FEW)
    assert found is not None
    return found


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any cache counts as large, and a page has two rows."""
    monkeypatch.setattr(worth, "SMALL", 0)
    monkeypatch.setattr(worth, "PAGE_ROWS", 2)


def test_worth_of_an_empty_cache_has_no_curve() -> None:
    """Nothing was saved, which is no straight line."""
    found = _worth()
    assert (found.entries, found.bytes, found.curve) == (0, 0, [])


def test_worth_curve_puts_the_worthiest_first(entry: Entry) -> None:
    """A tenth of the bytes saves 90 % of the time, and half of them nothing."""
    _use(entry("aa", size=100), 9, 1000.0)
    _use(entry("bb", size=400), 1, 1000.0)
    _use(entry("cc", size=300), 0, 1000.0)
    _use(entry("dd", size=200), 3, None)
    found = _worth()
    assert (found.entries, found.bytes) == (4, 1000)
    expected = [(0, 0), (0.1, 0.9), (0.5, 1), (1, 1)]
    for point, wanted in zip(found.curve, expected, strict=True):
        assert point == pytest.approx(wanted)


def test_worth_curve_of_many_has_few_points(entry: Entry) -> None:
    """From (0, 0) to (1, 1), rising, above the diagonal, and at most 200 points."""
    for number in range(300):
        _use(entry(f"{number:04x}", size=50 + number % 7), number, 1000.0 + number)
    curve = _worth().curve
    assert (curve[0], curve[-1]) == ((0, 0), (1, 1))
    assert curve == sorted(curve)
    assert all(saved >= size - 1e-9 for size, saved in curve)
    assert 50 < len(curve) <= 200


def test_worth_dead_are_old_and_never_hit(entry: Entry) -> None:
    """A young entry may still be hit; one that was hit once did its duty."""
    entry("aa", age=2 * DAY, size=100)
    entry("bb", age=2 * DAY, size=100, used=DAY)
    entry("cc", age=60, size=100)
    found = _worth()
    assert (found.dead_entries, found.dead_bytes) == (1, 100)


def test_worth_leaves_out_what_is_gone(entry: Entry) -> None:
    """What is remembered of an entry that expired takes no room."""
    _use(entry("aa"), 5, 100.0)
    EntryUse.objects.update(gone="expired")
    assert _worth().entries == 0


def test_worth_of_a_large_cache_is_that_of_the_last_snapshot(entry: Entry, large: None) -> None:
    """Nobody knows it before the first; then it is the same as worked out at once."""
    for number in range(5):
        _use(entry(f"{number:02x}", size=100 + number), number, 10.0)
    assert entry_worth(FEW) is None
    now = datetime.now(UTC)
    assert weigh(now)
    found = _worth()
    assert (found.at, found.entries, found.bytes) == (now, 5, 510)
    assert found == worth._work_out(now, free_times=0)
    EntryUse.objects.update(hits=F("hits") + 1)
    assert _worth() == found


def test_worth_of_a_large_cache_takes_one_query(
    entry: Entry, large: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The snapshot, and no look at any entry."""
    entry("aa")
    weigh()
    with (
        django_assert_num_queries(1),
        django_assert_num_queries(0, connection=connections["cache"]),
    ):
        entry_worth(FEW)


def test_weigh_is_due_every_ten_minutes(entry: Entry) -> None:
    """Whoever comes first does it; others leave it until it is due again."""
    now = datetime.now(UTC)
    assert weigh(now)
    entry("aa")
    assert not weigh(now + EVERY / 2)
    assert WorthSnapshot.objects.get().entries == 0
    assert weigh(now + EVERY)
    assert WorthSnapshot.objects.get().entries == 1


def test_weigh_that_was_killed_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot of before stays until then."""
    now = datetime.now(UTC)
    assert weigh(now)

    def killed(*_args: Any, **_named: Any) -> EntryWorth:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(worth, "_work_out", killed)
        weigh(now + EVERY)
    assert WorthSnapshot.objects.get().at == now
    assert weigh(now + 2 * EVERY)


def test_count_up_weighs_entries(entry: Entry) -> None:
    """The schedule sees to it."""
    entry("aa")
    count_up()
    assert WorthSnapshot.objects.get().at > datetime.now(UTC) - timedelta(minutes=1)
