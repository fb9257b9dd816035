"""What statuses and the cache's parts are called, wherever people read of them."""

from collections.abc import Mapping

from cachestats.cache import CacheState
from enrichment.models import Status

STATUS_WORDS: Mapping[str, str] = {
    Status.QUEUED: "waiting",
    Status.STAGE1_RUNNING: "finding the feeling",
    Status.STAGE1_COMPLETE: "feeling found",
    Status.STAGE2_RUNNING: "writing",
    Status.COMPLETE: "complete",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.QUARANTINED: "set aside",
}
CACHE_WORDS: Mapping[str, str] = {
    CacheState.HIT: "from the cache",
    CacheState.MISS: "computed",
    CacheState.COLLAPSED: "shared with another",
    CacheState.BYPASS: "computed past the cache",
}
