"""Whether this process lives, and whether the whole can take work."""

from dataclasses import dataclass

from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from cachestats.reports import trouble
from enrichment import hosts, reports


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """status: "ready", "degraded" (works, but not with everything), "starting" or "down"."""

    status: str
    checks: dict[str, str]

    @property
    def ok(self) -> bool:
        return self.status in {"ready", "degraded"}


def readiness() -> Readiness:
    """Check database, migrations, workers, model and cache; each says "ok" or what is wrong."""
    try:
        needed = {"database": "ok", "migrations": _migrations(), "worker": _worker()}
    except DatabaseError as exc:
        return Readiness(status="down", checks={"database": str(exc)})
    if any(state != "ok" for state in needed.values()):
        return Readiness(status="down", checks=needed)
    if hosts.engine_is_starting():
        return Readiness(status="starting", checks={**needed, "model": "is loading"})
    helpful = {"model": hosts.health().trouble or "ok", "cache": trouble() or "ok"}
    degraded = any(state != "ok" for state in helpful.values())
    return Readiness(status="degraded" if degraded else "ready", checks={**needed, **helpful})


def _migrations() -> str:
    executor = MigrationExecutor(connections["default"])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} are missing: manage.py migrate" if missing else "ok"


def _worker() -> str:
    return "ok" if reports.queue_report().workers_alive else "none is alive: manage.py qcluster"
