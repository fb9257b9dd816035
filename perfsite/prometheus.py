"""The site's numbers as Prometheus reads them.

Web and workers are many processes that come and go, so nothing is counted in memory: each scrape
reads the reports, and says what the pages say. All are gauges: jobs go with their reflections, and
look-ups are kept for a while only, so that no count of rows can be trusted never to fall.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cachestats import services as cache_services
from enrichment.models import Status
from enrichment.reports import queue_report

# The version of the format that every scraper reads.
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def exposition() -> bytes:
    """Return all numbers as they are now, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(QueueCollector())
    registry.register(CacheCollector())
    return generate_latest(registry)


class QueueCollector(Collector):
    """The work, and who is there to do it."""

    def collect(self) -> Iterator[Metric]:
        report = queue_report()
        jobs = GaugeMetricFamily("perfsite_jobs", "Reflections' jobs by status.", labels=["status"])
        for status in Status:
            jobs.add_metric([status], report.by_status.get(status, 0))
        yield jobs
        yield _gauge(
            "perfsite_queue_depth",
            "Unfinished jobs that nobody is at work on, those that wait out a back-off included.",
            report.depth,
        )
        yield _gauge(
            "perfsite_queue_oldest_waiting_seconds",
            "For how long the first waiting job could have been worked on; 0 when none can be now.",
            report.oldest_waiting_seconds or 0,
        )
        yield _gauge(
            "perfsite_background_jobs",
            "Unfinished jobs that make texts ahead; no other number has them.",
            report.background,
        )
        yield _gauge("perfsite_jobs_running", "Jobs that a worker is at work on.", report.running)
        yield _gauge(
            "perfsite_jobs_recently_completed",
            "Jobs that workers completed in the last 5 minutes.",
            report.completed_recently,
        )
        yield _gauge(
            "perfsite_workers_alive",
            "Worker processes that gave a sign of life lately.",
            report.workers_alive,
        )
        yield _gauge(
            "perfsite_worker_heartbeat_age_seconds",
            "Age of the newest sign of life of any worker; absent when there is none.",
            report.last_heartbeat_seconds,
        )


class CacheCollector(Collector):
    """What the cache holds; nothing while it can't be read."""

    def collect(self) -> Iterator[Metric]:
        try:
            size_bytes = cache_services.count_bytes()
        except cache_services.UNUSABLE:
            size_bytes = None
        yield _gauge(
            "perfsite_cache_bytes",
            "Bytes of all cached values; absent while the cache can't be read.",
            size_bytes,
        )


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    """Return a gauge; one whose value is unknown has no sample, which alerts can ask for."""
    return GaugeMetricFamily(name, meaning, value=value)
