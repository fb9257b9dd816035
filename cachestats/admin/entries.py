"""Entries and what is known beside them, at a million rows as at ten."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest

from cachestats import services
from cachestats.admin.rows import CacheFileAdmin
from cachestats.errors import InvalidFilter
from cachestats.models import CacheEntry, Departure, EntryTotal, EntryUse
from cachestats.models.entries import moment


class TypeFilter(admin.SimpleListFilter):
    """Types of answers, from the totals: nobody reads all entries for them."""

    title = "type"
    parameter_name = "cache_type"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        totals = EntryTotal.objects.filter(entries__gt=0).order_by("cache_type")
        return [(total.cache_type, f"{total.cache_type} ({total.entries:,})") for total in totals]

    def queryset(self, _request: HttpRequest, entries: QuerySet[Any]) -> QuerySet[Any]:
        return entries.filter(cache_type=self.value()) if self.value() else entries


@admin.register(CacheEntry)
class CacheEntryAdmin(CacheFileAdmin):
    """Entries; the value stays masked, because it was inferred from somebody's words."""

    list_display = (
        "__str__",
        "model",
        "size_bytes",
        "cost",
        "hits",
        "last_use",
        "created_at",
        "expires_at",
    )
    list_filter = (TypeFilter,)
    search_fields = ("key",)
    search_help_text = "The first 8 or more digits of a key"
    fields = (
        "key",
        "cache_type",
        "model",
        "size_bytes",
        "cost",
        "checksum",
        "hits",
        "last_use",
        "created_at",
        "expires_at",
    )
    actions = ("purge",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        use = EntryUse.objects.filter(id=OuterRef("id"))
        entries: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .defer("value")
            .annotate(hits=Subquery(use.values("hits")), used_ms=Subquery(use.values("used_ms")))
        )
        return entries

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        try:
            found = services.PurgeFilter(key=_digits(search_term)).entries()
        except InvalidFilter:
            return queryset.none(), False
        return queryset.filter(id__in=[entry.id for entry in found.defer("value")]), False

    def known_count(self, request: HttpRequest) -> int | None:
        if request.GET.get("q"):
            return None
        totals = EntryTotal.objects.all()
        if cache_type := request.GET.get("cache_type"):
            totals = totals.filter(cache_type=cache_type)
        return totals.aggregate(total=Sum("entries"))["total"] or 0

    @admin.display(description="Cost (ms)")
    def cost(self, entry: CacheEntry) -> str | None:
        return None if entry.cost_ms is None else f"{entry.cost_ms:,.1f}"

    @admin.display(description="Hits")
    def hits(self, entry: Any) -> int | None:
        return entry.hits  # type: ignore[no-any-return]  # annotated above

    @admin.display(description="Last use")
    def last_use(self, entry: Any) -> datetime | None:
        return moment(entry.used_ms) if entry.used_ms else None

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cachestats.delete_cacheentry")

    @admin.action(description="Purge the selected entries", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: QuerySet[CacheEntry]) -> None:
        actor = request.user.get_username()
        if request.POST.get("select_across") == "1":
            # All that the list shows, on whatever page: what was asked for is the filter itself.
            cache_type, key = request.GET.get("cache_type"), _digits(request.GET.get("q", ""))
            every = not (cache_type or key)
            asked = services.PurgeFilter(type=cache_type, key=key or None, all=every)
            result = services.purge(asked, actor)
        else:
            result = services.purge_entries(list(queryset.values_list("id", flat=True)), actor)
        self.message_user(request, f"{result.deleted} entries were purged.")


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


@admin.register(EntryUse)
class EntryUseAdmin(CacheFileAdmin):
    """What is known of each key: how often and when it was used, and why its entry went."""

    list_display = ("key_digits", "cache_type", "model", "hits", "last_use", "gone")
    list_filter = (GoneFilter,)
    ordering = ("-used_ms",)
    fields = (
        "key_digits",
        "cache_type",
        "model",
        "size_bytes",
        "cost_ms",
        "hits",
        "last_use",
        "expires_at",
        "gone",
    )

    def known_count(self, request: HttpRequest) -> int | None:
        if request.GET.get("gone"):
            return None
        return services.count_entries()

    @admin.display(description="Key begins with")
    def key_digits(self, use: EntryUse) -> str:
        return f"{use.id % 2**64:016x}"

    @admin.display(description="Last use")
    def last_use(self, use: EntryUse) -> datetime:
        return moment(use.used_ms)

    @admin.display(description="Expires")
    def expires_at(self, use: EntryUse) -> datetime:
        return moment(use.expires_ms)


@admin.register(EntryTotal)
class EntryTotalAdmin(CacheFileAdmin):
    """How much there is of each type."""

    list_display = ("cache_type", "entries", "size_bytes")
    fields = list_display


def _digits(written: str) -> str:
    """Return a key's digits from what lists and logs show: "stage1:ab12cd34"."""
    return written.strip().rpartition(":")[2].lower()
