"""Verifies webhooks of Perfsite, which follow Standard Webhooks; with the standard library alone.

    try:
        event = verify(request.body, request.headers, secret)
    except NotVerified:
        ...  # answer 400 and do nothing
    # event["type"] is "reflection.complete", event["data"]["id"] the reflection's id

Use the body's bytes as they came; parsed and written again they are others. The same message may
come more than once: remember each `webhook-id` for a day, and answer 200 to one that you know.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 5 * 60


class NotVerified(Exception):
    """The message is not Perfsite's, or not from now."""


def verify(
    body: bytes, headers: Mapping[str, str], secret: str, now: float | None = None
) -> dict[str, Any]:
    """Return the event that a message tells of.

    Args:
        secret: as it was shown when the webhook was made.
        now: seconds since 1970; left out, the clock's.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, sent_at = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split(" ")
        age = (time.time() if now is None else now) - int(sent_at)
    except (KeyError, ValueError) as exc:
        raise NotVerified("a header is missing or malformed") from exc
    # Whoever recorded an old message can't send it again.
    if abs(age) > TOLERANCE_SECONDS:
        raise NotVerified("the time stamp is not from now")
    signed = f"{message_id}.{sent_at}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    # Compared in constant time, or its duration would tell how much of a guess was right.
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in signatures):
        raise NotVerified("the signature is not ours")
    event: dict[str, Any] = json.loads(body)
    return event


def _key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        return base64.b64decode(secret[len("whsec_") :])
    return secret.encode()
