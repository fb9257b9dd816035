"""Warm-ups of the cache, so that what was predicted of each can be held against what came."""

from django.db import models

from enrichment.models.reflections import Reflection


class WarmUp(models.Model):
    """One run: what it computed ahead of the next look-up, and the hits that are expected of it.

    The counts are written at its end; of one that was killed they stay 0.
    """

    class Source(models.TextChoices):
        """Where it was told what to compute."""

        FILE = "file", "A file of texts"
        LOST = "lost", "What expired or was evicted"

    class Ended(models.TextChoices):
        """Why it went no further."""

        DONE = "done", "All was done"
        LIMIT = "limit", "So many answers were asked for as it may"
        PEOPLE = "people", "Somebody waited for the model"
        MODEL = "model", "The model was out of reach"
        NOT_KEPT = "not_kept", "The cache kept nothing"
        INTERRUPTED = "interrupted", "It was broken off"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    ended = models.CharField(
        max_length=12, choices=Ended.choices, blank=True, help_text="Empty: at work, or killed"
    )
    computed = models.PositiveIntegerField(default=0, help_text="Entries")
    already_there = models.PositiveIntegerField(default=0, help_text="Entries")
    failed = models.PositiveIntegerField(default=0, help_text="Answers that were not valid")
    skipped = models.PositiveIntegerField(
        default=0, help_text="Lines without a text, or lost entries that nothing is known of"
    )
    predicted_hits = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d}: {self.computed} entries"


class WarmUpEntry(models.Model):
    """An entry that a warm-up computed; goes with the reflection whose text it was made of."""

    warm_up = models.ForeignKey(WarmUp, on_delete=models.CASCADE, related_name="entries")
    reflection = models.ForeignKey(
        Reflection, null=True, on_delete=models.CASCADE, related_name="+"
    )
    key = models.CharField(max_length=64, db_index=True, help_text="Of the cache entry")
    expires_ms = models.BigIntegerField(
        help_text="When its time is over, milliseconds since 1970; a later life is another's work"
    )

    def __str__(self) -> str:
        return self.key[:8]
