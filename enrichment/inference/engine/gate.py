"""Who may talk to the engine: programs on this machine, and no web page.

A page that rebinds its own name to 127.0.0.1 sends that name as Host; a page that posts across
origins sends its own as Origin. Neither is loopback.
"""

import ipaddress
from email.message import Message
from urllib.parse import urlsplit

from enrichment.inference.engine.errors import RefusedError


def is_loopback(host: str) -> bool:
    """Say whether a host name or address (no port, no brackets) is this machine's loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_headers(headers: Message) -> None:
    """Refuse a request that a web page could have sent; a missing header is no reason."""
    host, origin = headers.get("Host"), headers.get("Origin")
    if host is not None and not _names_loopback(f"//{host}"):
        raise RefusedError(403, "the Host header must name this machine's loopback")
    if origin is not None and not _names_loopback(origin):
        raise RefusedError(403, "this server does not answer web pages of other origins")


def _names_loopback(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
