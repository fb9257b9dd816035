"""The job: the truth about the work on a reflection. A queue message is only a ticket."""

from datetime import datetime

from django.db import models
from django.db.models import Case, Q, When

from enrichment.models.reflections import Reflection


class Status(models.TextChoices):
    """How far a reflection is."""

    QUEUED = "queued"
    STAGE1_RUNNING = "stage1_running"
    STAGE1_COMPLETE = "stage1_complete"
    STAGE2_RUNNING = "stage2_running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"


FINISHED = (Status.COMPLETE, Status.FAILED, Status.CANCELLED, Status.QUARANTINED)
RUNNING = (Status.STAGE1_RUNNING, Status.STAGE1_COMPLETE, Status.STAGE2_RUNNING)
UNFINISHED = (Status.QUEUED, *RUNNING)


class Priority(models.IntegerChoices):
    """Lower goes first."""

    INTERACTIVE = 0
    BULK = 10
    BACKGROUND = 20


def is_ready(now: datetime) -> Q:
    """Match waiting jobs whose time has come."""
    return Q(status=Status.QUEUED, available_at__lte=now)


def is_abandoned(now: datetime) -> Q:
    """Match running jobs whose worker let its lease run out."""
    return Q(status__in=RUNNING, lease_until__lte=now)


def is_free(now: datetime) -> Q:
    """Match both; `FREE_SINCE` is when that happened."""
    return is_ready(now) | is_abandoned(now)


FREE_SINCE = Case(When(status=Status.QUEUED, then="available_at"), default="lease_until")


def is_held(now: datetime) -> Q:
    """Match jobs that a worker is at work on."""
    return Q(status__in=RUNNING, lease_until__gt=now)


# Complete ones, but for those that the cache answered in the submission itself.
DONE_BY_WORKERS = Q(status=Status.COMPLETE, started_at__isnull=False)


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, narrowed step by step."""

    def claimable(self, now: datetime) -> "JobQuerySet":
        """Jobs that any worker may take."""
        return self.filter(is_free(now))

    def waiting(self) -> "JobQuerySet":
        return self.filter(status=Status.QUEUED)

    def unfinished(self) -> "JobQuerySet":
        return self.filter(status__in=UNFINISHED)

    def for_people(self) -> "JobQuerySet":
        """Those that make a reflection's own results; what is done besides is not theirs."""
        return self.exclude(purpose__in=Job.BESIDES)

    def done_by_workers(self) -> "JobQuerySet":
        return self.filter(DONE_BY_WORKERS)


class Job(models.Model):
    """Work for a reflection: both of its stages, or ahead of the next one like it."""

    class Purpose(models.TextChoices):
        """Why there is work."""

        SUBMITTED = "submitted"
        AGAIN = "again"
        VARIANTS = "variants"
        COMPARE = "compare"

    # Texts for the next reflection like it, and a look at what its model says today.
    BESIDES = (Purpose.VARIANTS, Purpose.COMPARE)

    reflection = models.ForeignKey(Reflection, on_delete=models.CASCADE, related_name="jobs")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.SUBMITTED)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.INTERACTIVE)
    # NULL where there is none, so that people's jobs are in none of its indexes.
    topic = models.CharField(  # noqa: DJ001
        max_length=64, null=True, blank=True, help_text="What is made ahead: its first entry's key"
    )
    token = models.UUIDField(null=True, blank=True, help_text="Of the claim that may write")
    claimed_by = models.CharField(
        max_length=100, blank=True, db_index=True, help_text="The worker: host:process id"
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Claims so far, but for those that were given back"
    )
    errors = models.PositiveSmallIntegerField(default=0, help_text="Claims that raised")
    last_error = models.CharField(max_length=200, blank=True, help_text="The error's kind")
    available_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["status", "priority", "created_at"], name="job_claim"),
            models.Index(fields=["status", "finished_at"], name="job_finished"),
            # For lists of all; rows are added at its end and never moved.
            models.Index(fields=["created_at"], name="job_created"),
            models.Index(
                fields=["topic", "finished_at"],
                condition=Q(topic__isnull=False),
                name="job_topic",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reflection"], condition=Q(purpose="submitted"), name="one_submitted_job"
            ),
            models.UniqueConstraint(
                fields=["reflection"],
                condition=Q(purpose="again", finished_at__isnull=True),
                name="one_unfinished_again_job",
            ),
            models.UniqueConstraint(
                fields=["topic"],
                condition=Q(topic__isnull=False, finished_at__isnull=True),
                name="one_unfinished_job_per_topic",
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.status})"

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def crashes(self) -> int:
        """Claims that ended without a word: their process died, or was given up on."""
        return self.attempts - self.errors
