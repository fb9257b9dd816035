"""Whether this process lives, and whether the whole can take work."""

import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from cachestats.reports import trouble
from enrichment import hosts
from enrichment.models import WorkerHeartbeat
from enrichment.queue_reports import STALLED_AFTER, QueueState, queue_state
from enrichment.schema import newest, schema_trouble

logger = logging.getLogger(__name__)

QUEUE_NUMBERS = (
    "depth",
    "running",
    "oldest_waiting_seconds",
    "throughput_per_minute",
    "workers_alive",
    "last_heartbeat_seconds",
)


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """status: "ready", "degraded" (works, but not with everything), "starting" or "down".

    queue: None where the database can't tell.
    """

    status: str
    checks: dict[str, str]
    queue: QueueState | None

    @property
    def ok(self) -> bool:
        return self.status in {"ready", "degraded"}

    def as_json(self) -> dict[str, Any]:
        """Return what monitors are answered; how much was ever done is not for everybody."""
        queue = self.queue and {name: getattr(self.queue, name) for name in QUEUE_NUMBERS}
        return {"status": self.status, "checks": self.checks, "queue": queue}


def readiness() -> Readiness:
    """Check database, migrations, workers, model, cache and queue; each "ok" or what is wrong."""
    try:
        needed = {"database": "ok", "migrations": schema_trouble() or "ok"}
        if needed["migrations"] != "ok":
            return Readiness(status="down", checks=needed, queue=None)
        queue = queue_state()
        needed["worker"] = _worker(queue)
        versions = version_trouble() if queue.workers_of_other_versions else ""
    except (DatabaseError, InterfaceError) as exc:
        return Readiness(status="down", checks={"database": str(exc)}, queue=None)
    if any(state != "ok" for state in needed.values()):
        return Readiness(status="down", checks=needed, queue=queue)
    if hosts.engine_is_starting():
        loading = {**needed, "model": "is loading"}
        return Readiness(status="starting", checks=loading, queue=queue)
    helpful = {
        "model": hosts.health().trouble or "ok",
        "cache": trouble() or "ok",
        "queue": _queue(queue),
        "versions": versions or "ok",
    }
    degraded = any(state != "ok" for state in helpful.values())
    status = "degraded" if degraded else "ready"
    return Readiness(status=status, checks={**needed, **helpful}, queue=queue)


def version_trouble() -> str:
    """Return which versions workers run that are not this one's, or ""; each is logged once.

    Raises:
        DatabaseError: the database can't tell.
    """
    others = WorkerHeartbeat.objects.alive(timezone.now()).of_other_versions()
    versions = sorted(set(others.values_list("version", "schema")))
    if not versions:
        return ""
    told = ", ".join(f"{version or 'unknown'} ({schema})" for version, schema in versions)
    said = f"workers run {told}, the site {settings.VERSION} ({newest()}): restart the older"
    _warn_once(said)
    return said


@cache
def _warn_once(said: str) -> None:
    """Log each mismatch once a process; monitors ask every few seconds."""
    logger.warning("[PERF] Versions differ: %s", said)


def _worker(queue: QueueState) -> str:
    return "ok" if queue.workers_alive else "none is alive: manage.py qcluster"


def _queue(queue: QueueState) -> str:
    if not queue.stalled:
        return "ok"
    waited = f"{queue.oldest_waiting_seconds:.0f} s"
    idle = f"{STALLED_AFTER.total_seconds():.0f} s"
    return (
        f"does nothing: workers are alive, but a job waits for {waited}, none is at work and none "
        f"was completed in {idle}; restart the workers"
    )
