"""Entries as a page of a list shows them, without their values: from the narrow `EntryUse` alone.

It is written in batches, so that an entry younger than a flush is not on the list yet. Only the
order of last use has an index. Whatever else is asked for reads through all rows: 0.3 s for a
million (measured, with the file in memory). An index on hits would make counting them five times
as slow, and none would help a filter. So beyond SCANNED entries that is refused.
"""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from struct import Struct

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from cachestats.durations import DURATION, parse_duration
from cachestats.errors import FieldError, InvalidFilter
from cachestats.keys import CACHE_TYPE
from cachestats.models import CacheEntry, EntryTotal, EntryUse, LookupTotal
from cachestats.models.entries import ID_DIGITS, id_range, moment, row_id

SCANNED = 2_000_000
MOST_ON_A_PAGE, ON_A_PAGE = 100, 50
LAST_USE = "used"


def _unindexed(milliseconds: Combinable) -> Combinable:
    # Else Django takes it for 32 bits wide in PostgreSQL, and a moment for more than any row has.
    return ExpressionWrapper(milliseconds, output_field=BigIntegerField())


# What each order ranks by; age is the other way round: the oldest is the highest.
RANKS: Mapping[str, Combinable] = {
    LAST_USE: F("used_ms"),
    "hits": F("hits"),
    "cost": Coalesce("cost_ms", 0.0),
    "size": F("size_bytes"),
    "age": _unindexed(-F("created_ms")),
}
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
MODELS_NAMED = 100


@dataclass(frozen=True, kw_only=True)
class EntryReport:
    """An entry without its value.

    key: the first 16 hexadecimal digits, which name it here and nowhere else. cost_ms: how long the
    answer took to compute; None where it was only stored. ttl_seconds: what is left, 0 if expired.
    """

    key: str
    type: str
    model: str
    size_bytes: int
    cost_ms: float | None
    hits: int
    age_seconds: int
    created_at: datetime
    expires_at: datetime
    ttl_seconds: int
    expired: bool
    used_at: datetime


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """Some entries in order. next: where the following page begins; None after the last."""

    entries: list[EntryReport]
    next: str | None


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
    def is_indexed(self) -> bool:
        """Whether an index has it, so that a page costs the same however many entries there are."""
        narrowing = (self.key, self.type, self.model, self.search, self.older_than, self.unused)
        unfiltered = all(given is None for given in narrowing) and not self.expired
        return unfiltered and self.order.removeprefix("-") == LAST_USE

    @property
    def reads_all(self) -> bool:
        """Whether all entries have to be read through for a page."""
        return self.key is None and not self.is_indexed


@dataclass(frozen=True, kw_only=True)
class TypeTotal:
    """How much there is of a type, expired entries included."""

    type: str
    entries: int
    bytes: int


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
        cursor=None if cursor is None else _read_cursor(cursor),
    )


def list_entries(query: EntryQuery) -> EntryPage:
    """Return a page of entries.

    Raises:
        InvalidFilter: there are too many entries to read through.
    """
    if query.reads_all and _count() > SCANNED:
        told = f"can't be asked of more than {SCANNED:,} entries; only the order of last use can"
        field = next(
            (name for name in FILTERS if getattr(query, name) is not None),
            "order",
        )
        raise InvalidFilter([FieldError(field=field, message=told)])
    now_ms = int(time.time() * 1000)
    descending = query.order.startswith("-")
    rows = _matching(query, now_ms).alias(rank=_rank(query))
    if query.cursor is not None:
        rank, last = query.cursor
        if not isfinite(rank):
            # Nothing ranks so; somebody made the cursor up.
            return EntryPage(entries=[], next=None)
        side = "lt" if descending else "gt"
        beyond = Q(**{f"rank__{side}": rank}) | Q(**{f"id__{side}": last})
        # The first part is what the index is searched with.
        rows = rows.filter(**{f"rank__{side}e": rank}).filter(beyond)
    sign = "-" if descending else ""
    found = list(
        rows.order_by(f"{sign}rank", f"{sign}id").annotate(place=F("rank"))[: query.page_size + 1]
    )
    page = found[: query.page_size]
    more = len(found) > len(page)
    return EntryPage(
        entries=[_report(use, now_ms) for use in page],
        next=_cursor(page[-1].place, page[-1].id) if more else None,
    )


