"""Filters of the cache's lists, none of which reads its rows for its choices."""

import time
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cachestats import services
from cachestats.models import Departure, EntryTotal


class TypeFilter(admin.SimpleListFilter):
    """Types of answers, from the totals: nobody reads all entries for them."""

    title = "type"
    parameter_name = "cache_type"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        totals = EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")
        try:
            return [
                (total.cache_type, f"{total.cache_type} ({total.entries:,})") for total in totals
            ]
        except services.UNUSABLE:
            # Look-ups can be read while the cache can't.
            return []

    def queryset(self, _request: HttpRequest, entries: QuerySet[Any]) -> QuerySet[Any]:
        return entries.filter(cache_type=self.value()) if self.value() else entries


class GoneFilter(admin.SimpleListFilter):
    """Entries that are there, or those that are gone by what took them."""

    title = "state"
    parameter_name = "gone"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        return [("", "There"), *((gone.value, gone.label) for gone in Departure)]

    def choices(self, changelist: Any) -> Iterator[Any]:
        # Without "All": each of these has an index to list it by.
        for value, title in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            selected = (self.value() or "") == value
            yield {"selected": selected, "query_string": query, "display": title}

    def queryset(self, _request: HttpRequest, uses: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return uses.filter(gone="")
        # The first part is what the index is made for.
        return uses.exclude(gone="").filter(gone=self.value())


class UsedFilter(admin.SimpleListFilter):
    """The last days, by when an entry was used; the lists of what is there and gone go by that."""

    title = "last use"
    parameter_name = "used"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        return [("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days")]

    def queryset(self, _request: HttpRequest, uses: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {value for value, _ in self.lookup_choices}:
            return uses
        since = time.time() - int(self.value() or 0) * 86_400
        return uses.filter(used_ms__gte=int(since * 1000))
