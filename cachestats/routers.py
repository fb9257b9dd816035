"""Which rows live in the cache's own database: what can be computed again, and nothing else."""

from typing import Any

from django.db.models import Model

CACHE_MODELS = {"cacheentry", "entryuse", "entrytotal", "generation", "failure"}


class CacheRouter:
    """Sends entries and their use to the alias `cache`, everything else to `default`."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:
        return self._alias(model._meta.app_label, model._meta.model_name)

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **_hints: Any
    ) -> bool:
        return db == self._alias(app_label, model_name)

    def _alias(self, app_label: str, model_name: str | None) -> str:
        ours = app_label == "cachestats" and model_name in CACHE_MODELS
        return "cache" if ours else "default"
