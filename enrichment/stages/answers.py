"""What a stage answers, and what it needs of a cache. Outcome and cache state are two things."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """Who made an answer.

    MODEL: the model's valid answer took part. FALLBACK: it could not be had or was invalid.
    CURATED: there was nothing to write about, so a person's text stands for it. SAFETY: the text
    shows signs of danger, so the model was not asked.
    """

    MODEL = "model"
    FALLBACK = "fallback"
    CURATED = "curated"
    SAFETY = "safety"


class CacheKey(Protocol):
    """The parts of a key that may be shown."""

    @property
    def hex(self) -> str: ...


class CachedValue(Protocol):
    """A look-up's answer."""

    @property
    def value(self) -> Any: ...

    @property
    def state(self) -> str: ...

    @property
    def key(self) -> CacheKey: ...

    @property
    def stored(self) -> bool: ...

    @property
    def age_seconds(self) -> int: ...

    @property
    def ttl_seconds(self) -> int: ...

    @property
    def cost_ms(self) -> float | None: ...

    @property
    def reason(self) -> str: ...


class AnswerCache(Protocol):
    """What the stages need of the cache."""

    def get_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,
        ttl: int | None = None,
        cache_type: str = "default",
    ) -> CachedValue: ...

    def peek(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> CachedValue | None: ...

    def key(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> CacheKey: ...


@dataclass(frozen=True, kw_only=True)
class StageAnswer:
    """One stage's answer and where it came from.

    cache: hit, miss, collapsed or bypass. missed: the cache's reason why it was no hit, empty
    without one. key: the entry's whole key, empty without one.
    cost_ms: what computing it took, now or when it was stored; None where that is not known.
    retry_later: an outage was the cause of the fallback, so another try may do better.
    raw_reply: what the model wrote, if it was invalid. reason: why there is a fallback.
    """

    result: Mapping[str, Any]
    outcome: Outcome
    cache: str = "bypass"
    missed: str = ""
    key: str = ""
    stored: bool = False
    age_seconds: int = 0
    ttl_seconds: int = 0
    cost_ms: float | None = None
    engine: str = ""
    model: str = ""
    retry_later: bool = False
    raw_reply: str = ""
    reason: str = ""


def from_cache(found: CachedValue) -> StageAnswer:
    """Return the model's answer that a look-up gave."""
    provenance = found.value["provenance"]
    return StageAnswer(
        result=found.value,
        outcome=Outcome.MODEL,
        cache=str(found.state),
        missed=found.reason,
        key=found.key.hex,
        stored=found.stored,
        age_seconds=found.age_seconds,
        ttl_seconds=found.ttl_seconds,
        cost_ms=found.cost_ms,
        engine=provenance["engine"],
        model=provenance["model"],
    )
