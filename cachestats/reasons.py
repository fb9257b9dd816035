"""Why look-ups were no hits, in words, and what would have made hits of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from cachestats.models import Reason

UNKNOWN = "unknown"

WORDS: Mapping[str, str] = {
    Reason.FIRST_SEEN: "never seen before",
    Reason.BYPASSED: "the cache was off",
    Reason.DAMAGED: "the stored answer was damaged",
    Reason.UNAVAILABLE: "the cache could not be read",
}
ADVICE: Mapping[str, str] = {
    Reason.FIRST_SEEN: "Only filling the cache ahead of time would answer these.",
    Reason.EXPIRED: "A longer time to live in the caching section would have kept these.",
    Reason.EVICTED: "More room, caching.max_bytes, would have kept these.",
    Reason.PURGED: "Purging by type, model or age would spare what is still good.",
    Reason.BYPASSED: "Switch caching.enabled on.",
    Reason.DAMAGED: "Check the disk: answers do not come back as they were stored.",
    Reason.UNAVAILABLE: "Mend what keeps the cache's database from being read; the log names it.",
    UNKNOWN: "Nothing is known of these.",
}


@dataclass(frozen=True, kw_only=True)
class ReasonShare:
    """A reason, how many look-ups had it, and its share, 0 to 1, of those that were no hits."""

    reason: str
    count: int
    share: float

    @property
    def words(self) -> str:
        """The reason as people say it: "never seen before", "changed: model"."""
        return WORDS.get(self.reason, self.reason)

    @property
    def advice(self) -> str:
        """What would raise the hit rate, in one sentence."""
        kind, _, names = self.reason.partition(": ")
        if kind == Reason.CHANGED:
            return f"Keep to one value of {names}, where the answer may stay the same."
        return ADVICE.get(kind, ADVICE[UNKNOWN])
