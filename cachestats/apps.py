"""The app's start: its system checks are registered."""

from django.apps import AppConfig


class CachestatsConfig(AppConfig):
    name = "cachestats"
    verbose_name = "Cache"

    def ready(self) -> None:
        # Models can be imported only now.
        from cachestats import checks  # noqa: F401, PLC0415
