"""Comparisons of a cached answer with what the model says today."""

from django.db import models

from enrichment.models.jobs import Job


class Comparison(models.Model):
    """An entry's question asked once more, beside what was stored; goes with its reflection.

    How far it is stands in its job. Values are JSON texts, byte for byte as the cache has them.
    """

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="comparison")
    digits = models.CharField(
        max_length=16, unique=True, help_text="The first 16 of the entry's key"
    )
    key = models.CharField(max_length=64, help_text="Of the entry")
    stage = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    old_value = models.TextField()
    old_cost_ms = models.FloatField(null=True)
    new_value = models.TextField(blank=True, help_text="Empty: there is none yet, or none was had")
    new_cost_ms = models.FloatField(null=True)
    new_key = models.CharField(
        max_length=64, blank=True, help_text="Under which today's answer would be stored"
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why no new answer was had")
    kept_at = models.DateTimeField(null=True, help_text="When the new answer replaced the old one")

    def __str__(self) -> str:
        return f"comparison of {self.digits[:8]}"

    @property
    def identical(self) -> bool:
        """Whether both answers are the same, byte for byte."""
        return self.old_value == self.new_value
