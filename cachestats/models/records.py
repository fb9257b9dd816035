"""What people did to the cache: revisions of its configuration and the audit of purges."""

from django.conf import settings
from django.db import models


class ConfigRevision(models.Model):
    """An overlay over the tuning file: just the values that differ, by section."""

    number = models.BigAutoField(primary_key=True)
    overlay = models.JSONField(default=dict)
    reason = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    token_name = models.CharField(
        max_length=150, blank=True, help_text="Of the access token that it was saved with"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"revision {self.number}"


class Audit(models.Model):
    """A deletion from the cache: who, when, what was asked for and what went."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=150, help_text="A user's name, or the command")
    filters = models.JSONField(default=dict)
    deleted = models.BigIntegerField()
    freed_bytes = models.BigIntegerField()

    class Meta:
        ordering = ["-at"]
        verbose_name_plural = "audit"

    def __str__(self) -> str:
        return f"{self.actor} deleted {self.deleted} entries"
