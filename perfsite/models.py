"""Access tokens: hashed, named, scoped, expiring."""

from django.db import models
from knox.models import AbstractAuthToken


class Scope(models.TextChoices):
    """What a token may do."""

    ENRICH_RUN = "enrich:run"
    ENRICH_READ = "enrich:read"
    CACHE_READ = "cache:read"
    CACHE_PURGE = "cache:purge"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"


class AccessToken(AbstractAuthToken):  # type: ignore[misc]  # knox is untyped
    """A token of the API. Only its hash is kept; the token itself is shown once."""

    name = models.CharField(max_length=150)
    scopes = models.JSONField(default=list)
    owner = models.CharField(
        max_length=150, blank=True, help_text="The only owner whose reflections it reaches"
    )

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.scopes)})"