def list_types() -> list[TypeTotal]:
    """Return the types that there are entries of, by name; from running totals."""
    totals = EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")
    return [
        TypeTotal(type=total.cache_type, entries=total.entries, bytes=total.size_bytes)
        for total in totals
    ]


def add_up(types: Sequence[TypeTotal]) -> TypeTotal:
    """Return how much there is of all these types; the name is empty."""
    return TypeTotal(
        type="",
        entries=sum(total.entries for total in types),
        bytes=sum(total.bytes for total in types),
    )


def list_models() -> list[str]:
    """Return the labels of models that were ever looked up, the first 100 by name."""
    labels = LookupTotal.objects.exclude(model="").order_by("model").values_list("model", flat=True)
    return list(labels.distinct()[:MODELS_NAMED])


def find_entry(digits: str) -> EntryReport | None:
    """Return the entry of these 16 digits; None when there is none.

    Also one that is not on the list yet; its hits are 0 then, and its last use that it was stored.
    """
    found = row_id(bytes.fromhex(digits))
    entry = CacheEntry.objects.filter(id=found).defer("value", "digest").first()
    if entry is None:
        return None
    use = EntryUse.objects.filter(id=found, gone="").first()
    listed = EntryUse(
        id=found,
        cache_type=entry.cache_type,
        model=entry.model,
        size_bytes=entry.size_bytes,
        cost_ms=entry.cost_ms,
        created_ms=entry.created_ms,
        expires_ms=entry.expires_ms,
        hits=use.hits if use else 0,
        used_ms=max(entry.created_ms, use.used_ms if use else 0),
    )
    return _report(listed, int(time.time() * 1000))


def _matching(query: EntryQuery, now_ms: int) -> QuerySet[EntryUse]:
    if query.is_indexed or query.expired:
        rows = EntryUse.objects.filter(gone="")
    else:
        # Kept from indexes of what is there: they would lead to all of it, row after row, at four
        # times the price of reading the table through.
        rows = EntryUse.objects.alias(left=Coalesce("gone", Value(""))).filter(left="")
    if query.type is not None:
        rows = rows.filter(cache_type=query.type)
    if query.model is not None:
        rows = rows.filter(model=query.model)
    if query.key is not None:
        rows = rows.filter(id__range=id_range(query.key))
    if query.search is not None:
        named = Q(cache_type__icontains=query.search) | Q(model__icontains=query.search)
        rows = rows.filter(named)
    if query.older_than is not None and (age := parse_duration(query.older_than)) is not None:
        rows = rows.filter(created_ms__lte=now_ms - int(age.total_seconds() * 1000))
    if query.unused is not None:
        rows = rows.filter(hits=0) if query.unused else rows.filter(hits__gt=0)
    if query.expired:
        rows = rows.filter(expires_ms__lte=now_ms)
    elif query.expired is not None:
        # Nearly all are, and the same holds.
        rows = rows.alias(ends_ms=_unindexed(F("expires_ms") + 0)).filter(ends_ms__gt=now_ms)
    return rows.defer("marks", "content_id")


def _rank(query: EntryQuery) -> Combinable:
    rank: Combinable = RANKS[query.order.removeprefix("-")]
    if query.order.removeprefix("-") == LAST_USE and not query.is_indexed:
        return _unindexed(F("used_ms") + 0)
    return rank


def _count() -> int:
    return EntryTotal.objects.aggregate(total=Sum("entries"))["total"] or 0


def _report(use: EntryUse, now_ms: int) -> EntryReport:
    return EntryReport(
        key=use.digits,
        type=use.cache_type,
        model=use.model,
        size_bytes=use.size_bytes,
        cost_ms=use.cost_ms,
        hits=use.hits,
        age_seconds=max(0, (now_ms - use.created_ms) // 1000),
        created_at=moment(use.created_ms),
        expires_at=moment(use.expires_ms),
        ttl_seconds=max(0, (use.expires_ms - now_ms) // 1000),
        expired=use.expires_ms <= now_ms,
        used_at=moment(use.used_ms),
    )


def _cursor(rank: float, last: int) -> str:
    return urlsafe_b64encode(PLACE.pack(rank, last)).decode()


def _read_cursor(cursor: str) -> tuple[float, int]:
    rank, last = PLACE.unpack(urlsafe_b64decode(cursor))
    return rank, last
