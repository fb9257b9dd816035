"""How the hosts of models have been doing, for all processes to know."""

from django.db import models


class HostState(models.Model):
    """A host that failed: how often in a row, and whether it is given up for now.

    A host that never failed has no row.
    """

    url = models.CharField(max_length=200, primary_key=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row")
    last_error = models.CharField(max_length=200, blank=True, help_text="The error's kind")
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is not asked; empty while it is"
    )
    probe_at = models.DateTimeField(null=True, blank=True, help_text="When it may be tried again")

    def __str__(self) -> str:
        return self.url
