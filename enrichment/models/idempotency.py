"""The keys that submissions come with, so that sending one again makes no second reflection."""

from django.db import models
from django.db.models import Q

from enrichment.models.reflections import Reflection


class IdempotencyKey(models.Model):
    """A key of one submitter, and the reflection that its first submission made.

    Claimed: it has a lease, until the reflection is there. Linked: it has the reflection.
    Forgotten: it has neither, nor anything of the body. Of a submission that was refused there is
    no row.
    """

    digest = models.CharField(
        max_length=64, primary_key=True, help_text="An HMAC of who submits and the key that came"
    )
    fingerprint = models.CharField(max_length=64, blank=True, help_text="An HMAC of the body")
    token = models.UUIDField(help_text="Of the request that may link it")
    lease_until = models.DateTimeField(null=True, help_text="Until when that request is awaited")
    reflection = models.ForeignKey(
        Reflection, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            # Deleting a reflection in any way that leaves the fingerprint of its text fails.
            models.CheckConstraint(
                condition=Q(lease_until__isnull=False, reflection__isnull=True)
                | Q(lease_until__isnull=True, reflection__isnull=False)
                | Q(lease_until__isnull=True, reflection__isnull=True, fingerprint=""),
                name="key_claimed_linked_or_forgotten",
            ),
        ]

    def __str__(self) -> str:
        return self.digest[:8]
