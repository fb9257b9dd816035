"""Whether the overview would look different now, without making it."""

from dataclasses import astuple
from datetime import UTC, datetime
from hashlib import sha256

from django.db import connection, models
from django.http import HttpRequest

from cachestats import config
from cachestats.models import Audit, ConfigRevision, LookupBatch
from cachestats.spans import Range
from enrichment.models import InferenceCall, Job, QueueSample, SiteStart
from perfsite.overview.seen import Now

# Rows are added, and never changed but for those of the queue, which `Now` tells.
NEWEST: tuple[type[models.Model], ...] = (
    LookupBatch,
    InferenceCall,
    QueueSample,
    SiteStart,
    ConfigRevision,
    Audit,
    Job,
)


def mark(request: HttpRequest, span: Range, now: Now) -> str:
    """Return an ETag that stays while nothing that the page shows has changed.

    It asks for the newest rows alone, each by its index: what the page adds up is not added up.
    """
    queue = now.queue
    told = (
        request.user.pk,
        span.name,
        span.grid(datetime.now(UTC)).since,
        _newest(),
        # The age of the newest sign of life is shown only where it is old.
        (queue.depth, queue.running, queue.workers_alive, queue.oldest_waiting_seconds),
        config.current().config.caching.enabled,
        now.engine_starting,
        astuple(now.model),
        now.cache.trouble,
        now.cache.entries,
    )
    return f'"{sha256(repr(told).encode()).hexdigest()[:32]}"'


def _newest() -> tuple[int | None, ...]:
    """Return the greatest key of each table, in one statement."""
    keys = ((model._meta.pk.column, model._meta.db_table) for model in NEWEST)
    columns = ", ".join(
        f"(SELECT MAX({column}) FROM {table})"  # noqa: S608  # names of our own tables
        for column, table in keys
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns}")
        found: tuple[int | None, ...] = cursor.fetchone()
    return found
