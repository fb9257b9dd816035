"""The app's start: workers of the queue get their housekeeping."""

from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"

    def ready(self) -> None:
        # Models can be imported only now.
        from django_q.signals import post_spawn  # noqa: PLC0415

        from enrichment import worker  # noqa: PLC0415

        post_spawn.connect(worker.start, dispatch_uid="enrichment.worker")
