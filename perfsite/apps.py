from django.apps import AppConfig


class PerfsiteConfig(AppConfig):
    name = "perfsite"
    default_auto_field = "django.db.models.BigAutoField"
