"""Warm-ups of the cache, so that what was predicted of each can be held against what came."""

from django.db import models
from django.db.models import Q

from enrichment.models.reflections import Reflection

TROUBLE_LENGTH = 300


class WarmUp(models.Model):
    """One run: what it computed ahead of the next look-up, and the hits that are expected of it.

    The counts are written at its end; of one that was killed they stay 0. Only one is unfinished at
    a time: it waits for a worker (no lease), or is at work for as long as its lease is renewed.
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
        TIME = "time", "It had worked for as long as one may"
        FAILED = "failed", "It met an error of ours"
        INTERRUPTED = "interrupted", "It was broken off"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    ended = models.CharField(
        max_length=12, choices=Ended.choices, blank=True, help_text="Empty: waits, or at work"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(
        max_length=TROUBLE_LENGTH, blank=True, help_text="What was in its way"
    )
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Renewed while it is at work; empty: it waits"
    )
    claimed_by = models.CharField(
        max_length=100, blank=True, help_text="The worker that works on it; empty: a command"
    )
    answer_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="So many answers are asked for; empty: all"
    )
    concurrency = models.PositiveSmallIntegerField(default=1, help_text="Answers at a time")
    computed = models.PositiveIntegerField(default=0, help_text="Entries")
    already_there = models.PositiveIntegerField(default=0, help_text="Entries")
    failed = models.PositiveIntegerField(default=0, help_text="Answers that were not valid")
    skipped = models.PositiveIntegerField(
        default=0, help_text="Lines without a text, or lost entries that nothing is known of"
    )
    predicted_hits = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["ended"], condition=Q(ended=""), name="one_unfinished_warm_up"
            )
        ]

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
