"""The reflection: what a person wrote, as sent."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from enrichment.models.images import ReflectionImage
    from enrichment.models.jobs import Job
    from enrichment.models.results import StageResult

# With this begins the `key_scope` of what a person submitted, signed in or by a token of their own.
PERSON_SCOPE = "user:"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All that a reflection has, in the hands of who just wrote it."""

    jobs: "Sequence[Job]"
    results: "Sequence[StageResult]"
    image: "ReflectionImage | None"


class ReflectionQuerySet(models.QuerySet["Reflection"]):
    """Reflections, narrowed and completed step by step."""

    def with_parts(self) -> "ReflectionQuerySet":
        """Fetch jobs and results along, in one query each, and what is known of the image."""
        # Results last: what changes in between has another tag than the jobs tell.
        parts = self.prefetch_related("jobs", "results")
        return parts.select_related("image").defer("image__content")


class Reflection(models.Model):
    """A short personal text of one owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Empty while an image is to become it.
    text = models.TextField()
    owner = models.CharField(max_length=150, blank=True)
    # First in indexes below.
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    key_scope = models.CharField(
        max_length=160, help_text="Whose cached answers it may share: one owner's or the site's"
    )
    timestamp = models.DateTimeField(help_text="The instant it was written")
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=16, default="en")
    no_store = models.BooleanField(
        default=False, help_text="Nothing of it is looked up in the cache, or stored there"
    )
    no_cache = models.BooleanField(
        default=False, help_text="What was cached before is computed anew for it"
    )
    max_age_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Cached answers for it must be younger; empty: any will do"
    )
    risk_signals = models.JSONField(default=list, blank=True)
    enrich_again = models.BooleanField(
        default=False, help_text="A model was out of reach; enrich again when one is back"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = ReflectionQuerySet.as_manager()

    # So that a submission is answered without reading back what it wrote.
    written: Parts | None = None

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            # An owner's history is read with each look at a reflection.
            models.Index(fields=["owner", "timestamp"], name="reflection_history"),
            # What a token lists, in its order: an owner's, or what it submitted, for one or all.
            models.Index(fields=["owner", "created_at", "id"], name="reflection_of_owner"),
            models.Index(fields=["submitted_by", "created_at", "id"], name="reflection_submitted"),
            models.Index(
                fields=["submitted_by", "owner", "created_at", "id"],
                name="reflection_submitted_for",
            ),
            # Workers look for these every few seconds; mostly there are none.
            models.Index(
                fields=["created_at"], condition=Q(enrich_again=True), name="reflection_again"
            ),
        ]
        permissions = [("view_text", "Can read other people's reflections")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def at_risk(self) -> bool:
        return bool(self.risk_signals)

    @property
    def any_freshness(self) -> bool:
        """Whether any live answer of the cache will do for it."""
        return not (self.no_store or self.no_cache) and self.max_age_seconds is None

    @property
    def reader(self) -> str:
        """Who reads its results: an owner of one submitter, not of another with the same name."""
        return f"{self.submitted_by_id}:{self.owner}"

    @property
    def local_time(self) -> datetime:
        """The instant it was written, on the clock of the place where it was."""
        return self.timestamp.astimezone(ZoneInfo(self.timezone))

    def result_of(self, stage: int) -> "StageResult | None":
        """Return a stage's result, from what `with_parts` fetched."""
        results = self.written.results if self.written else self.results.all()
        return next((result for result in results if result.stage == stage), None)

    @property
    def image_or_none(self) -> "ReflectionImage | None":
        """The image that it came with, if it came with one."""
        return self.written.image if self.written else getattr(self, "image", None)

    @property
    def work(self) -> "Sequence[Job]":
        """Its jobs whose results somebody waits for, from what `with_parts` fetched."""
        jobs = self.written.jobs if self.written else self.jobs.all()
        return [job for job in jobs if job.purpose not in job.BESIDES]

    @property
    def submitted_job(self) -> "Job":
        """The job that its submission made."""
        return next(job for job in self.work if job.purpose == job.Purpose.SUBMITTED)
