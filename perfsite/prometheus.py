"""The site's numbers as Prometheus reads them.

Web and workers are many processes that come and go, so nothing is counted in memory: each scrape
reads the reports, and says what the pages say. Counts of rows are gauges: jobs go with their
reflections, and look-ups are kept for a while only, so that none can be trusted never to fall. A
counter that falls is taken for one that began anew, and rate() would add all of it once more. So
look-ups and calls to models are counters that are read from totals of their own, which only grow,
and not from the rows of each.
"""

from collections.abc import Iterator
from math import inf

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from cachestats import services as cache_services
from cachestats import totals as cache_totals
from enrichment.call_reports import call_totals
from enrichment.call_rollups import PARTS
from enrichment.models import Status
from enrichment.queue_reports import queue_report

# The version of the format that every scraper reads.
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def exposition() -> bytes:
    """Return all numbers as they are now, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(QueueCollector())
    registry.register(InferenceCollector())
    registry.register(LookupCollector())
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


class InferenceCollector(Collector):
    """Answered calls to models since the first; what the cache answered is none."""

    def collect(self) -> Iterator[Metric]:
        totals = call_totals()
        seconds = SummaryMetricFamily(
            "perfsite_inference_seconds",
            "Answered calls to models, and the seconds of each part of them, since the first call; "
            "queue is what the host does not account for.",
            labels=["part"],
        )
        for part in PARTS:
            seconds.add_metric([part], totals.calls, getattr(totals, f"{part}_ms") / 1000)
        yield seconds
        tokens = CounterMetricFamily(
            "perfsite_inference_tokens",
            "Tokens of answered calls to models since the first call; those of the prompt include "
            "what the host had in its prompt cache.",
            labels=["kind"],
        )
        tokens.add_metric(["prompt"], totals.prompt_tokens)
        tokens.add_metric(["generated"], totals.generated_tokens)
        yield tokens


class LookupCollector(Collector):
    """Look-ups since the first, and how long their answers took."""

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "perfsite_cache_requests",
            "Look-ups since the first, by what came of them.",
            labels=["type", "model", "result"],
        )
        for kind in cache_totals.lookup_counts():
            requests.add_metric([kind.cache_type, kind.model, kind.state], kind.count)
        yield requests
        latency = HistogramMetricFamily(
            "perfsite_cache_latency_seconds",
            "How long look-ups that gave an answer took, computing included, since the first; one "
            "that only looked and found nothing is none.",
            labels=["type", "result"],
        )
        for answers in cache_totals.latencies():
            latency.add_metric(
                [answers.cache_type, answers.state],
                [(_bound(seconds), count) for seconds, count in answers.at_most],
                answers.total_seconds,
            )
        yield latency


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


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == inf else f"{seconds:g}"
