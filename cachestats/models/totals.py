"""What look-ups add up to since the first: rows that only grow, as counters of monitors must."""

from django.db import models

from cachestats.models.samples import CacheState


class LookupTotal(models.Model):
    """All look-ups ever of one type, model and state."""

    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=CacheState.choices)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cache_type", "model", "state"], name="one_total_of_lookups"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} x {self.cache_type} {self.state}"


class LatencyTotal(models.Model):
    """All answers ever of one type and state that took so long, computing included.

    bound_us: took at most so many microseconds, and more than the next lower bound; BEYOND for what
    exceeds them all.
    """

    BEYOND = -1

    cache_type = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=CacheState.choices)
    bound_us = models.BigIntegerField()
    count = models.BigIntegerField(default=0)
    latency_ms = models.FloatField(default=0, help_text="Sum over the answers")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cache_type", "state", "bound_us"], name="one_total_of_latencies"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} x {self.cache_type} {self.state}"
