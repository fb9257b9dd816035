"""Rows of the cache and of its numbers. Entries and their use live in the cache's own database."""

from cachestats.models.entries import (
    CacheEntry,
    Departure,
    EntryTotal,
    EntryUse,
    Failure,
    Generation,
)
from cachestats.models.records import Audit, ConfigRevision, RetentionRun
from cachestats.models.samples import CacheState, LookupBatch, Lookups, LookupSpan, Reason, Span
from cachestats.models.totals import LatencyTotal, LookupTotal
from cachestats.models.worth import WorthSnapshot

__all__ = [
    "Audit",
    "CacheEntry",
    "CacheState",
    "ConfigRevision",
    "Departure",
    "EntryTotal",
    "EntryUse",
    "Failure",
    "Generation",
    "LatencyTotal",
    "LookupBatch",
    "LookupSpan",
    "LookupTotal",
    "Lookups",
    "Reason",
    "RetentionRun",
    "Span",
    "WorthSnapshot",
]
