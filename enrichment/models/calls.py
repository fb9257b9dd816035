"""Questions to models as they went, and what they add up to."""

from django.db import models
from django.db.models import Q

NAME_LENGTH = 200


class InferenceCall(models.Model):
    """One question to a host. No text and no reflection: a row must not tell who asked what.

    What the host reports, times and tokens, is null where there was no answer.
    """

    at = models.DateTimeField(help_text="When it ended")
    host = models.CharField(max_length=NAME_LENGTH)
    model = models.CharField(max_length=NAME_LENGTH, blank=True)
    kind = models.CharField(max_length=10, help_text="generate or chat")
    elapsed_ms = models.FloatField(help_text="Of all attempts, the waits between them included")
    queue_ms = models.FloatField(help_text="What is neither loading, prompt nor generation")
    load_ms = models.FloatField(null=True)
    prompt_ms = models.FloatField(null=True)
    generation_ms = models.FloatField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    generated_tokens = models.PositiveIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=40, blank=True, help_text="The kind of error, no more")
    rolled_up = models.BooleanField(
        default=False, help_text="Whether it was added to the sums of its span"
    )

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["at"], name="inference_call_at"),
            # Few: those of the last hour, which reports read one by one.
            models.Index(fields=["at"], condition=Q(rolled_up=False), name="inference_call_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.model}: {self.error or 'answered'}"


class InferenceTotal(models.Model):
    """All answered calls ever, added up in one row. It never falls, as sums of kept rows would."""

    calls = models.PositiveBigIntegerField(default=0)
    queue_ms = models.FloatField(default=0)
    load_ms = models.FloatField(default=0)
    prompt_ms = models.FloatField(default=0)
    generation_ms = models.FloatField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    generated_tokens = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.calls} answered calls"
