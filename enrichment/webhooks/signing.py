"""Secrets and signatures of Standard Webhooks. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import re
import secrets

PREFIX = "whsec_"
BYTES_OF_OURS = 32
# The specification's: base64 of 24 to 64 bytes, strictly; or any other printable text, of which the
# bytes themselves sign.
PATTERN = (
    r"^(whsec_([A-Za-z0-9+/]{4}){8,21}"
    r"|whsec_([A-Za-z0-9+/]{4}){8,21}[A-Za-z0-9+/]{2}=="
    r"|whsec_([A-Za-z0-9+/]{4}){8,20}[A-Za-z0-9+/]{3}="
    r"|(?!whsec_)[!-~]{24,128})$"
)
SECRET = re.compile(PATTERN)
NEED = (
    "must be whsec_ with the base64 of 24 to 64 bytes behind it, or 24 to 128 other printable "
    "ASCII characters without blanks; left out, one is made"
)


def make_secret() -> str:
    """Return a new secret as receivers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES_OF_OURS)).decode()


def is_secret(text: str) -> bool:
    """Return whether a text may be a secret."""
    return SECRET.fullmatch(text) is not None


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return what the header `webhook-signature` holds.

    Args:
        timestamp: of this attempt, seconds since 1970.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver knows a message for ours."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        return base64.b64decode(secret.removeprefix(PREFIX))
    return secret.encode()
