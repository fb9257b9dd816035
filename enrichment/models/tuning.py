"""What tune_ollama measured, kept as evidence for what it changed."""

from typing import Any

from django.db import models


class TuningRun(models.Model):
    """One run: every value that was tried, how it did, and what was put in force."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    host = models.CharField(max_length=200, help_text="Base URL")
    model = models.CharField(max_length=200)
    digest = models.CharField(max_length=100, blank=True, help_text="Of the model")
    budget_seconds = models.PositiveIntegerField()
    evidence = models.JSONField(help_text="As tune_ollama --json prints it")
    revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of the configuration, where the result was applied"
    )

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"tuning run {self.pk} of {self.model}"

    @property
    def changes(self) -> dict[str, Any]:
        """The tuning that was shown to be better, whether it was applied or not."""
        return dict(self.evidence.get("changes", {}))
