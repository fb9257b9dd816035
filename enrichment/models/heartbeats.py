"""Signs of life of the workers."""

from django.db import models


class WorkerHeartbeat(models.Model):
    """When a worker process last said that it lives."""

    name = models.CharField(max_length=100, primary_key=True, help_text="host:process id")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
