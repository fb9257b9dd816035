"""The image that a reflection came with, for as long as nothing has described it."""

from django.db import models
from django.db.models import Q

from enrichment.models.reflections import Reflection


class ReflectionImage(models.Model):
    """A reflection's image: first what is to be described, then only where its words came from.

    The pixels go in the moment in which their description becomes text.
    """

    reflection = models.OneToOneField(
        Reflection, on_delete=models.CASCADE, primary_key=True, related_name="image"
    )
    content = models.BinaryField(null=True, help_text="JPEG without metadata, until described")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file, until described")
    key = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="Of the description's cache entry"
    )
    cache = models.CharField(max_length=10, blank=True, help_text="How the cache took part in it")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(content__isnull=False, key="")
                | (Q(content__isnull=True, sha256="") & ~Q(key="")),
                name="image_waits_or_is_described",
            )
        ]

    def __str__(self) -> str:
        return f"image of {self.reflection_id}"

    @property
    def described(self) -> bool:
        return bool(self.key)
