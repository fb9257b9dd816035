"""What was done to the cache: revisions of its configuration, the audit of purges, and pruning."""

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


class RetentionRun(models.Model):
    """The schedule's last turn at pruning; one row.

    seconds: what it took; None while it is under way. removed: how many rows, by table.
    """

    ONLY = 1

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    begun_at = models.DateTimeField()
    seconds = models.FloatField(null=True)
    removed = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"pruned at {self.begun_at}"
