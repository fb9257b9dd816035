"""Makes a submission that is sent again the same submission: one reflection for each key.

A key is claimed and committed before the work, under a lease. The transaction that inserts the
reflection links the two, fenced by the claim's token. A process that dies in between so leaves
either nothing but a claim, which the next request takes over when its lease has run out, or the
finished link. A key belongs to who submits; of it, as of the body, only HMACs are kept.

The semantics are those of draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from cachestats.commits import commit
from cachestats.keys import make_key
from enrichment.errors import Busy, EnrichmentError
from enrichment.inserts import insert
from enrichment.models import IdempotencyKey, Reflection

KEPT = timedelta(hours=24)
# Longer than any submission takes; who dies holds the key for so long.
LEASE = timedelta(seconds=60)
# A submission takes milliseconds, one with a picture a second or two.
RETRY_SECONDS = 1


class KeyInUse(Busy):
    """The first submission with this key is being worked on."""

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is at work", RETRY_SECONDS)


class KeyReused(EnrichmentError):
    """The key came with another body before."""


class ReflectionForgotten(EnrichmentError):
    """The key's reflection was made, and deleted since."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to make a key's reflection, for as long as nobody took it over."""

    digest: str
    token: uuid.UUID

    def link(self, reflection: Reflection) -> None:
        """Make this the key's reflection; call it in the transaction that inserts it.

        Raises:
            KeyInUse: another request took the claim over; the transaction must not be committed.
        """
        linked = self._held().update(reflection=reflection, lease_until=None)
        if not linked:
            raise KeyInUse

    def release(self) -> None:
        """Free the key, unless its reflection is there."""
        # While the database is away the lease runs out by itself.
        with suppress(Error):
            self._held().delete()

    def _held(self) -> Any:
        return IdempotencyKey.objects.filter(
            digest=self.digest, token=self.token, lease_until__isnull=False
        )


@contextmanager
def claiming(
    key: str, fields: Mapping[str, Any], *, user: User, token_owner: str | None
) -> Iterator[Claim | uuid.UUID]:
    """Yield the claim of a key, or the id of the reflection that it made before.

    If the block raises, the key is free again.

    Args:
        fields: of a body that is a submission: texts, and bytes of a file.
        token_owner: as for `services.submit`.

    Raises:
        KeyInUse, KeyReused, ReflectionForgotten
    """
    digest = _digest("idempotency_key", user=user.pk, owner=token_owner or "", key=key)
    taken = _take(digest, _fingerprint(digest, fields))
    try:
        yield taken
    except BaseException:
        if isinstance(taken, Claim):
            taken.release()
        raise


def forget(reflections: Collection[Reflection]) -> None:
    """Keep nothing of reflections' bodies with their keys, and of a key only that it was used."""
    used = IdempotencyKey.objects.filter(reflection__in=reflections)
    used.update(reflection=None, fingerprint="")


def outdated(now: datetime) -> QuerySet[IdempotencyKey]:
    """Return keys that are older than KEPT."""
    return IdempotencyKey.objects.filter(created_at__lt=now - KEPT)


def _take(digest: str, fingerprint: str) -> Claim | uuid.UUID:
    now, token = timezone.now(), uuid.uuid4()
    claim = Claim(digest=digest, token=token)
    held = {"token": token, "lease_until": now + LEASE}
    row = IdempotencyKey.objects.filter(digest=digest).first()
    if row is None:
        try:
            row = IdempotencyKey(digest=digest, fingerprint=fingerprint, **held)
            commit(partial(insert, [row]))
        except IntegrityError as exc:
            # Another request claimed it in between, and may have freed it since.
            raise KeyInUse from exc
        return claim
    if row.lease_until is None and row.reflection_id is None:
        raise ReflectionForgotten
    if row.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key came with another body before.")
    if row.reflection_id is not None:
        return row.reflection_id
    # Compare-and-swap: of many that find a dead request's claim one takes it over.
    abandoned = IdempotencyKey.objects.filter(
        digest=digest, token=row.token, lease_until__isnull=False, lease_until__lte=now
    )
    if abandoned.update(**held) == 1:
        return claim
    raise KeyInUse


def _fingerprint(digest: str, fields: Mapping[str, Any]) -> str:
    """Return what tells a key's bodies apart; a field that is null is the same as none."""
    given = {
        name: hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
        for name, value in fields.items()
        if value is not None
    }
    return _digest("idempotency_body", key=digest, fields=given)


def _digest(kind: str, **content: Any) -> str:
    return make_key(settings.PERF_CACHE_PEPPER.encode(), content, cache_type=kind).hex
