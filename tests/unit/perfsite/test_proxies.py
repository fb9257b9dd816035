"""Whose request it is that came through proxies."""

from ipaddress import ip_network

import pytest

from perfsite.proxies import client_of

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        # What the client itself made up stands before what proxies added.
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("10.9.9.9,203.0.113.7 , 10.0.0.2", "203.0.113.7"),
        # All of them are ours: the first asked for itself.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # What can't be read ends it: nobody knows who wrote what is before.
        ("203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("garbage", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_client_is_whom_the_first_trusted_proxy_was_asked_by(forwarded_for: str, client: str):
    """From the end, until an address that is no proxy of ours."""
    assert client_of("10.0.0.1", forwarded_for, TRUSTED) == client
