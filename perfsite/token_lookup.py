"""Finds the token that a request came with, and its user.

Every request asks this, and nothing of the question ever changes but the digest: so its statement
is put together once, which takes the ORM longer each time than to run it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, connections, models

from perfsite.models import AccessToken


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The statement, and how to make a token and a user of its row.

    converters: by place in the row, from what the database has to what the field has.
    """

    statement: str
    token_names: Sequence[str]
    user_names: Sequence[str]
    converters: Sequence[tuple[int, Any, Any]]


def find(digest: str) -> AccessToken | None:
    """Return the token of this digest with its user, whether it opens anything now or not."""
    database = connections[DEFAULT_DB_ALIAS]
    prepared = _prepared(database.vendor)
    with database.cursor() as cursor:
        cursor.execute(prepared.statement, [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    values = list(row)
    for place, convert, column in prepared.converters:
        values[place] = convert(values[place], column, database)
    of_token = len(prepared.token_names)
    found: AccessToken = AccessToken.from_db(
        DEFAULT_DB_ALIAS, prepared.token_names, values[:of_token]
    )
    found.user = User.from_db(DEFAULT_DB_ALIAS, prepared.user_names, values[of_token:])
    return found


@cache
def _prepared(_vendor: str) -> _Prepared:
    database = connections[DEFAULT_DB_ALIAS]
    token, user = AccessToken._meta, User._meta
    fields: list[models.Field[Any, Any]] = [*token.concrete_fields, *user.concrete_fields]
    columns = [field.cached_col for field in fields]
    quote = database.ops.quote_name
    names = ", ".join(
        f"{quote(column.alias)}.{quote(str(column.target.column))}" for column in columns
    )
    tokens, users = quote(token.db_table), quote(user.db_table)
    return _Prepared(
        statement=f"SELECT {names} FROM {tokens} JOIN {users} "  # noqa: S608  # ours
        f"ON {users}.id = {tokens}.user_id WHERE {tokens}.digest = %s",
        token_names=[field.attname for field in token.concrete_fields],
        user_names=[field.attname for field in user.concrete_fields],
        converters=[
            (place, convert, column)
            for place, column in enumerate(columns)
            for convert in (
                *database.ops.get_db_converters(column),
                *column.get_db_converters(database),
            )
        ],
    )
