"""The cache's report as a page of the admin: the numbers that `cache_stats` prints."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cachestats.models import CacheEntry
from cachestats.reports import CacheReport, cache_report, lookup_report
from cachestats.spans import DEFAULT_RANGE, RANGES


def stats_page(request: HttpRequest) -> HttpResponse:
    """Show what is cached, and what became of look-ups over a range of time (`?range=7d`)."""
    if not request.user.has_perm("cachestats.view_cacheentry"):
        raise PermissionDenied
    chosen = RANGES.get(request.GET.get("range", ""), DEFAULT_RANGE)
    report = cache_report(chosen.length)
    page = {
        **admin.site.each_context(request),
        "title": "Statistics of the cache",
        "opts": CacheEntry._meta,
        "ranges": RANGES.values(),
        "chosen": chosen,
        "report": report,
        "types": _types(report),
    }
    return TemplateResponse(request, "cachestats/admin/stats.html", page)


def _types(report: CacheReport) -> list[dict[str, Any]]:
    """Return each type that has entries or look-ups, with what was seen of it."""
    unused = lookup_report({})
    return [
        {
            "name": name,
            "entries": report.entries_by_type.get(name, 0),
            "seen": report.by_type.get(name) or unused,
        }
        for name in sorted({*report.entries_by_type, *report.by_type})
    ]
