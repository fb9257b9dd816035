"""Reflections, the work on them and what came of it."""

from enrichment.models.heartbeats import WorkerHeartbeat
from enrichment.models.hosts import HostState
from enrichment.models.jobs import Job, Status
from enrichment.models.reflections import Reflection
from enrichment.models.results import StageResult
from enrichment.models.warmups import WarmUp, WarmUpEntry

__all__ = [
    "HostState",
    "Job",
    "Reflection",
    "StageResult",
    "Status",
    "WarmUp",
    "WarmUpEntry",
    "WorkerHeartbeat",
]
