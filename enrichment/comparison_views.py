"""The page that holds a cached answer beside what the model says today."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from cachestats import listing
from cachestats import services as cache_services
from cachestats.page_access import page_for, person_of
from enrichment import comparisons, services
from enrichment.comparisons import NothingToCompare

VIEW = "cachestats.view_cacheentry"
# It costs the model's time, and may replace what is stored.
ACT = "cachestats.delete_cacheentry"
LIVE_SECONDS = 2
PAGE = "enrichment:comparison"


@require_http_methods(["GET", "POST"])
@page_for(VIEW)
def comparison(request: HttpRequest, key: str) -> HttpResponse:
    """Show the comparison of an entry; a POST has a worker make one."""
    if not cache_services.ENTRY_KEY.fullmatch(key):
        raise Http404
    return _request(request, key) if request.method == "POST" else _page(request, key)


def _page(request: HttpRequest, key: str, status: int = 200) -> HttpResponse:
    try:
        entry = listing.find_entry(key)
    except cache_services.UNUSABLE:
        return render(request, "cachestats/unusable.html", {"section": "cache"}, status=503)
    if entry is None:
        raise Http404
    user = person_of(request)
    found = comparisons.latest(key)
    hidden = not user.has_perm(services.VIEW_TEXT)
    report = comparisons.report(found, hidden=hidden) if found else None
    context = {
        "section": "cache",
        "entry": entry,
        "comparison": report,
        "possible": comparisons.is_possible(key),
        "hidden": hidden,
        "live_seconds": LIVE_SECONDS if report and not report.finished else 0,
    }
    return render(request, "enrichment/comparison.html", context, status=status)


@page_for(ACT)
def _request(request: HttpRequest, key: str) -> HttpResponse:
    try:
        comparisons.request(key)
    except NothingToCompare as exc:
        messages.warning(request, str(exc))
    except cache_services.UNUSABLE:
        messages.warning(request, "The cache can’t be read right now; try again in a minute.")
    return redirect(PAGE, key)


@require_POST
@page_for(ACT)
def comparison_keep(request: HttpRequest, key: str) -> HttpResponse:
    """Put the new answer in the old one's place, if it is the one that was looked at."""
    found = comparisons.latest(key)
    if found is None:
        raise Http404
    if request.POST.get("comparison") != str(found.pk):
        messages.warning(
            request, "It was computed once more meanwhile. Nothing was replaced; look again."
        )
        return _page(request, key, status=409)
    try:
        kept = comparisons.keep(found, person_of(request))
    except cache_services.UNUSABLE:
        kept = False
    if kept:
        messages.success(request, "The new answer is stored; look-ups are answered with it now.")
    else:
        messages.warning(
            request, "Nothing was replaced: the entry is gone or has another answer by now."
        )
    return redirect(PAGE, key)
