"""Cache entries and their use.

The hot path reads and writes the same tables through `stores`, on a connection of its own.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class RowIdField(models.BigIntegerField):  # type: ignore[type-arg]  # generic in stubs only
    """A 64-bit primary key that is SQLite's rowid itself, not an index beside it."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)


def moment(milliseconds: int) -> datetime:
    """Return the instant of so many milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def row_id(digest: bytes) -> int:
    """Return the primary key of the entry with this digest."""
    return int.from_bytes(digest[:8], "big", signed=True)


class EntryQuerySet(models.QuerySet["CacheEntry"]):
    """Entries, narrowed step by step."""

    def expired(self, now_ms: int) -> "EntryQuerySet":
        return self.filter(expires_ms__lte=now_ms)

    def with_key(self, digits: str) -> "EntryQuerySet":
        """Entries whose key starts with these hexadecimal digits (8 or more)."""
        first, last = (row_id(bytes.fromhex(digits[:16].ljust(16, end))) for end in "0f")
        entries = self.filter(id__range=(first, last))
        if len(digits) <= 16:
            return entries
        matching = [entry.id for entry in entries if entry.key.startswith(digits)]
        return entries.filter(id__in=matching)


class CacheEntry(models.Model):
    """One computed answer under its key."""

    id = RowIdField(primary_key=True, help_text="The digest's first 8 bytes, signed")
    digest = models.BinaryField(max_length=32, editable=False)
    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True, help_text="The model's name, a label")
    value = models.BinaryField(help_text="JSON, UTF-8")
    checksum = models.BigIntegerField(help_text="CRC-32 of the value")
    size_bytes = models.IntegerField()
    cost_ms = models.FloatField(null=True, help_text="How long the answer took to compute")
    created_ms = models.BigIntegerField(help_text="Milliseconds since 1970")
    expires_ms = models.BigIntegerField(db_index=True, help_text="Milliseconds since 1970")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "cache entries"
        ordering = ["-expires_ms"]

    def __str__(self) -> str:
        return f"{self.cache_type}:{self.key[:8]}"

    @property
    def key(self) -> str:
        """The whole key in hexadecimal digits."""
        return bytes(self.digest).hex()

    @property
    def created_at(self) -> datetime:
        return moment(self.created_ms)

    @property
    def expires_at(self) -> datetime:
        return moment(self.expires_ms)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the entry and the record of its use."""
        EntryUse.objects.filter(id=self.id).delete()
        return super().delete(*args, **kwargs)


class EntryUse(models.Model):
    """How often and when an entry was last hit: narrow, so that a hit never rewrites its value."""

    id = RowIdField(primary_key=True, help_text="The entry's id")
    hits = models.BigIntegerField(default=0)
    used_ms = models.BigIntegerField(help_text="Milliseconds since 1970")

    def __str__(self) -> str:
        return f"{self.hits} hits"
