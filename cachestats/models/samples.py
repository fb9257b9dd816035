"""One row per look-up that was counted."""

from django.db import models


class CacheState(models.TextChoices):
    """How the cache took part in an answer."""

    HIT = "hit"
    MISS = "miss"
    COLLAPSED = "collapsed"
    BYPASS = "bypass"


class Sample(models.Model):
    """A look-up: its state and what it cost. No key and no content."""

    at = models.DateTimeField(db_index=True)
    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=CacheState.choices)
    latency_ms = models.FloatField(help_text="Of the whole look-up, computing included")
    cost_ms = models.FloatField(null=True, help_text="Of computing the answer; empty for none")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.cache_type} {self.state} {self.latency_ms:.1f} ms"
