"""Entries and what is known beside them, at a million rows as at ten."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from cachestats import services
from cachestats.admin.filters import GoneFilter, TypeFilter, UsedFilter
from cachestats.admin.rows import CacheFileAdmin
from cachestats.admin.stats import stats_page
from cachestats.errors import InvalidFilter
from cachestats.models import CacheEntry, EntryTotal, EntryUse
from cachestats.models.entries import moment


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
    def purge(self, request: HttpRequest, queryset: QuerySet[CacheEntry]) -> HttpResponse | None:
        """Show what would go; with a confirming POST, purge it."""
        across = request.POST.get("select_across") == "1"
        # All that the list shows, on whatever page: what was asked for is the filter itself.
        try:
            asked = _listed(request) if across else None
        except InvalidFilter as exc:
            self.message_user(request, f"Nothing was purged. {exc}", messages.ERROR)
            return None
        picked = [] if asked else list(queryset.values_list("id", flat=True))
        if request.POST.get("confirmed") != "yes":
            foreseen = (
                services.preview_purge(asked) if asked else services.preview_purge_entries(picked)
            )
            return self._confirmation(request, foreseen, across=across)
        actor = request.user.get_username()
        result = services.purge(asked, actor) if asked else services.purge_entries(picked, actor)
        self.message_user(request, f"{_entries(result.deleted)} purged.", messages.SUCCESS)
        return None

    def _confirmation(
        self, request: HttpRequest, foreseen: services.PurgePreview, *, across: bool
    ) -> HttpResponse:
        page = {
            **self.admin_site.each_context(request),
            "title": f"Purge {_entries(foreseen.matched)}?",
            "opts": self.opts,
            "foreseen": foreseen,
            "everything": across and not (request.GET.get("cache_type") or request.GET.get("q")),
            "picked": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "across": across,
        }
        return TemplateResponse(request, "cachestats/admin/purge_confirmation.html", page)

    def get_urls(self) -> list[URLPattern]:
        stats = self.admin_site.admin_view(stats_page)
        return [path("stats/", stats, name="cachestats_stats"), *super().get_urls()]


@admin.register(EntryUse)
class EntryUseAdmin(CacheFileAdmin):
    """What is known of each key: how often and when it was used, and why its entry went."""

    list_display = ("key_digits", "cache_type", "model", "hits", "last_use", "gone")
    list_filter = (GoneFilter, UsedFilter)
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
        if request.GET.get("gone") or request.GET.get("used"):
            return None
        return services.count_entries()

    @admin.display(description="Key begins with")
    def key_digits(self, use: EntryUse) -> str:
        return use.digits

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


def _listed(request: HttpRequest) -> services.PurgeFilter:
    """Return the filter that shows what the list shows."""
    cache_type, key = request.GET.get("cache_type"), _digits(request.GET.get("q", ""))
    return services.PurgeFilter(type=cache_type, key=key or None, all=not (cache_type or key))


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _digits(written: str) -> str:
    """Return a key's digits from what lists and logs show: "stage1:ab12cd34"."""
    return written.strip().rpartition(":")[2].lower()
