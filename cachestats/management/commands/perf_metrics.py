"""Prints how fast answers came: from the cache and computed, by type."""

from cachestats.management.reporting import ReportCommand
from cachestats.management.tables import latency_lines, reason_lines, state_lines, type_lines


class Command(ReportCommand):
    """manage.py perf_metrics"""

    help = "Show latencies of hits and computed answers by type, hit rate and time saved."
    sections = (latency_lines, type_lines, reason_lines, state_lines)
