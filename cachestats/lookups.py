"""What a look-up gives, and one that has to be computed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from cachestats.flights import Flight
from cachestats.keys import Key, Material
from cachestats.models import CacheState

# Seconds to live; None: the type's default, 0: do not store. Or what tells them of the value.
Ttl = int | None | Callable[[Any], int | None]


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

    ttl: as it was asked for. generation: of purges, when the computation began; None: unknown.
    flight: those who wait for it; None: nobody can.
    """

    material: Material
    key: Key
    model: str
    ttl: Ttl
    state: CacheState
    reason: str
    started: float
    generation: int | None = None
    flight: Flight | None = None
