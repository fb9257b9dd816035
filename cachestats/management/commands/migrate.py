"""Django's `migrate`, which makes the cache's file too where there is none."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from cachestats.errors import StoreUnavailable
from cachestats.repair import make_usable


class Command(migrate.Command):
    """Connections to the cache's file never make it, so here it is made first, in one step."""

    def handle(self, *app_labels: Any, **options: Any) -> str | None:
        if options["database"] == "cache" and connections["cache"].vendor == "sqlite":
            _make_missing(Path(connections["cache"].settings_dict["NAME"]))
        return super().handle(*app_labels, **options)


def _make_missing(path: Path) -> None:
    if path.exists():
        return
    try:
        make_usable(path)
    except StoreUnavailable as exc:
        raise CommandError(f"The cache's file {path} can't be made: {exc}") from exc
