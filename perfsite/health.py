"""Whether this process lives, and whether the whole can take work."""

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.executor import MigrationExecutor

from cachestats.reports import trouble
from enrichment import hosts
from enrichment.queue_reports import STALLED_AFTER, QueueState, queue_state

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
        queue = queue_state()
        needed = {"database": "ok", "migrations": _migrations(), "worker": _worker(queue)}
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
    }
    degraded = any(state != "ok" for state in helpful.values())
    status = "degraded" if degraded else "ready"
    return Readiness(status=status, checks={**needed, **helpful}, queue=queue)


def _migrations() -> str:
    executor = MigrationExecutor(connections["default"])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} are missing: manage.py migrate" if missing else "ok"


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
