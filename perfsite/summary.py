"""The numbers of cache and models in one object: overview, API and `perf_metrics` show the same."""

from dataclasses import dataclass
from datetime import timedelta

from cachestats.reports import CacheReport, cache_report
from enrichment import hosts
from enrichment.call_reports import CallReport, call_report
from enrichment.hosts import ModelHealth
from enrichment.queue_reports import QueueReport, queue_report

DAY = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Look-ups and calls to models over a window; the queue and who answers as they are now.

    inference: calls to models; what the cache answered is none.
    """

    cache: CacheReport
    inference: CallReport
    queue: QueueReport
    model: ModelHealth


def summary(window: timedelta = DAY) -> Summary:
    """Return the site's numbers."""
    return Summary(
        cache=cache_report(window),
        inference=call_report(window),
        queue=queue_report(),
        model=hosts.health(),
    )
