"""Which entries a page of the list has, found in the cheapest way that is complete.

Three ways, each with its own price:

- What an index leads to, where that is little: a key's beginning, what is expired, and the types
  and models that are asked for or that a search matches. All of these are known in an instant.
- Along the index of the order, last use or most hits, as far as NEAR entries: a filter that many
  pass soon fills a page.
- Through all rows: a tenth of a second or two for a million, and refused beyond SCANNED.

The index of hits holds what was ever hit: with all entries in it, storing one would cost more, and
it would serve the order no better.
"""

from math import isfinite
from typing import NamedTuple

from django.db import connections, router
from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet, Sum, Value
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Coalesce

from cachestats.durations import parse_duration
from cachestats.entry_queries import HITS, LAST_USE, EntryQuery
from cachestats.errors import FieldError, InvalidFilter
from cachestats.models import EntryTotal, EntryUse
from cachestats.models.entries import id_range

SCANNED = 2_000_000
# An index costs about four times as much a row as reading through.
NEAR, FEW = 10_000, 20_000
# With more kinds of entries than these a search looks at the entries themselves.
KINDS = 1_000
# From one to the next by the index, however many entries each has.
ALL_KINDS = """
    WITH RECURSIVE type(cache_type) AS (
        SELECT min(cache_type) FROM cachestats_entryuse WHERE gone = ''
        UNION ALL
        SELECT (SELECT min(cache_type) FROM cachestats_entryuse
                WHERE gone = '' AND cache_type > type.cache_type)
        FROM type WHERE cache_type IS NOT NULL
    ), kind(cache_type, model) AS (
        SELECT cache_type, (SELECT min(model) FROM cachestats_entryuse AS entry
                            WHERE gone = '' AND entry.cache_type = type.cache_type)
        FROM type WHERE cache_type IS NOT NULL
        UNION ALL
        SELECT cache_type, (SELECT min(model) FROM cachestats_entryuse AS entry
                            WHERE gone = '' AND entry.cache_type = kind.cache_type
                            AND entry.model > kind.model)
        FROM kind WHERE model IS NOT NULL
    )
    SELECT cache_type, model FROM kind WHERE model IS NOT NULL LIMIT %s
"""

Rows = QuerySet[EntryUse]
Ranked = tuple[EntryUse, float]


class Kind(NamedTuple):
    """What entries have in common."""

    cache_type: str
    model: str


def _unindexed(number: Combinable) -> Combinable:
    # Else Django takes it for 32 bits wide in PostgreSQL, and a moment for more than any row has.
    return ExpressionWrapper(number + 0, output_field=BigIntegerField())


def _unindexed_text(name: str) -> Combinable:
    return Coalesce(name, Value(""))


def _rank(name: str) -> Combinable:
    """Return what an order ranks by; age is the other way round: the oldest is the highest."""
    ranks: dict[str, Combinable] = {
        LAST_USE: _unindexed(F("used_ms")),
        HITS: F("hits"),
        "cost": Coalesce("cost_ms", 0.0),
        "size": F("size_bytes"),
        "age": _unindexed(-F("created_ms")),
    }
    return ranks[name]


# Orders that an index has; that of hits has none that were never hit.
WALKED = {LAST_USE: F("used_ms"), f"-{LAST_USE}": F("used_ms"), f"-{HITS}": F("hits")}


def find_rows(query: EntryQuery, now_ms: int) -> list[Ranked]:
    """Return the entries of a page, and one more if there is one; each with its rank.

    Raises:
        InvalidFilter: there are too many entries to read through.
    """
    if query.cursor and not isfinite(query.cursor[0]):
        # Nothing ranks so; somebody made the cursor up.
        return []
    few = _few(query, now_ms)
    if few is not None:
        return _page(_matching(few, query, now_ms), query, _rank(query.rank))
    if query.order in WALKED:
        found, is_whole = _walk(query, now_ms)
        if is_whole or len(found) > query.page_size:
            return found
    if _count() > SCANNED:
        told = (
            f"would read through more than {SCANNED:,} entries; narrow it down, or order by last "
            "use or most hits"
        )
        raise InvalidFilter([FieldError(field=[*query.filters, "order"][0], message=told)])
    # Kept from indexes of what is there: they would lead to all of it, row after row.
    rows = EntryUse.objects.alias(left=_unindexed_text("gone")).filter(left="")
    return _page(_matching(rows, query, now_ms), query, _rank(query.rank))


