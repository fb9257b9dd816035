"""Every page of the dashboard: where it is, who may see it first, and what it asks of databases."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, models

from cachestats.models import CacheEntry, ConfigRevision, EntryUse, LookupBatch, LookupSpan
from cachestats.spans import RANGES
from enrichment import comparisons, jobs
from enrichment.models import InferenceCall, Job, Reflection, StageResult, TuningRun
from perfsite.overview.pictures import PICTURES
from perfsite.roles import ADMIN, OPERATOR, VIEWER

# These grow with the site; whatever reads one through takes longer and longer.
BIG: tuple[type[models.Model], ...] = (
    CacheEntry,
    EntryUse,
    LookupBatch,
    LookupSpan,
    InferenceCall,
    Job,
    Reflection,
    StageResult,
)
# Each with the first group that may see it.
PAGES = {
    **{f"/?range={name}": VIEWER for name in RANGES},
    "/reflections/": VIEWER,
    "/reflections/{reflection}/": VIEWER,
    "/cache/": VIEWER,
    "/cache/{entry}/": VIEWER,
    "/cache/{entry}/compare/": VIEWER,
    "/cache/purge/": OPERATOR,
    "/cache/audit/": VIEWER,
    "/jobs/": VIEWER,
    "/jobs/?status=failed": VIEWER,
    "/jobs/{job}/": VIEWER,
    "/jobs/retry/?status=failed": OPERATOR,
    "/models/": VIEWER,
    "/models/?range=30d": VIEWER,
    "/models/tuning/{run}/": VIEWER,
    "/configuration/": VIEWER,
    "/configuration/history/": VIEWER,
    "/configuration/history/{revision}/restore/": ADMIN,
}
# What is measured beside: files, lists of the API's and the admin's, and filters that match little.
MEASURED = (
    *(f"/pictures/{name}.csv?range=30d" for name in PICTURES),
    "/models/tokens.csv?range=30d",
    "/reflections/?feeling=sad",
    "/jobs/?error=HostBusy",
    "/jobs/?kind=variants",
    "/jobs/?kind=again&status=failed",
    "/cache/?type=vision",
    "/cache/?type=api",
    "/cache/?unused=true",
    "/cache/?order=-hits",
    "/cache/?q=nothing",
    "/api/v1/reflections/?feeling=peaceful",
    "/api/v1/cache/entries/?type=api",
    "/api/v1/metrics/summary/?window=30d",
    "/admin/cachestats/cacheentry/",
    "/admin/cachestats/cacheentry/?q=nothing",
    "/admin/cachestats/entryuse/",
    "/admin/cachestats/lookupbatch/",
    "/admin/enrichment/job/",
    "/admin/enrichment/job/?q=nothing",
    "/admin/enrichment/reflection/",
    "/admin/enrichment/reflection/?q=nobody",
    "/admin/enrichment/inferencecall/",
)


def places() -> dict[str, str]:
    """Return one of each that a page is about, for PAGES; makes what seeding does not."""
    entry = CacheEntry.objects.all()[0]
    result = StageResult.objects.filter(stage=1)[0]
    digits = bytes(entry.digest).hex()
    StageResult.objects.filter(pk=result.pk).update(key=digits)
    comparisons.request(digits[:16])
    jobs.cancel(Job.objects.filter(purpose=Job.Purpose.COMPARE))
    run = TuningRun.objects.create(host="http://here:1", model="m", budget_seconds=60, evidence={})
    return {
        "reflection": str(result.reflection_id),
        "entry": digits[:16],
        "job": str(Job.objects.earliest("id").pk),
        "run": str(run.pk),
        "revision": str(ConfigRevision.objects.earliest("number").number),
    }


@dataclass
class Asked:
    """The statements that were sent to any database: alias, SQL and what stands in its places."""

    statements: list[tuple[str, str, Any]] = field(default_factory=list)

    def counts_of_much(self) -> list[str]:
        """Return the statements, with their plans, that count a big table's rows one and all."""
        return self.reads_of_much("COUNT(")

    def reads_of_much(self, what: str = "") -> list[str]:
        """Return the statements, with their plans, that read a big table's rows one and all.

        By SQLite's plan, which is the same however many rows there are.

        Args:
            what: stands in those that are looked at.
        """
        found = []
        for alias, sql, given in self.statements:
            if what not in sql.upper() or "LIMIT" in sql.upper():
                continue
            with connections[alias].cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", given)
                plan = [row[3] for row in cursor.fetchall()]
            if any(_reads_through(step) for step in plan):
                found.append(f"{sql}\n{plan}")
        return found


def _reads_through(step: str) -> bool:
    """Return whether a step of SQLite's plan goes over all rows of a big table."""
    return any(f"{step} ".startswith(f"SCAN {model._meta.db_table} ") for model in BIG)


@contextmanager
def listening() -> Iterator[Asked]:
    """Note what is asked of all databases."""
    asked = Asked()

    def noting(alias: str) -> Any:
        def note(execute: Any, sql: str, given: Any, many: bool, context: Any) -> Any:
            asked.statements.append((alias, sql, given))
            return execute(sql, given, many, context)

        return note

    with ExitStack() as stack:
        for alias in connections:
            stack.enter_context(connections[alias].execute_wrapper(noting(alias)))
        yield asked
