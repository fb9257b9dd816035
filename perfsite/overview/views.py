"""The overview and its pictures as files."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from cachestats.errors import InvalidWindow
from cachestats.page_access import page_for
from cachestats.picture_files import as_csv, read_range
from cachestats.reports import store_report
from cachestats.spans import RANGES, Range
from perfsite.overview.cards import cards, verdict
from perfsite.overview.changes import mark
from perfsite.overview.pictures import PICTURES
from perfsite.overview.seen import Now, at_the_moment, seen

LIVE_SECONDS = 5


@require_safe
@page_for()
def overview(request: HttpRequest) -> HttpResponse:
    """Show whether the cache earns its keep."""
    try:
        span = read_range(request.GET.get("range"))
    except InvalidWindow as exc:
        return _refused(request, exc)
    now = at_the_moment()

    def page(request: HttpRequest) -> HttpResponse:
        return render(request, "perfsite/overview.html", _context(span, now))

    return condition(etag_func=lambda request: mark(request, span, now))(page)(request)


def _context(span: Range, now: Now) -> dict[str, Any]:
    found = seen(span, now.cache)
    return {
        "ranges": RANGES.values(),
        "span": span,
        "verdict": verdict(found),
        "cards": cards(found),
        "pictures": [make(found) for make in PICTURES.values()],
        "seen": found,
        "now": now,
        "live_seconds": LIVE_SECONDS,
    }


@require_safe
@page_for()
def picture_csv(request: HttpRequest, name: str) -> HttpResponse:
    """Give a picture's numbers as a file."""
    if name not in PICTURES:
        raise Http404
    try:
        span = read_range(request.GET.get("range"))
    except InvalidWindow as exc:
        return _refused(request, exc)
    return as_csv(PICTURES[name](seen(span, store_report())), span)


def _refused(request: HttpRequest, exc: InvalidWindow) -> HttpResponse:
    return render(request, "perfsite/error.html", {"title": f"{exc}"}, status=400)
