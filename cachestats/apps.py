"""The app's start: its system checks are registered."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import pre_migrate


class CachestatsConfig(AppConfig):
    name = "cachestats"
    verbose_name = "Cache"

    def ready(self) -> None:
        # Models can be imported only now.
        from cachestats import checks  # noqa: F401, PLC0415

        pre_migrate.connect(_make_schema, sender=self)


def _make_schema(using: str, **_signal: Any) -> None:
    """Make room for the cache in a PostgreSQL database that may be the main one."""
    connection = connections[using]
    if using == "cache" and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {settings.CACHE_SCHEMA}")
