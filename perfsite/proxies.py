"""Who asks, where proxies stand before the site: only those that the operator named are believed.

Anybody can send the headers in which proxies say for whom they ask.
"""

import logging
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = IPv4Network | IPv6Network

# What this site reads, or a library of it might.
HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
)

logger = logging.getLogger(__name__)


class TrustedProxies:
    """Makes REMOTE_ADDR the client's address, and drops what others than trusted proxies claim."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._warned = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        if _is_of(_address(peer), settings.TRUSTED_PROXIES):
            told = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = client_of(peer, told, settings.TRUSTED_PROXIES)
        else:
            self._warn_once(request, peer)
            for name in HEADERS:
                request.META.pop(name, None)
        return self._get_response(request)

    def _warn_once(self, request: HttpRequest, peer: str) -> None:
        """Name a proxy that was forgotten: it would be sent to HTTPS for ever."""
        if self._warned or request.META.get("HTTP_X_FORWARDED_PROTO") != "https":
            return
        self._warned = True
        logger.warning(
            "[HTTP] %s says that it asks over HTTPS for somebody, and is not believed; if it is "
            "your proxy, name it in TRUSTED_PROXIES",
            peer,
        )


def client_of(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """Return the address of whoever asked the first trusted proxy.

    Args:
        peer: the address that the connection came from, a trusted proxy's.
        forwarded_for: what X-Forwarded-For holds: each proxy added, at the end, who asked it.
    """
    found = peer
    for told in reversed(forwarded_for.split(",")):
        address = _address(told.strip())
        if address is None:
            break
        found = str(address)
        if not _is_of(address, trusted):
            break
    return found


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # As a socket for both kinds tells of the older.
    return getattr(address, "ipv4_mapped", None) or address


def _is_of(address: IPv4Address | IPv6Address | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
