"""Cache entries, what is known beside them, and how much there is. All of it can be lost.

The hot path reads and writes the same tables through `stores`, on a connection of its own. Each
index on the entries would cost every set 10 to 20 %, so whatever is searched stands in the narrow
`EntryUse`, which is written in batches.
"""

from datetime import UTC, datetime

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q


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


ID_DIGITS = 16


def id_range(digits: str) -> tuple[int, int]:
    """Return the first and the last primary key of keys that start with these digits (1 to 16)."""
    first, last = (row_id(bytes.fromhex(digits.ljust(ID_DIGITS, end))) for end in "0f")
    return first, last


class EntryQuerySet(models.QuerySet["CacheEntry"]):
    """Entries, narrowed step by step."""

    def with_key(self, digits: str) -> "EntryQuerySet":
        """Entries whose key starts with these hexadecimal digits (8 or more)."""
        entries = self.filter(id__range=id_range(digits[:ID_DIGITS]))
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
    expires_ms = models.BigIntegerField(help_text="Milliseconds since 1970")

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "cache entries"
        ordering = ["id"]

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


class Departure(models.TextChoices):
    """Why an entry is no longer there."""

    EXPIRED = "expired"
    EVICTED = "evicted"
    PURGED = "purged"


class EntryUse(models.Model):
    """What is known of a key beside its answer: narrow, so that a hit never rewrites a value.

    The row outlives its entry for a while (`gone`), so that the next miss knows why it is one. Its
    hits are those of the entry's present life, or of its last. It is written in batches: of an
    entry younger than a flush there may be none yet.
    """

    id = RowIdField(primary_key=True, help_text="The entry's id")
    content_id = models.BigIntegerField(help_text="The same for the same content and type")
    marks = models.TextField(help_text="A short hash of each parameter, JSON")
    cache_type = models.CharField(max_length=40)
    model = models.CharField(max_length=200, blank=True)
    size_bytes = models.IntegerField()
    cost_ms = models.FloatField(null=True)
    created_ms = models.BigIntegerField(default=0, help_text="Milliseconds since 1970")
    expires_ms = models.BigIntegerField(help_text="Milliseconds since 1970")
    hits = models.BigIntegerField(default=0)
    used_ms = models.BigIntegerField(help_text="Stored or last hit; milliseconds since 1970")
    gone = models.CharField(max_length=10, choices=Departure.choices, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["content_id"], name="entryuse_content"),
            models.Index(fields=["used_ms"], name="entryuse_used", condition=Q(gone="")),
            models.Index(fields=["expires_ms"], name="entryuse_expires", condition=Q(gone="")),
            models.Index(fields=["used_ms"], name="entryuse_gone", condition=~Q(gone="")),
            models.Index(
                fields=["cache_type", "model", "created_ms"],
                name="entryuse_kind",
                condition=Q(gone=""),
            ),
            models.Index(
                fields=["hits", "id"], name="entryuse_hits", condition=Q(gone="", hits__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hits} hits"

    @property
    def digits(self) -> str:
        """The first 16 hexadecimal digits of the key, by which an entry is named."""
        return f"{self.id % 2**64:0{ID_DIGITS}x}"


class EntryTotal(models.Model):
    """The running count of what `EntryUse` lists as there, so that nobody has to add it up."""

    cache_type = models.CharField(max_length=40, primary_key=True)
    entries = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.cache_type}: {self.entries} entries"


class Generation(models.Model):
    """One row whose number each purge raises: what was computed before is not stored after it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)


class Failure(models.Model):
    """A computation that raised while other processes waited for it; kept for a minute."""

    id = RowIdField(primary_key=True, help_text="The key's row id")
    token = models.BigIntegerField(help_text="Tells one failure from the next")
    error = models.TextField(help_text="The exception's class and arguments, JSON")
    at_ms = models.BigIntegerField(help_text="Milliseconds since 1970")

    def __str__(self) -> str:
        return str(self.token)
