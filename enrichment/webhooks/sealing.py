"""How secrets are kept: encrypted, under a key made of SECRET_KEY.

They sign, so a hash would not do. Who reads the database alone, or a copy of it, can't sign.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"perfsite: secrets of webhooks"


class SecretUnreadable(Exception):
    """A secret was sealed under another SECRET_KEY."""


def seal(secret: str) -> str:
    """Return a secret as it is kept."""
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the secret again.

    Raises:
        SecretUnreadable: SECRET_KEY is another one by now.
    """
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as exc:
        raise SecretUnreadable from exc


def _fernet() -> Fernet:
    # SECRET_KEY is long and random already: nothing has to be made slow.
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return Fernet(base64.urlsafe_b64encode(derived.derive(settings.SECRET_KEY.encode())))
