"""What is asked of the list of entries: filters, an order and a place, as an address has them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from cachestats.durations import DURATION
from cachestats.errors import FieldError, InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.models.entries import ID_DIGITS

MOST_ON_A_PAGE, ON_A_PAGE = 100, 50
LAST_USE, HITS = "used", "hits"
RANKS = (LAST_USE, HITS, "cost", "size", "age")
ORDERS = tuple(sign + name for name in RANKS for sign in ("", "-"))
# The rank and the id of the last entry of the page before, filled up to whole characters of base64.
# Ranks are whole numbers below 2**53 or costs, so that a double holds them. Whatever looks like one
# is a place in any order.
PLACE = Struct(">dq2x")
CURSOR = re.compile(r"[A-Za-z0-9_-]{24}")
PAGE_SIZE = re.compile(r"[1-9]\d?|100", re.ASCII)
SWITCH = {"true": True, "false": False}
# Fewer than 4 digits would find too many.
KEY_DIGITS = ID_DIGITS
KEY_BEGINNING = re.compile(rf"[0-9a-f]{{4,{KEY_DIGITS}}}")
FILTERS = ("type", "model", "key", "search", "older_than", "expired", "unused")
PARAMETERS = (*FILTERS, "order", "page_size", "cursor")


@dataclass(frozen=True, kw_only=True)
class EntryQuery:
    """What to list; the filters combine with AND. cursor: where the page before ended.

    key: the first 4 to 16 digits. search: a part of the type or the model's label. older_than: an
    age such as "7d". unused: whether it was never hit.
    """

    key: str | None = None
    type: str | None = None
    model: str | None = None
    search: str | None = None
    older_than: str | None = None
    expired: bool | None = None
    unused: bool | None = None
    order: str = f"-{LAST_USE}"
    page_size: int = ON_A_PAGE
    cursor: tuple[float, int] | None = None

    @property
    def rank(self) -> str:
        """The name of what it is ordered by."""
        return self.order.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the highest comes first."""
        return self.order.startswith("-")

    @property
    def filters(self) -> list[str]:
        """The names of the filters that may leave out many; nearly all entries are unexpired."""
        given = [name for name in FILTERS if getattr(self, name) is not None]
        return [name for name in given if name != "expired" or self.expired]


def read_query(given: Mapping[str, str]) -> EntryQuery:
    """Return what an address's parameters ask for.

    Raises:
        InvalidFilter: names each wrong parameter and what is accepted.
    """
    wrong: dict[str, str] = {
        name: f"is not known; accepted: {', '.join(PARAMETERS)}"
        for name in given
        if name not in PARAMETERS
    }
    cache_type, key = given.get("type"), given.get("key")
    order, size = given.get("order", f"-{LAST_USE}"), given.get("page_size", str(ON_A_PAGE))
    if cache_type is not None and not CACHE_TYPE.fullmatch(cache_type):
        wrong["type"] = "must be 1 to 40 of a-z, 0-9 and _"
    if key is not None and not KEY_BEGINNING.fullmatch(key):
        wrong["key"] = "must be 4 to 16 hexadecimal digits"
    for name in ("model", "search"):
        if "\0" in given.get(name, ""):
            wrong[name] = "must be text without NUL"
    if not DURATION.fullmatch(given.get("older_than", "0s")):
        wrong["older_than"] = "must be a number and s, m, h or d: 7d"
    for name in ("expired", "unused"):
        if given.get(name, "true") not in SWITCH:
            wrong[name] = "must be true or false"
    if order not in ORDERS:
        wrong["order"] = f"must be one of: {', '.join(ORDERS)}"
    if not PAGE_SIZE.fullmatch(size):
        wrong["page_size"] = f"must be 1 to {MOST_ON_A_PAGE}"
    cursor = given.get("cursor")
    if cursor is not None and not CURSOR.fullmatch(cursor):
        wrong["cursor"] = "must be that of the `next` of another page"
    if wrong:
        raise InvalidFilter([FieldError(field=name, message=wrong[name]) for name in wrong])
    return EntryQuery(
        key=key,
        type=cache_type,
        model=given.get("model"),
        search=given.get("search"),
        older_than=given.get("older_than"),
        expired=SWITCH[given["expired"]] if "expired" in given else None,
        unused=SWITCH[given["unused"]] if "unused" in given else None,
        order=order,
        page_size=int(size),
        cursor=None if cursor is None else read_cursor(cursor),
    )


def write_cursor(rank: float, last: int) -> str:
    """Return the place behind the entry with this rank and id."""
    return urlsafe_b64encode(PLACE.pack(rank, last)).decode()


def read_cursor(cursor: str) -> tuple[float, int]:
    """Return the rank and the id of the entry that a page begins behind."""
    rank, last = PLACE.unpack(urlsafe_b64decode(cursor))
    return rank, last
