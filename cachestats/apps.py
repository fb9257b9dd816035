from django.apps import AppConfig


class CachestatsConfig(AppConfig):
    name = "cachestats"
    verbose_name = "Cache"
