"""Signs of life of the workers."""

from datetime import datetime, timedelta

from django.db import models

ALIVE_WITHIN = timedelta(seconds=15)


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    """Signs of life, narrowed."""

    def alive(self, now: datetime) -> "WorkerHeartbeatQuerySet":
        """Workers that gave one lately."""
        return self.filter(at__gte=now - ALIVE_WITHIN)


class WorkerHeartbeat(models.Model):
    """When a worker process last said that it lives."""

    name = models.CharField(max_length=100, primary_key=True, help_text="host:process id")
    at = models.DateTimeField(db_index=True)

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
