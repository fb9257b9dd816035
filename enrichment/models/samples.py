"""What happened to queue and processes over time: samples and starts."""

from django.db import models


class QueueSample(models.Model):
    """The queue within a minute; older rows are merged into those of longer spans
    (`queue_samples.SPANS`).

    waiting, running, workers, oldest_seconds: the most that was found. done, failed: all.
    """

    at = models.DateTimeField(unique=True, help_text="When the span begins")
    seconds = models.PositiveIntegerField(default=60, help_text="How long the span is")
    minutes = models.PositiveSmallIntegerField(
        default=1, help_text="How long done and failed were counted"
    )
    waiting = models.PositiveIntegerField()
    running = models.PositiveIntegerField()
    done = models.PositiveIntegerField(help_text="Jobs that workers completed")
    failed = models.PositiveIntegerField(help_text="Jobs that failed or were quarantined")
    oldest_seconds = models.FloatField(
        null=True, help_text="How long a job could have been worked on; empty when none could"
    )
    workers = models.PositiveIntegerField(help_text="Worker processes that were alive")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.waiting} waited"


class SiteStart(models.Model):
    """That a part of the site started; once for all of its processes within a minute."""

    class Role(models.TextChoices):
        """Which part."""

        WEB = "web", "The site"
        WORKER = "worker", "A worker"

    at = models.DateTimeField(help_text="The minute")
    role = models.CharField(max_length=10, choices=Role.choices)
    host = models.CharField(max_length=100, help_text="The machine's name")

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["at", "role", "host"], name="one_start_a_minute")
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} started"
