"""The cache in the admin: entries to purge, numbers and audit to read, configuration to revise."""

from cachestats.admin import entries, records

__all__ = ["entries", "records"]
