"""Typed readers of the environment, and of `.env` where that is silent; for the settings alone.

Each raises ImproperlyConfigured with the variable's name and what is accepted, in one line.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

env = Env()
env.read_env(Path(__file__).resolve().parent.parent / ".env", recurse=False)

# As browsers send them: a usual port is left out.
ORIGIN = re.compile(
    r"(http://(?!.*:80$)|https://(?!.*:443$))([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", re.ASCII
)
# A name, one with all below it (.example.org), an address, or any.
HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:]+\]", re.ASCII)

MOST_DAYS = 36_500


def flag(name: str, *, default: bool = False) -> bool:
    """Read a switch."""
    try:
        return env.bool(name, default)
    except EnvError as exc:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, or true or false.") from exc


def choice(name: str, default: str, accepted: Sequence[str]) -> str:
    """Read one word out of a closed list."""
    value = env.str(name, default)
    if value not in accepted:
        raise ImproperlyConfigured(f"{name} must be one of: {', '.join(accepted)}.")
    return value


def choices(name: str, accepted: Sequence[str]) -> dict[str, str]:
    """Read `name=WORD`, or several separated by commas; each word is out of a closed list."""
    found = dict(item.partition("=")[::2] for item in _items(name))
    if not all(key and value in accepted for key, value in found.items()):
        raise ImproperlyConfigured(
            f"{name} must be name=LEVEL, or several separated by commas; "
            f"a level is one of: {', '.join(accepted)}."
        )
    return found


def count(name: str, default: int, *, least: int = 1) -> int:
    """Read a whole number."""
    try:
        value = env.int(name, default)
    except EnvError as exc:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from exc
    if value < least:
        raise ImproperlyConfigured(f"{name} must be {least} or more.")
    return value


def days(name: str, default: int) -> int:
    """Read for how many days something is kept; 0: for ever."""
    try:
        value = env.int(name, default)
    except EnvError as exc:
        raise ImproperlyConfigured(f"{name} must be a whole number of days.") from exc
    if not 0 <= value <= MOST_DAYS:
        raise ImproperlyConfigured(f"{name} must be 0 (for ever) to {MOST_DAYS:,} days.")
    return value


def rate(name: str, default: int) -> int:
    """Read a limit a minute; 0: there is none."""
    value = env.str(name, f"{default}/min") or "0"
    if not (read := re.fullmatch(r"(\d{1,9})(/min)?", value, re.ASCII)):
        raise ImproperlyConfigured(
            f"{name} must be a number a minute such as {default}/min, or 0 for no limit."
        )
    return int(read[1])


def origins(name: str) -> list[str]:
    """Read which web apps' pages may call the API: origins as browsers send them."""
    found = _items(name)
    for origin in found:
        if not ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(
                f"{name} must be origins, separated by commas, such as https://app.example.org: "
                f"lower case, without a path or a usual port, and no asterisk; {origin!r} is none."
            )
    return found


def hosts(name: str, default: Sequence[str]) -> list[str]:
    """Read by which names the site is asked."""
    found = _items(name) or list(default)
    for host in found:
        if not HOST.fullmatch(host):
            raise ImproperlyConfigured(
                f"{name} must be host names, separated by commas, such as perfsite.example.org: "
                f"without https://, port or path; {host!r} is none."
            )
    return found


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Read addresses and networks of machines."""
    try:
        return [ip_network(item) for item in _items(name)]
    except ValueError as exc:
        raise ImproperlyConfigured(
            f"{name} must be addresses or networks, separated by commas, such as "
            f"127.0.0.1,10.1.0.0/16: {exc}."
        ) from exc


def database(name: str, default_file: Path) -> dict[str, Any]:
    """Read a database URL."""
    try:
        return dict(env.dj_db_url(name, f"sqlite:///{default_file}", conn_max_age=None))
    except (EnvError, ValueError) as exc:
        raise ImproperlyConfigured(
            f"{name} must be a database URL such as sqlite:////path/file.sqlite3."
        ) from exc


def _items(name: str) -> list[str]:
    return [item.strip() for item in env.str(name, "").split(",") if item.strip()]
