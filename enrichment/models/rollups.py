"""Calls to models added up over a while, so that reports need not read each of them."""

from django.db import models

from enrichment.models.calls import NAME_LENGTH


class CallRollup(models.Model):
    """Calls of one host, model, kind and error that ended within one span of time.

    A span is a quarter of an hour, and longer once it is old (`call_rollups.SPANS`). Times and
    tokens are those of answered calls. Histograms: packed as in `cachestats.histograms`; empty
    where no call was answered.
    """

    at = models.DateTimeField(help_text="When the span begins")
    host = models.CharField(max_length=NAME_LENGTH)
    model = models.CharField(max_length=NAME_LENGTH, blank=True)
    kind = models.CharField(max_length=10)
    error = models.CharField(max_length=40, blank=True)
    hours = models.PositiveSmallIntegerField(default=0, help_text="The span's; 0 for a quarter")
    calls = models.PositiveBigIntegerField(default=0)
    retried = models.PositiveBigIntegerField(default=0, help_text="Took more than one attempt")
    queue_ms = models.FloatField(default=0)
    load_ms = models.FloatField(default=0)
    prompt_ms = models.FloatField(default=0)
    generation_ms = models.FloatField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    generated_tokens = models.PositiveBigIntegerField(default=0)
    paced_tokens = models.PositiveBigIntegerField(
        default=0, help_text="Of calls that generated more than one"
    )
    paced_ms = models.FloatField(default=0, help_text="What these took to generate")
    elapsed_histogram = models.BinaryField(default=b"")
    queue_histogram = models.BinaryField(default=b"")
    load_histogram = models.BinaryField(default=b"")
    prompt_histogram = models.BinaryField(default=b"")
    generation_histogram = models.BinaryField(default=b"")

    class Meta:
        ordering = ["-at"]
        # What is old enough to be merged is found by it.
        indexes = [models.Index(fields=["hours", "at"], name="rollup_span")]
        constraints = [
            models.UniqueConstraint(
                fields=["at", "host", "model", "kind", "error"], name="one_rollup_of_calls"
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} x {self.kind} of {self.model}: {self.error or 'answered'}"
