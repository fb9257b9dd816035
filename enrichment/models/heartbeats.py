"""Signs of life of the workers."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from enrichment.schema import newest

ALIVE_WITHIN = timedelta(seconds=15)


def is_alive(now: datetime) -> Q:
    """Match workers that gave a sign of life lately."""
    return Q(at__gte=now - ALIVE_WITHIN)


def runs_this_code() -> Q:
    """Match workers of this process's version."""
    return Q(version=settings.VERSION, schema=newest())


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    """Signs of life, narrowed."""

    def alive(self, now: datetime) -> "WorkerHeartbeatQuerySet":
        """Workers that gave one lately."""
        return self.filter(is_alive(now))

    def beat(self, name: str, now: datetime) -> None:
        """Note that a process of this code lives."""
        code = {"version": settings.VERSION, "schema": newest()}
        self.update_or_create(name=name, defaults={"at": now, **code})

    def of_other_versions(self) -> "WorkerHeartbeatQuerySet":
        """Workers whose code is not this process's."""
        return self.exclude(runs_this_code())


class WorkerHeartbeat(models.Model):
    """When a worker process last said that it lives."""

    name = models.CharField(max_length=100, primary_key=True, help_text="host:process id")
    at = models.DateTimeField(db_index=True)
    version = models.CharField(max_length=40, default="", help_text="Of the code that it runs")
    schema = models.CharField(
        max_length=200, default="", help_text="The newest migrations that it knows"
    )

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
