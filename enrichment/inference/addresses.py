"""What OLLAMA_HOST may hold, as base URLs."""

import re
from urllib.parse import urlsplit

import httpx

# By scheme; a host without one is where Ollama listens by default.
DEFAULT_PORTS = {"": 11434, "http": 80, "https": 443}
HOST_NAME = re.compile(r"[\w.:%-]+")
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # named, never listened on


def normalise_hosts(written: str) -> tuple[str, ...]:
    """Return the base URLs of one host or of several, separated by commas; each once.

    Raises:
        ValueError: one of them is no host; names it.
    """
    return tuple(dict.fromkeys(normalise_host(host) for host in written.split(",")))


def normalise_host(host: str) -> str:
    """Return the base URL for what names one host, as Ollama itself reads it.

    Raises:
        ValueError: it is neither a host, host:port nor an http(s) URL.
    """
    try:
        return _base_url(host)
    except (KeyError, ValueError, httpx.InvalidURL) as exc:
        raise ValueError(f"{host!r} is not a host, host:port or http(s) URL") from exc


def _base_url(host: str) -> str:
    scheme, _, place = host.strip().rpartition("://")
    parts = urlsplit(f"//{place}")
    name = LOOPBACK.get(parts.hostname or "", parts.hostname or "")
    # The library drops line breaks and takes blanks.
    if not HOST_NAME.fullmatch(name) or re.search(r"\s", place):
        raise ValueError("no name of a host")
    port = parts.port or DEFAULT_PORTS[scheme.lower()]
    name = f"[{name}]" if ":" in name else name
    url = f"{scheme.lower() or 'http'}://{name}:{port}{parts.path.rstrip('/')}"
    httpx.URL(url)
    return url
