"""How long things took, as counts by logarithmic bucket: small, exact to 1 %, and added freely.

The buckets are those of DDSketch (Masson, Rim and Lee, VLDB 2019): each is wider than the one
before by the same ratio, so that any value is told to within half of it. All counts stand side by
side in one great integer, so that adding two histograms is adding two numbers: exact, in whatever
order.
"""

import math
import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Self

# (RATIO - 1) / (RATIO + 1), by which a value may be off, is below 1 %.
RATIO = 1.02
# Milliseconds. What is shorter counts as nothing; what is longer as so long: 11 days.
SHORTEST, LONGEST = 1e-3, 1e9
LANE_BYTES = 8
LANE_BITS = 8 * LANE_BYTES
_LOG_RATIO = math.log(RATIO)
_FIRST = math.log(SHORTEST)
_LAST = math.ceil((math.log(LONGEST) - _FIRST) / _LOG_RATIO)
# The middle of a bucket is as far from its bounds, in proportion.
_MIDDLES_MS = (0.0, *(2 * SHORTEST * RATIO**place / (RATIO + 1) for place in range(1, _LAST + 1)))
# How many bytes a count takes, and what `struct` calls that.
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_HEADER_BYTES = 3


class Histogram:
    """How many values lie in each bucket; 64 bits a bucket.

    It is not to be changed, and holds up to 2**64 - 1 values.
    """

    __slots__ = ("_first", "_lanes")

    def __init__(self, first: int = 0, lanes: int = 0) -> None:
        """
        Args:
            first: the lowest bucket that has values.
            lanes: the counts from there on, the lowest in the lowest 64 bits.
        """
        self._first = first
        self._lanes = lanes

    @classmethod
    def of(cls, values_ms: Iterable[float]) -> Self:
        """Return the histogram of values."""
        return cls._at(Counter(map(place_of, values_ms)))

    @classmethod
    def weighted(cls, pairs: Iterable[tuple[float, int]]) -> Self:
        """Return the histogram of values that each stand for so many."""
        counts: Counter[int] = Counter()
        for value_ms, weight in pairs:
            counts[place_of(value_ms)] += weight
        return cls._at(+counts)

    @classmethod
    def _at(cls, counts: Mapping[int, int]) -> Self:
        if not counts:
            return cls()
        first = min(counts)
        run = [counts.get(place, 0) for place in range(first, max(counts) + 1)]
        packed = struct.pack(f"<{len(run)}Q", *run)
        return cls(first, int.from_bytes(packed, "little"))

    @classmethod
    def unpack(cls, packed: bytes | memoryview) -> Self:
        """Return what `pack` wrote."""
        if not packed:
            return cls()
        first, width = packed[0] | packed[1] << 8, packed[2]
        counts = packed[_HEADER_BYTES:]
        if width == 1:
            # Nearly all are: reports unpack thousands.
            wide = bytearray(len(counts) * LANE_BYTES)
            wide[::LANE_BYTES] = counts
            return cls(first, int.from_bytes(wide, "little"))
        wide = bytearray(len(counts) // width * LANE_BYTES)
        for byte in range(width):
            wide[byte::LANE_BYTES] = counts[byte::width]
        return cls(first, int.from_bytes(wide, "little"))

    @classmethod
    def summed(cls, packed: Iterable[bytes | memoryview]) -> "Histogram":
        """Return the sum of many that `pack` wrote."""
        found = NONE
        for one in packed:
            found += cls.unpack(one)
        return found

    def pack(self) -> bytes:
        """Return it in few bytes: the first bucket, the bytes that a count takes, and the counts
        up to the last bucket, little-endian; nothing for an empty one.
        """
        if not self._lanes:
            return b""
        first, counts = self._counts()
        width = next(width for width in _CODES if max(counts) < 1 << 8 * width)
        return struct.pack(f"<HB{len(counts)}{_CODES[width]}", first, width, *counts)

    def __add__(self, other: "Histogram") -> "Histogram":
        if not self._lanes:
            return other
        if not other._lanes:
            return self
        above = other._first - self._first
        if above >= 0:
            return Histogram(self._first, self._lanes + (other._lanes << above * LANE_BITS))
        return Histogram(other._first, (self._lanes << -above * LANE_BITS) + other._lanes)

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return (self._first, self._lanes) == (other._first, other._lanes)

    def __hash__(self) -> int:
        return hash((self._first, self._lanes))

    def __repr__(self) -> str:
        return f"Histogram of {self.count}"

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self._counts()[1])

    def at_shares(self, shares: Sequence[float]) -> list[float]:
        """Return for each share, 0 to 1, the value by nearest rank; of at least one value."""
        first, counts = self._counts()
        reached = list(accumulate(counts))
        total = reached[-1]
        found = []
        for share in shares:
            # A share of a count is no whole number: it may miss a rank by a hair.
            rank = max(1, math.ceil(share * total - 1e-6))
            found.append(_MIDDLES_MS[first + bisect_left(reached, rank)])
        return found

    def __iter__(self) -> Iterator[tuple[float, int]]:
        """Yield rising values in milliseconds, and how many there are of each."""
        first, counts = self._counts()
        for place, count in enumerate(counts, first):
            if count:
                yield _MIDDLES_MS[place], count

    def _counts(self) -> tuple[int, Sequence[int]]:
        """Return the first bucket that has values, and the counts from it to the last that has."""
        if not self._lanes:
            return 0, []
        size = -(-self._lanes.bit_length() // LANE_BITS)
        packed = self._lanes.to_bytes(size * LANE_BYTES, "little")
        return self._first, struct.unpack(f"<{size}Q", packed)


NONE = Histogram()


def place_of(value_ms: float) -> int:
    """Return the number of the bucket that a value lies in; 0 for less than a microsecond."""
    if value_ms <= SHORTEST:
        return 0
    # A hair above it the logarithms are the same.
    return min(_LAST, max(1, math.ceil((math.log(value_ms) - _FIRST) / _LOG_RATIO)))
