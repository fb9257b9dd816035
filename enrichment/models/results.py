"""What a stage made of a reflection. Outcome and cache state are two fields, never one."""

from django.db import models

from enrichment.models.reflections import Reflection
from enrichment.stages.answers import Outcome


class Forward(models.TextChoices):
    """Why a stage was not answered from the cache, in the words of RFC 9211."""

    URI_MISS = "uri-miss", "Nothing was there"
    STALE = "stale", "What was there was too old"
    REQUEST = "request", "The request wanted it computed anew"
    BYPASS = "bypass", "The cache took no part"


class StageResultQuerySet(models.QuerySet["StageResult"]):
    """Results, found by what they have in common."""

    def of_entry(self, digits: str) -> "StageResult | None":
        """Return a result that came by a cache entry, with its reflection; None without one.

        Args:
            digits: the first 16 of the entry's key.
        """
        # In the order of the index: a popular key has very many results.
        held = self.filter(key__gte=digits, key__lt=f"{digits}g", reflection__no_store=False)
        return held.order_by("key", "reader", "id").select_related("reflection").first()


class StageResult(models.Model):
    """The result of one stage, and how it came about."""

    reflection = models.ForeignKey(Reflection, on_delete=models.CASCADE, related_name="results")
    stage = models.PositiveSmallIntegerField(choices=[(1, "Stage 1"), (2, "Stage 2")])
    result = models.JSONField(help_text="The answer as it was computed or read from the cache")
    outcome = models.CharField(
        max_length=10, choices=[(outcome.value, outcome.value) for outcome in Outcome]
    )
    cache = models.CharField(max_length=10, help_text="hit, miss, collapsed or bypass")
    forward = models.CharField(
        max_length=10,
        choices=Forward.choices,
        blank=True,
        help_text="Why it was no hit; empty where it was, or no answer of the model stands here",
    )
    key = models.CharField(max_length=64, blank=True, help_text="Of the cache entry")
    reader = models.CharField(
        max_length=180, blank=True, help_text="For whom it was made, as its reflection says"
    )
    stored = models.BooleanField(default=False)
    age_seconds = models.PositiveIntegerField(default=0)
    ttl_seconds = models.PositiveIntegerField(default=0)
    cost_ms = models.FloatField(
        null=True, blank=True, help_text="What computing took, now or when it was stored"
    )
    engine = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    duration_ms = models.FloatField(help_text="Of the whole stage")
    raw_reply = models.TextField(blank=True, help_text="What the model wrote, when it was invalid")
    reason = models.CharField(max_length=200, blank=True, help_text="Why there is a fallback")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StageResultQuerySet.as_manager()

    class Meta:
        ordering = ["stage"]
        # A popular entry has very many results, of which a reader's newest is looked for each time.
        indexes = [models.Index(fields=["key", "reader", "id"], name="result_read")]
        constraints = [
            models.UniqueConstraint(fields=["reflection", "stage"], name="one_result_per_stage")
        ]

    def __str__(self) -> str:
        return f"Stage {self.stage}: {self.outcome}, {self.cache}"
