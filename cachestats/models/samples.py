"""Look-ups as they were counted: a row for each kind of look-up between two flushes."""

from django.db import models


class CacheState(models.TextChoices):
    """How the cache took part in an answer."""

    HIT = "hit"
    MISS = "miss"
    COLLAPSED = "collapsed"
    BYPASS = "bypass"


class Reason(models.TextChoices):
    """Why a look-up was no hit. After `changed` stand the parameters that did: "changed: model"."""

    FIRST_SEEN = "first_seen"
    EXPIRED = "expired"
    EVICTED = "evicted"
    PURGED = "purged"
    CHANGED = "changed"
    BYPASSED = "bypassed"
    DAMAGED = "damaged"
    UNAVAILABLE = "unavailable"


class LookupBatch(models.Model):
    """Look-ups of one type, model, state and reason within one flush. No key and no content.

    latencies_ms, costs_ms: little-endian 32-bit floats, each standing for count / length look-ups;
    all of them up to 1,000, beyond that as many evenly spaced ranks.
    """

    at = models.DateTimeField(db_index=True)
    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=CacheState.choices)
    reason = models.CharField(max_length=80, blank=True)
    count = models.IntegerField()
    latency_ms = models.FloatField(help_text="Sum over the look-ups, computing included")
    latencies_ms = models.BinaryField()
    costs_ms = models.BinaryField(help_text="Of computing the answers; empty where none was")

    class Meta:
        ordering = ["-at"]
        verbose_name_plural = "lookup batches"

    def __str__(self) -> str:
        return f"{self.count} x {self.cache_type} {self.state}"
