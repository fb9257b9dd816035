"""Which entries earn their room: hits times cost by byte, of all entries, as of a while ago.

All entries are read in short pages and kept as sums by worth, so that a million take no more room
than ten thousand. That takes seconds, so a worker does it at times and keeps the result in a row.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cachestats.models import EntryUse, WorthSnapshot

EVERY = timedelta(minutes=10)
# So many are looked at whenever somebody asks, in one page.
SMALL = 5_000
PAGE_ROWS = 5_000
# Between two pages others have as much time as one took.
FREE_TIMES = 1.0
DEAD_AFTER = timedelta(days=1)
# Entries whose worth differs by less than that are taken for the same.
RATIO = 1.02
# A point stands where either share has grown by so much; with both ends that makes 200 at most.
POINT_SHARE = 2 / 197
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_ID = -(2**63)

Curve = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class EntryWorth:
    """What entries are worth.

    at: when that was worked out. bytes: of values. dead_entries, dead_bytes: older than a day and
    never hit. curve: pairs of the share of bytes, the worthiest first, and the share of the saved
    time that they make up; at most 200 from (0, 0) to (1, 1), none where nothing was saved.
    """

    at: datetime
    entries: int
    bytes: int
    dead_entries: int
    dead_bytes: int
    curve: Curve


def entry_worth(entries: int) -> EntryWorth | None:
    """Return what entries are worth; None while nobody knows.

    Of a small cache as it is now, of a large one as it was minutes ago.

    Args:
        entries: how many there are, by the totals.
    """
    if entries < SMALL:
        return _work_out(datetime.now(UTC), free_times=0.0)
    found = WorthSnapshot.objects.filter(at__isnull=False).first()
    if found is None or found.at is None:
        return None
    return EntryWorth(
        at=found.at,
        entries=found.entries,
        bytes=found.size_bytes,
        dead_entries=found.dead_entries,
        dead_bytes=found.dead_bytes,
        curve=[(size, saved) for size, saved in found.curve],
    )


def weigh(now: datetime | None = None, *, every: timedelta = EVERY) -> bool:
    """Look at all entries and keep what they are worth; return False where that isn't due yet.

    Of several workers one does it.
    """
    now = now or datetime.now(UTC)
    WorthSnapshot.objects.get_or_create(id=WorthSnapshot.ONLY, defaults={"begun_at": NEVER})
    if not WorthSnapshot.objects.filter(begun_at__lte=now - every).update(begun_at=now):
        return False
    found = _work_out(now, free_times=FREE_TIMES)
    # Who began later has seen more.
    WorthSnapshot.objects.filter(begun_at=now).update(
        at=found.at,
        entries=found.entries,
        size_bytes=found.bytes,
        dead_entries=found.dead_entries,
        dead_bytes=found.dead_bytes,
        curve=found.curve,
    )
    return True


def _work_out(now: datetime, *, free_times: float) -> EntryWorth:
    entries = size_bytes = dead_entries = dead_bytes = 0
    dead_before_ms = (now - DEAD_AFTER).timestamp() * 1000
    # Bytes, and milliseconds saved, by worth in powers of RATIO.
    by_worth: dict[int, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for page in _pages(free_times):
        for _, hits, cost_ms, size, created_ms in page:
            entries += 1
            size_bytes += size
            if not hits and created_ms < dead_before_ms:
                dead_entries += 1
                dead_bytes += size
            if saved_ms := hits * (cost_ms or 0.0):
                worth = saved_ms / max(1, size)
                place = math.ceil(math.log(worth, RATIO))
                bytes_there, saved_there = by_worth[place]
                by_worth[place] = (bytes_there + size, saved_there + saved_ms)
    return EntryWorth(
        at=now,
        entries=entries,
        bytes=size_bytes,
        dead_entries=dead_entries,
        dead_bytes=dead_bytes,
        curve=_curve(by_worth, size_bytes),
    )


def _pages(free_times: float) -> Iterator[list[tuple[int, int, float | None, int, int]]]:
    columns = ("id", "hits", "cost_ms", "size_bytes", "created_ms")
    there = EntryUse.objects.filter(gone="").order_by("id").values_list(*columns)
    after = LEAST_ID - 1
    while True:
        began = time.monotonic()
        page = list(there.filter(id__gt=after)[:PAGE_ROWS])
        took = time.monotonic() - began
        yield page
        if len(page) < PAGE_ROWS:
            return
        after = page[-1][0]
        time.sleep(free_times * took)


def _curve(by_worth: Mapping[int, tuple[int, float]], size_bytes: int) -> Curve:
    saved_ms = sum(saved for _, saved in by_worth.values())
    if not saved_ms or not size_bytes:
        return []
    curve = [(0.0, 0.0)]
    size_so_far, saved_so_far = 0, 0.0
    for _, (size, saved) in sorted(by_worth.items(), reverse=True):
        size_so_far += size
        saved_so_far += saved
        point = (size_so_far / size_bytes, min(1.0, saved_so_far / saved_ms))
        if max(point[0] - curve[-1][0], point[1] - curve[-1][1]) >= POINT_SHARE:
            curve.append(point)
    # What saves nothing comes last.
    ends = [(size_so_far / size_bytes, 1.0), (1.0, 1.0)]
    return [*(point for point in curve if point[0] < ends[0][0]), *dict.fromkeys(ends)]
