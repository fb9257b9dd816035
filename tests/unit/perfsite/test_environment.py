"""What variables may hold, and what is said of those that hold something else."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from perfsite.environment import choices, count, flag, hosts, networks

Reader = Callable[[str], Any]


def levels(name: str) -> dict[str, str]:
    return choices(name, ("DEBUG", "INFO"))


def names(name: str) -> list[str]:
    return hosts(name, ["localhost"])


def seconds(name: str) -> int:
    return count(name, 3600, least=0)


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        (networks, "", []),
        (networks, "10.0.0.1, fd00::/8", [ip_network("10.0.0.1"), ip_network("fd00::/8")]),
        (levels, "", {}),
        (levels, "django=INFO, django-q=DEBUG", {"django": "INFO", "django-q": "DEBUG"}),
        (names, "", ["localhost"]),
        (names, "a.example, .b.example,[::1],*", ["a.example", ".b.example", "[::1]", "*"]),
        (flag, "on", True),
        (seconds, "0", 0),
    ],
)
def test_variable_is_read_as_people_write_it(
    monkeypatch: pytest.MonkeyPatch, reader: Reader, value: str, read: Any
):
    """With spaces after commas; one that is empty is none."""
    monkeypatch.setenv("VARIABLE", value)
    assert reader("VARIABLE") == read


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (networks, "proxy.internal"),
        (networks, "10.0.0.1/8"),
        (networks, "10.0.0.1;10.0.0.2"),
        (levels, "django"),
        (levels, "django=LOUD"),
        (levels, "=INFO"),
        (names, "https://a.example"),
        (names, "a.example:8000"),
        (names, "a.example b.example"),
        (flag, "maybe"),
        (seconds, "-1"),
        (seconds, "1h"),
    ],
)
def test_what_is_no_such_value_is_told_in_one_line_with_its_name(
    monkeypatch: pytest.MonkeyPatch, reader: Reader, value: str
):
    """And what is accepted."""
    monkeypatch.setenv("VARIABLE", value)
    with pytest.raises(ImproperlyConfigured, match=r"^VARIABLE must be [^\n]+\.$"):
        reader("VARIABLE")
