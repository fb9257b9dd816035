"""Reflections, the work on them and what came of it."""

from enrichment.models.calls import InferenceCall, InferenceTotal
from enrichment.models.comparisons import Comparison
from enrichment.models.heartbeats import WorkerHeartbeat
from enrichment.models.hosts import HostState
from enrichment.models.idempotency import IdempotencyKey
from enrichment.models.images import ReflectionImage
from enrichment.models.jobs import Job, Status
from enrichment.models.reflections import Reflection
from enrichment.models.results import Forward, StageResult
from enrichment.models.rollups import CallRollup
from enrichment.models.samples import QueueSample, SiteStart
from enrichment.models.tuning import TuningRun
from enrichment.models.warmups import WarmUp, WarmUpEntry
from enrichment.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "CallRollup",
    "Comparison",
    "Forward",
    "HostState",
    "IdempotencyKey",
    "InferenceCall",
    "InferenceTotal",
    "Job",
    "QueueSample",
    "Reflection",
    "ReflectionImage",
    "SiteStart",
    "StageResult",
    "Status",
    "TuningRun",
    "WarmUp",
    "WarmUpEntry",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerHeartbeat",
]