def _there() -> Rows:
    """Return the entries that are there, as the indexes of these have it.

    Spelled out: SQLite looks up in each row what is given as a parameter.
    """
    return EntryUse.objects.filter(gone=RawSQL("''", ()))


def _few(query: EntryQuery, now_ms: int) -> Rows | None:
    """Return rows among which all are that match, where an index leads to few; else None."""
    there = _there()
    if query.key is not None:
        return there.filter(id__range=id_range(query.key))
    ways = []
    if not {"type", "model", "search"}.isdisjoint(query.filters):
        kinds = _kinds()
        if len(kinds) <= KINDS:
            named = [kind for kind in kinds if _is_named(query, kind)]
            types, models = {kind.cache_type for kind in named}, {kind.model for kind in named}
            ways.append(there.filter(cache_type__in=types, model__in=models))
    if query.expired:
        ways.append(there.filter(expires_ms__lte=now_ms))
    return next((rows for rows in ways if rows.order_by()[: FEW + 1].count() <= FEW), None)


def _kinds() -> list[Kind]:
    """Return the kinds that there are entries of; one more than KINDS for more than that."""
    with connections[router.db_for_read(EntryUse)].cursor() as cursor:
        cursor.execute(ALL_KINDS, [KINDS + 1])
        return [Kind(*found) for found in cursor.fetchall()]


def _is_named(query: EntryQuery, kind: Kind) -> bool:
    words = (query.search or "").casefold()
    return (
        query.type in (None, kind.cache_type)
        and query.model in (None, kind.model)
        and (words in kind.cache_type.casefold() or words in kind.model.casefold())
    )


def _walk(query: EntryQuery, now_ms: int) -> tuple[list[Ranked], bool]:
    """Return what matches near the beginning of the page, and whether there can't be any more."""
    rank = WALKED[query.order]
    rows = _there()
    if query.rank == HITS:
        rows = rows.filter(hits__gt=RawSQL("0", ()))
    edge = None
    if query.filters:
        edge = _in_order(rows, query, rank).values_list(rank, "id")[NEAR : NEAR + 1].first()
        if edge:
            rows = rows.alias(rank=rank).filter(_behind(edge, descending=not query.descending))
    is_whole = edge is None and query.rank == LAST_USE
    return _page(_matching(rows, query, now_ms), query, rank), is_whole


def _page(rows: Rows, query: EntryQuery, rank: Combinable) -> list[Ranked]:
    page = _in_order(rows, query, rank).annotate(place=rank)[: query.page_size + 1]
    return [(use, use.place) for use in page]


def _in_order(rows: Rows, query: EntryQuery, rank: Combinable) -> Rows:
    """Return rows from where the page begins."""
    rows = rows.alias(rank=rank)
    if query.cursor:
        rows = rows.filter(_behind(query.cursor, descending=query.descending))
    sign = "-" if query.descending else ""
    return rows.order_by(f"{sign}rank", f"{sign}id")


def _behind(place: tuple[float, int], *, descending: bool) -> Q:
    """Match what comes after a rank and an id."""
    rank, last = place
    side = "lt" if descending else "gt"
    # The first part is what the index is searched with.
    return Q(**{f"rank__{side}e": rank}) & (
        Q(**{f"rank__{side}": rank}) | Q(**{f"id__{side}": last})
    )


def _matching(rows: Rows, query: EntryQuery, now_ms: int) -> Rows:
    """Return those that the filters let pass, in a way that leaves the choice of an index alone."""
    rows = rows.alias(named=_unindexed_text("cache_type"), ends_ms=_unindexed(F("expires_ms")))
    if query.type is not None:
        rows = rows.filter(named=query.type)
    if query.model is not None:
        rows = rows.filter(model=query.model)
    if query.search is not None:
        rows = rows.filter(Q(named__icontains=query.search) | Q(model__icontains=query.search))
    if query.older_than is not None and (age := parse_duration(query.older_than)) is not None:
        rows = rows.filter(created_ms__lte=now_ms - int(age.total_seconds() * 1000))
    if query.unused is not None:
        hit = rows.alias(times=_unindexed(F("hits"))).filter(times__gt=0)
        rows = rows.filter(hits=0) if query.unused else hit
    if query.expired is not None:
        side = "lte" if query.expired else "gt"
        rows = rows.filter(**{f"ends_ms__{side}": now_ms})
    return rows.defer("marks", "content_id")


def _count() -> int:
    return EntryTotal.objects.aggregate(total=Sum("entries"))["total"] or 0
