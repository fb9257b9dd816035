"""What entries were worth when they were last all looked at."""

from django.db import models


class WorthSnapshot(models.Model):
    """One row, in the main database; what its numbers are, `cachestats.worth` tells.

    begun_at: when somebody last began to look at all entries. at: of the numbers; None before the
    first.
    """

    ONLY = 1

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    begun_at = models.DateTimeField()
    at = models.DateTimeField(null=True)
    entries = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    dead_entries = models.BigIntegerField(default=0)
    dead_bytes = models.BigIntegerField(default=0)
    curve = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.entries} entries at {self.at}"
