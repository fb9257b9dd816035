"""Reflections, the work on them and what came of it."""

from enrichment.models.calls import InferenceCall, InferenceTotal
from enrichment.models.heartbeats import WorkerHeartbeat
from enrichment.models.hosts import HostState
from enrichment.models.images import ReflectionImage
from enrichment.models.jobs import Job, Status
from enrichment.models.reflections import Reflection
from enrichment.models.results import StageResult
from enrichment.models.tuning import TuningRun
from enrichment.models.warmups import WarmUp, WarmUpEntry

__all__ = [
    "HostState",
    "InferenceCall",
    "InferenceTotal",
    "Job",
    "Reflection",
    "ReflectionImage",
    "StageResult",
    "Status",
    "TuningRun",
    "WarmUp",
    "WarmUpEntry",
    "WorkerHeartbeat",
]
