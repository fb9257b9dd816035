"""The Idempotency-Key header of submissions; see `enrichment.idempotency` for what it does."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from enrichment.idempotency import Claim, KeyInUse, KeyReused, ReflectionForgotten, claiming
from enrichment.models import Reflection

HEADER = "Idempotency-Key"
# Visible ASCII as it is, or what RFC 8941 calls a string: in quotes, with escapes.
KEY = re.compile(r'[!#-~][!-~]{0,254}|"(?:[ !#-\[\]-~]|\\["\\]){1,255}"')
ACCEPTED = "must be 1 to 255 visible ASCII characters, or such a text in double quotes"
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": f"^({KEY.pattern})$"},
    OpenApiParameter.HEADER,
    description="Of your own making, such as a UUID: sent again with it and the same body, the "
    "submission makes no second reflection, and the answer says `Idempotency-Replayed: true`. It "
    f"{ACCEPTED}. It is remembered for a day.",
)
ANSWERS = {
    409: OpenApiResponse(description="The first request with this Idempotency-Key is at work."),
    410: OpenApiResponse(description="What this Idempotency-Key made was deleted."),
    422: OpenApiResponse(description="This Idempotency-Key came with another body before."),
}


class InUse(APIException):
    """The first request with the key is not answered yet; `wait` becomes Retry-After."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, busy: KeyInUse) -> None:
        super().__init__(str(busy))
        self.wait = busy.retry_after


class Reused(APIException):
    """The key stands for another body."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Gone(APIException):
    """What the key made is no more."""

    status_code = status.HTTP_410_GONE
    default_detail = "The reflection that this Idempotency-Key made was deleted."


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a submission's key came to: a claim, the reflection made before, or no key at all."""

    claim: Claim | None = None
    replays: Reflection | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def idempotent(request: Request, fields: Mapping[str, Any], user: User) -> Iterator[Turn]:
    """Yield what the request's key came to; if the block raises, the key is free again.

    Args:
        fields: of a body that is a submission.

    Raises:
        ValidationError, InUse, Reused, Gone
    """
    key = read_key(request.headers.get(HEADER))
    if key is None:
        yield Turn()
        return
    owner = getattr(request.auth, "owner", None)
    try:
        with claiming(key, fields, user=user, token_owner=owner) as taken:
            if isinstance(taken, Claim):
                yield Turn(claim=taken)
            else:
                first = Reflection.objects.with_parts().get(pk=taken)
                yield Turn(replays=first, headers={"Idempotency-Replayed": "true"})
    except KeyInUse as exc:
        raise InUse(exc) from exc
    except KeyReused as exc:
        raise Reused(str(exc)) from exc
    except (ReflectionForgotten, Reflection.DoesNotExist) as exc:
        raise Gone from exc


def read_key(value: str | None) -> str | None:
    """Return the key that a header's value holds, without quotes and escapes; None without one.

    Raises:
        ValidationError: names the header and what is accepted.
    """
    if value is None:
        return None
    if not KEY.fullmatch(value):
        raise ValidationError({HEADER: [ACCEPTED]})
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
