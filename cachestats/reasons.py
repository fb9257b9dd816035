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
    Reason.NO_STORE: "who asked wanted nothing stored",
    Reason.NO_CACHE: "who asked wanted it computed anew",
    Reason.TOO_OLD: "the stored answer was too old for who asked",
}
ADVICE: Mapping[str, str] = {
    Reason.FIRST_SEEN: "Only filling the cache ahead of time would answer these.",
    Reason.EXPIRED: "A longer time to live in the caching section would have kept these.",
    Reason.EVICTED: "More room, caching.max_bytes, would have kept these.",
    Reason.PURGED: "Purging by type, model or age would spare what is still good.",
    Reason.BYPASSED: "Switch caching.enabled on.",
    Reason.DAMAGED: "Check the disk: answers do not come back as they were stored.",
    Reason.UNAVAILABLE: "Mend what keeps the cache's database from being read; the log names it.",
    Reason.NO_STORE: "Only who asks can spare these, by not sending no-store.",
    Reason.NO_CACHE: "Only who asks can spare these, by not sending no-cache.",
    Reason.TOO_OLD: "Only who asks can spare these, by sending a greater max-age.",
    UNKNOWN: "Nothing is known of these.",
}


@dataclass(frozen=True, kw_only=True)
class Described:
    """A reason as people say it, and what would raise the hit rate, in one sentence."""

    words: str
    advice: str


def describe(reason: str) -> Described:
    """Return a reason in words: "never seen before", "changed: model"."""
    kind, _, names = reason.partition(": ")
    advice = ADVICE.get(kind, ADVICE[UNKNOWN])
    if kind == Reason.CHANGED:
        advice = f"Keep to one value of {names}, where the answer may stay the same."
    return Described(words=WORDS.get(reason, reason), advice=advice)


@dataclass(frozen=True, kw_only=True)
class ReasonShare:
    """A reason, how many look-ups had it, and its share, 0 to 1, of those that were no hits."""

    reason: str
    count: int
    share: float

    @property
    def words(self) -> str:
        """The reason as people say it."""
        return describe(self.reason).words

    @property
    def advice(self) -> str:
        """What would raise the hit rate, in one sentence."""
        return describe(self.reason).advice
