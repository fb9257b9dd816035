"""The cache as the submitter of a reflection wants it used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cachestats.cache import Freshness, Lookup, PerfCache, get_cache
from enrichment.models import Reflection
from enrichment.stages.answers import AnswerCache


@dataclass(frozen=True, kw_only=True)
class FreshAnswers:
    """A cache whose look-ups all ask for answers of one freshness."""

    cache: PerfCache
    freshness: Freshness

    def get_or_compute(
        self,
        content: Mapping[str, Any],
        compute: Callable[[], Any],
        params: Mapping[str, Any] | None = None,
        ttl: int | None = None,
        cache_type: str = "default",
    ) -> Lookup:
        return self.cache.get_or_compute(
            content, compute, params, ttl, cache_type, freshness=self.freshness
        )

    def peek(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Lookup | None:
        return self.cache.peek(content, params, cache_type, freshness=self.freshness)

    def key(
        self,
        content: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        cache_type: str = "default",
    ) -> Any:
        return self.cache.key(content, params, cache_type)


def cache_for(reflection: Reflection) -> AnswerCache:
    """Return the cache for what is asked in a reflection's name, now or by a worker later."""
    if reflection.any_freshness:
        return get_cache()
    freshness = Freshness(
        no_store=reflection.no_store,
        no_cache=reflection.no_cache,
        max_age=reflection.max_age_seconds,
    )
    return FreshAnswers(cache=get_cache(), freshness=freshness)
