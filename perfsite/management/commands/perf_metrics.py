"""Prints how fast answers came, from the cache and computed, and where calls to models went."""

from dataclasses import asdict
from datetime import timedelta

from cachestats.management.reporting import ReportCommand, Told
from cachestats.management.tables import latency_lines, reason_lines, state_lines, type_lines
from perfsite.management.call_tables import part_lines, speed_lines
from perfsite.summary import summary


class Command(ReportCommand):
    """manage.py perf_metrics"""

    help = (
        "Show latencies of hits and computed answers by type, hit rate and time saved, and where "
        "the time of calls to models went."
    )
    sections = (latency_lines, type_lines, reason_lines, state_lines)

    def tell(self, window: timedelta) -> Told:
        found = summary(window)
        # The cache's members stand beside the others: that is how they always stood here.
        members = asdict(found)
        return {**members.pop("cache"), **members}, [
            *self.blocks(found.cache),
            part_lines(found.inference),
            speed_lines(found.inference),
        ]
