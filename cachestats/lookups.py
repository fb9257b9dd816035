"""What a look-up asks for, what it gives, and one that has to be computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from cachestats.errors import InvalidValue
from cachestats.flights import Flight
from cachestats.keys import Key, Material
from cachestats.models import CacheState

# Seconds to live; None: the type's default, 0: do not store. Or what tells them of the value.
Ttl = int | None | Callable[[Any], int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """How fresh an answer must be for who asks: the request directives of RFC 9111 (5.2.1).

    no_store: nothing is looked up, stored, or shared with others who ask the same; it goes before
    the others. no_cache: what was stored before counts as not there. max_age: seconds; an entry
    that is older counts as not there, and with 0 any that was stored before; None: any will do.
    """

    no_store: bool = False
    no_cache: bool = False
    max_age: int | None = None

    def __post_init__(self) -> None:
        if self.max_age is not None and self.max_age < 0:
            raise InvalidValue("max_age must be 0 or more seconds")

    def since_ms(self, now_ms: int) -> int | None:
        """Return the moment after which an entry must have been stored; None: any will do."""
        if self.no_cache or self.max_age == 0:
            return now_ms
        return None if self.max_age is None else now_ms - self.max_age * 1000 - 1


class Lookup(NamedTuple):
    """An answer and how the cache took part in it.

    value: the answer, JSON. age_seconds, ttl_seconds: of the entry; 0 where nothing is stored.
    latency_ms: the whole look-up, computing included. cost_ms: what computing took, then or now;
    None where it is not known. reason: why it was no hit, one of `Reason` or "changed: NAMES".
    """

    value: Any
    state: CacheState
    key: Key
    model: str
    stored: bool
    age_seconds: int
    ttl_seconds: int
    latency_ms: float
    cost_ms: float | None
    reason: str = ""


@dataclass(kw_only=True, slots=True)
class Turn:
    """A look-up that its caller has to compute.

    ttl: as it was asked for. since_ms: an entry stored before is too old for it; None: none is.
    generation: of purges, when the computation began; None: unknown. flight: those who wait for
    it; None: nobody can.
    """

    material: Material
    key: Key
    model: str
    ttl: Ttl
    state: CacheState
    reason: str
    started: float
    since_ms: int | None = None
    generation: int | None = None
    flight: Flight | None = None
