"""Whether the main database's tables are those that this version of the code was written for."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from django.db import DatabaseError, close_old_connections, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

logger = logging.getLogger(__name__)

APPS = ("cachestats", "enrichment", "perfsite")
LOOK_EVERY_SECONDS = 1.0


@cache
def _known() -> MigrationLoader:
    """Return the migrations of this version's code, which stay as long as the process lives."""
    return MigrationLoader(None)


@cache
def newest() -> str:
    """Return the newest migration of each of our apps that this version knows, on one line."""
    leaves = (leaf for app in APPS for leaf in _known().graph.leaf_nodes(app))
    return " ".join(".".join(leaf) for leaf in leaves)


@dataclass(frozen=True)
class SchemaGap:
    """What keeps this version from working with a database's tables: migrations, "app.name".

    missing: this version has them, the database has not.
    unknown: a newer version applied them.
    """

    missing: tuple[str, ...]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in words; "" where all is well."""
        if self.unknown:
            names = ", ".join(self.unknown)
            return f"the database is of a newer version ({names}): start that one"
        if self.missing:
            return f"migrations are missing ({len(self.missing)}): manage.py migrate"
        return ""


def gap(applied: Collection[tuple[str, str]]) -> SchemaGap:
    """Compare the migrations that a database has with those of this version."""
    known = _known().disk_migrations.keys()
    return SchemaGap(
        missing=tuple(sorted(".".join(key) for key in known - set(applied))),
        unknown=tuple(
            sorted(".".join(key) for key in applied if key[0] in APPS and key not in known)
        ),
    )


def schema_trouble() -> str:
    """Return what is wrong with the main database's tables, or "".

    Raises:
        DatabaseError: the database can't tell.
    """
    recorder = MigrationRecorder(connections["default"])
    return str(gap(recorder.applied_migrations().keys()))


def wait_for_schema() -> None:
    """Return once the tables are right; until then a worker would do harm.

    Says once what it waits for, and goes on by itself after `migrate`.
    """
    said = ""
    while True:
        try:
            trouble = schema_trouble()
        except DatabaseError as exc:
            trouble = f"the database can't be read: {exc}"
        close_old_connections()
        if not trouble:
            break
        if trouble != said:
            logger.error("[PERF] This worker takes no jobs yet: %s", trouble)
        said = trouble
        time.sleep(LOOK_EVERY_SECONDS)
    if said:
        logger.info("[PERF] The database's tables are right; this worker begins")
