"""Look-ups as they were counted: between two flushes, and then added up by spans of time."""

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
    NO_STORE = "no_store"
    NO_CACHE = "no_cache"
    TOO_OLD = "too_old"


class Lookups(models.Model):
    """Look-ups of one type, model, state and reason. No key and no content.

    latencies, costs: packed histograms in milliseconds (`cachestats.histograms`). Costs are of
    computing the answers: empty, and cost_ms 0, where none was.
    """

    at = models.DateTimeField()
    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=CacheState.choices)
    reason = models.CharField(max_length=80, blank=True)
    count = models.BigIntegerField()
    latency_ms = models.FloatField(help_text="Sum over the look-ups, computing included")
    cost_ms = models.FloatField(default=0, help_text="Sum over the answers that were computed")
    latencies = models.BinaryField()
    costs = models.BinaryField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.count} x {self.cache_type} {self.state}"


class LookupBatch(Lookups):
    """Look-ups within one flush, until they are added to the spans that they lie in."""

    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-at"]
        verbose_name_plural = "lookup batches"


class Span(models.IntegerChoices):
    """How long the spans are that look-ups are added up by, in seconds. Each divides the next."""

    MINUTE = 60
    QUARTER_HOUR = 900
    HOUR = 3_600
    QUARTER_DAY = 21_600
    DAY = 86_400


class LookupSpan(Lookups):
    """Look-ups within a span that begins at `at`, a whole multiple of its length since 1970, UTC.

    Each look-up that is no longer in a batch is in one span of each length. computed: whether they
    computed their answers; of these a row without a reason, and perhaps without a count, has the
    histograms of all.
    """

    seconds = models.IntegerField(choices=Span.choices)
    computed = models.BooleanField()

    class Meta:
        ordering = ["-at", "seconds"]
        constraints = [
            models.UniqueConstraint(
                fields=["seconds", "at", "cache_type", "model", "state", "reason", "computed"],
                name="one_row_of_a_span",
            )
        ]
