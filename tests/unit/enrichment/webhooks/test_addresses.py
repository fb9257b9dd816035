"""Messages go to public addresses and to what the operator names, however either is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.webhooks.addresses import (
    AddressRefused,
    BadUrl,
    CheckedBackend,
    is_allowed,
    is_public,
    place_of,
    read_allowed_hosts,
    read_url,
)

NOBODY: frozenset[str] = frozenset()
PUBLIC = ["1.1.1.1", "93.184.215.14", "172.15.255.255", "172.32.0.0", "2606:4700::1111", "2a00::1"]
REFUSED = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"],
    "link-local": ["169.254.0.1", "fe80::1", "fe80::1%eth0", "fec0::1"],
    "metadata": ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"],
    "CGNAT": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "192.88.99.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:1.1.1.1", "::127.0.0.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::101:101", "64:ff9b:1::1"],
    "tunnels": ["2002:7f00:1::", "2001:0:7f00:1::1", "2001::1"],
    "set apart": ["100::1", "5f00::1", "4000::1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str):
    """Also those right beside a private range."""
    assert is_public(address)


@pytest.mark.parametrize("address", [each for kind in REFUSED.values() for each in kind])
def test_addresses_of_no_public_machine_are_not(address: str):
    """Each range that leads back to us, to neighbours, to a cloud's own services, or nowhere."""
    assert not is_public(address)


@pytest.mark.parametrize("address", [kind[0] for kind in REFUSED.values()])
def test_name_that_leads_to_a_refused_address_is_not_connected_to(address: str):
    """Neither alone nor behind a public one; no connection is tried (there are no sockets here)."""

    async def look_up(_host: str, _port: int) -> list[str]:
        return ["1.1.1.1", address]

    backend = CheckedBackend(NOBODY, look_up)
    with pytest.raises(AddressRefused):
        backend.connect_tcp("receiver.example", 443).send(None)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.com/hook?a=b", ("example.com", 443)),
        ("HTTPS://EXAMPLE.COM:8443", ("example.com", 8443)),
        ("https://bücher.example/", ("xn--bcher-kva.example", 443)),
        ("https://[2606:4700::1111]/", ("2606:4700::1111", 443)),
        # Odd forms of 127.0.0.1 pass here, and fail for what they lead to.
        ("https://127.1/", ("127.1", 443)),
        ("https://0x7f000001/", ("0x7f000001", 443)),
    ],
)
def test_url_is_read_as_host_and_port(url: str, place: tuple[str, int]):
    """What is looked up and connected to is read once."""
    assert place_of(read_url(url, NOBODY)) == place


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/", "must be https"),
        ("ftp://example.com/", "https://"),
        ("//example.com/", "https://"),
        ("https:///hook", "https://"),
        ("https://", "https://"),
        ("hook", "https://"),
        ("", "https://"),
        ("https://user@example.com/", "user"),
        ("https://user:pw@example.com/", "user"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:port/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://0177.0.0.1/", "no URL"),
        ("https://exa\nmple.com/", "no URL"),
        ("https://example.com/a b", "no blanks"),
        ("https://exa mple.com/", "no blanks"),
        ("https://example.com/" + "a" * 2000, "2,000"),
    ],
)
def test_other_urls_are_refused_with_a_reason(url: str, said: str):
    """The message says what is accepted."""
    with pytest.raises(BadUrl, match=said):
        read_url(url, NOBODY)


@given(st.text() | st.text().map("https://{}".format))
def test_reading_a_url_never_fails_otherwise(text: str):
    """Whatever is written, it is a URL with a place, or refused."""
    try:
        url = read_url(text, NOBODY)
    except BadUrl:
        return
    host, port = place_of(url)
    assert url.scheme == "https"
    assert host
    assert 0 < port < 65536


def test_allowed_hosts_may_be_reached_over_http():
    """With a port that one alone, without it all of them; another host not at all."""
    allowed = read_allowed_hosts(["App.Internal:8080", " 10.0.0.5 ", "[::1]:80", ""])

    assert allowed == {"app.internal:8080", "10.0.0.5", "[::1]:80"}
    for url in ("http://app.internal:8080/", "http://10.0.0.5:1/", "http://[::1]/"):
        read_url(url, allowed)
    for url in (
        "http://app.internal/",
        "http://10.0.0.50/",
        "http://[::1]:81/",
        "http://internal/",
    ):
        with pytest.raises(BadUrl):
            read_url(url, allowed)
    assert not is_allowed("app.internal", 443, allowed)


@pytest.mark.parametrize("written", ["http://a", "a/b", "a b", "u@a", "a:port", "a#", "*", "a?b"])
def test_allowed_hosts_that_are_none_are_refused(written: str):
    """A mistake in the setting is told, not taken for a host that nobody has."""
    with pytest.raises(ValueError, match="neither a host nor host:port"):
        read_allowed_hosts([written])
