"""Webhooks: who is told what became of reflections, and each message on its way to them."""

import uuid

from django.db import models
from django.db.models import Q

from enrichment.models.reflections import Reflection


class Event(models.TextChoices):
    """What somebody may be told of; `test` is sent only when it is asked for."""

    STAGE1_COMPLETE = "stage1_complete"
    COMPLETE = "complete"
    FAILED = "failed"
    TEST = "test"


class WebhookEndpoint(models.Model):
    """Where messages go."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, blank=True)
    url = models.CharField(max_length=2000)
    events = models.JSONField(help_text="Which of them it is sent")
    sealed_secret = models.TextField(help_text="What signs its messages, encrypted")
    enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(
        max_length=20, blank=True, help_text="The kind of error that switched it off"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.name or str(self.id)


class WebhookDelivery(models.Model):
    """One message to one endpoint. Its id stays the same however often it is sent."""

    class Status(models.TextChoices):
        """How far it is."""

        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Nobody's work may fail because an endpoint was deleted in the same moment: what is left of
    # such a one is swept.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False
    )
    reflection = models.ForeignKey(
        Reflection, null=True, on_delete=models.CASCADE, related_name="+"
    )
    event = models.CharField(max_length=16, choices=Event.choices)
    reflection_status = models.CharField(
        max_length=16, blank=True, help_text="Of the reflection, at the event"
    )
    created_at = models.DateTimeField(help_text="When the event was")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    token = models.UUIDField(null=True, blank=True, help_text="Of the claim that may write")
    due_at = models.DateTimeField(
        help_text="When it may be sent, next or again; of one that is being sent, the lease's end"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.FloatField(null=True, blank=True)
    error = models.CharField(max_length=20, blank=True, help_text="The last one's kind")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            # Workers look for these every two seconds; mostly there are none.
            models.Index(
                fields=["due_at", "endpoint"],
                condition=Q(finished_at__isnull=True),
                name="webhook_due",
            ),
            models.Index(fields=["endpoint", "created_at"], name="webhook_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.status})"
