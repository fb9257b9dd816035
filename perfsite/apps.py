"""The app's start: its system checks are registered."""

from django.apps import AppConfig


class PerfsiteConfig(AppConfig):
    name = "perfsite"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models can be imported only now.
        from perfsite import checks  # noqa: F401, PLC0415
