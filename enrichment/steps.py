"""Steps of time: when they begin, and how databases number those of a grid."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler

from cachestats.spans import Grid

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def floor(at: datetime, step: timedelta) -> datetime:
    """Return when the step of this length begins that an instant lies in."""
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def ceil(at: datetime, step: timedelta) -> datetime:
    """Return when the first step of this length begins that is not before an instant."""
    begun = floor(at, step)
    return begun if begun == at else begun + step


class Step(Func):
    """The number of the step of a grid that an instant lies in."""

    output_field = IntegerField()

    def __init__(self, grid: Grid) -> None:
        since, step = int(grid.since.timestamp()), int(grid.step.total_seconds())
        super().__init__(F("at"), since=since, step=step)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        # SQLite would round up what is within half a millisecond of the next second.
        second = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER)"
        template = f"(({second} - %(since)s) / %(step)s)"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        template = "FLOOR((EXTRACT(EPOCH FROM %(expressions)s) - %(since)s) / %(step)s)::integer"
        return self.as_sql(compiler, connection, template=template, **extra)
