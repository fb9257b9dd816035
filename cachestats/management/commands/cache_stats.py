"""Prints the state of the cache and what became of its look-ups."""

from cachestats.management.reporting import ReportCommand
from cachestats.management.tables import reason_lines, state_lines, type_lines


class Command(ReportCommand):
    """manage.py cache_stats"""

    help = "Show entries, bytes, health, hit rate, time saved and why look-ups were no hits."
    sections = (state_lines, type_lines, reason_lines)
