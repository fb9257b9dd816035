"""Signatures are those of Standard Webhooks, and prove exactly one message."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from enrichment.webhooks import signing
from tests.receivers import NotVerified, verify

NOW = 1_700_000_000
secrets = st.binary(min_size=24, max_size=64).map(
    lambda key: signing.PREFIX + base64.b64encode(key).decode()
)
plain_secrets = st.from_regex(signing.SECRET, fullmatch=True)
ids = st.uuids().map(str)
bodies = st.dictionaries(st.text(), st.text()).map(lambda data: repr(data).encode())


@given(secrets, ids, st.integers(0, 4_000_000_000), st.text())
def test_signature_is_the_one_of_the_specifications_library(
    secret: str, message_id: str, timestamp: int, text: str
):
    """What an implementation by others signs with the same secret is the same."""
    theirs = Webhook(secret).sign(message_id, datetime.fromtimestamp(timestamp, UTC), text)

    assert signing.signature(secret, message_id, timestamp, text.encode()) == theirs


@given(plain_secrets, ids, st.binary(max_size=50))
def test_our_example_verifies_what_we_sign(secret: str, message_id: str, extra: bytes):
    """With any secret that may be given, and in whatever case the headers' names come."""
    body = b'{"type": "reflection.complete"}'
    headers = signing.headers(secret, message_id, NOW, body)
    shouted = {name.upper(): value for name, value in headers.items()}

    assert verify(body, shouted, secret, NOW + 299) == {"type": "reflection.complete"}
    with pytest.raises(NotVerified):
        verify(body + b" " + extra, headers, secret, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "another"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,ü"},
        {"webhook-signature": ""},
        {"webhook-id": None},
    ],
)
def test_our_example_refuses_what_was_changed(change: dict[str, Any]):
    """Id, time stamp and signature belong together; none may be missing."""
    secret = signing.make_secret()
    headers = signing.headers(secret, "msg", NOW, b"{}") | change
    with pytest.raises(NotVerified):
        verify(b"{}", {k: v for k, v in headers.items() if v is not None}, secret, NOW)


@pytest.mark.parametrize("late", [-301, 301])
def test_our_example_refuses_what_is_not_from_now(late: int):
    """A message that somebody recorded proves nothing six minutes later."""
    secret = signing.make_secret()
    headers = signing.headers(secret, "msg", NOW, b"{}")
    with pytest.raises(NotVerified, match="time stamp"):
        verify(b"{}", headers, secret, NOW + late)


def test_our_example_takes_one_of_several_signatures():
    """While a secret is changed, a sender may sign with both."""
    secret = signing.make_secret()
    headers = signing.headers(secret, "msg", NOW, b"{}")
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"

    assert verify(b"{}", headers, secret, NOW) == {}


@given(secrets)
def test_secrets_of_the_specification_are_taken(secret: str):
    """Base64 of 24 to 64 bytes."""
    assert signing.is_secret(secret)


@given(st.integers(0, 23) | st.integers(65, 80))
def test_keys_of_other_lengths_are_refused(length: int):
    """Shorter ones can be guessed; longer ones are refused by libraries."""
    encoded = base64.b64encode(bytes(length)).decode()
    assert not signing.is_secret(signing.PREFIX + encoded)


@pytest.mark.parametrize(
    "text",
    ["", "a" * 23, "a" * 129, "a" * 23 + " ", "ä" * 30, "a" * 24 + "\n", "whsec_" + "!" * 40],
)
def test_other_texts_are_refused(text: str):
    """Too short, too long, not printable, or meant as the specification's and broken."""
    assert not signing.is_secret(text)


def test_secrets_of_ours_are_taken_and_never_the_same():
    """What we make, a client might have given."""
    first, second = signing.make_secret(), signing.make_secret()
    assert signing.is_secret(first)
    assert first != second
