"""Signs of life of the workers."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

ALIVE_WITHIN = timedelta(seconds=15)


def is_alive(now: datetime) -> Q:
    """Match workers that gave a sign of life lately."""
    return Q(at__gte=now - ALIVE_WITHIN)


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    """Signs of life, narrowed."""

    def alive(self, now: datetime) -> "WorkerHeartbeatQuerySet":
        """Workers that gave one lately."""
        return self.filter(is_alive(now))


class WorkerHeartbeat(models.Model):
    """When a worker process last said that it lives."""

    name = models.CharField(max_length=100, primary_key=True, help_text="host:process id")
    at = models.DateTimeField(db_index=True)

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
