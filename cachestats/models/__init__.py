"""Rows of the cache and of its numbers. Entries and their use live in the cache's own database."""

from cachestats.models.entries import CacheEntry, EntryUse
from cachestats.models.records import Audit, ConfigRevision
from cachestats.models.samples import Sample

__all__ = ["Audit", "CacheEntry", "ConfigRevision", "EntryUse", "Sample"]
