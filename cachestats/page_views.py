"""Pages of the cache: parse, call one service or report, render."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cachestats import audits, entry_queries, listing, previews, purge_wizard, services
from cachestats.entry_reports import DepartedEntry
from cachestats.entry_reports import entry_detail as report_entry
from cachestats.errors import InvalidFilter
from cachestats.page_access import View, page_for, person_of
from cachestats.page_places import GREATEST_NUMBER, place_before

VIEW = "cachestats.view_cacheentry"
DELETE = "cachestats.delete_cacheentry"
# Another app's, which knows whose words a value was made of.
VIEW_TEXT = "enrichment.view_text"
ORDERS = {
    "-used": "Last used",
    "age": "Newest",
    "-hits": "Most hits",
    "-size": "Largest",
    "-cost": "Costliest",
    "-age": "Oldest",
}
STATES = {"": "Any", "false": "Live", "true": "Expired"}
AGES = {"": "Any", "1h": "An hour", "1d": "A day", "7d": "A week", "30d": "30 days"}


def cache_page(permission: str) -> Callable[[View], View]:
    """Make a view a page that says so, instead of failing, where the cache can't be used."""

    def made(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except services.UNUSABLE:
                context = {"section": "cache"}
                return render(request, "cachestats/unusable.html", context, status=503)

        return page_for(permission)(guarded)

    return made


@dataclass(frozen=True, kw_only=True)
class Form:
    """What was given by field, and what is wrong with it."""

    given: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


@require_GET
@cache_page(VIEW)
def entry_list(request: HttpRequest) -> HttpResponse:
    """List entries by filters, in an order, by pages."""
    given = {name: value for name, value in _fields(request.GET).items() if value}
    form, found = Form(given=given), listing.EntryPage(entries=[], next=None)
    try:
        found = listing.list_entries(entry_queries.read_query(_asked(given)))
    except InvalidFilter as exc:
        form = Form(given=given, errors=_by_field(exc))
    types = listing.list_types()
    context = {
        "section": "cache",
        "form": form,
        "page": found,
        "types": types,
        "total": listing.add_up(types),
        "models": listing.list_models(),
        "orders": ORDERS,
        "states": STATES,
        "ages": AGES,
        "filtered": any(given.get(name) for name in ("q", *entry_queries.FILTERS)),
    }
    status = 400 if form.errors else 200
    return render(request, "cachestats/entry_list.html", context, status=status)


@require_GET
@cache_page(VIEW)
def entry_detail(request: HttpRequest, key: str) -> HttpResponse:
    """Show what is known of an entry; its value only to who may read people's texts."""
    found = report_entry(_known(key))
    if found is None:
        raise Http404
    if isinstance(found, DepartedEntry):
        context = {"section": "cache", "entry": found}
        return render(request, "cachestats/entry_departed.html", context)
    clear = person_of(request).has_perm(VIEW_TEXT)
    context = {
        "section": "cache",
        "detail": found,
        "entry": found.entry,
        "clear": clear,
        "lines": previews.lines(found.value) if clear and not found.damaged else [],
        "names": previews.names(found.entry.type),
    }
    return render(request, "cachestats/entry_detail.html", context)


@require_POST
@cache_page(DELETE)
def entry_delete(request: HttpRequest, key: str) -> HttpResponse:
    """Delete an entry; the audit tells who did."""
    result = services.purge_entry(_known(key), actor=person_of(request).get_username())
    if result is None:
        messages.warning(request, f"There is no entry {key} any more; nothing was deleted.")
    else:
        messages.success(request, f"Entry {key} is deleted. The next look-up computes it again.")
    return redirect("cachestats:entry-list")


@require_http_methods(["GET", "POST"])
@cache_page(DELETE)
def cache_purge(request: HttpRequest) -> HttpResponse:
    """Purge step by step: a filter, what it matches, and the confirmation."""
    if request.method != "POST":
        return _purge_form(request, Form(given=_fields(request.GET)))
    user = person_of(request)
    if "seal" in request.POST:
        return _confirm_purge(request, user)
    given = _fields(request.POST)
    try:
        counted = purge_wizard.dry_run(purge_wizard.read_filter(given), user.pk)
    except InvalidFilter as exc:
        return _purge_form(request, Form(given=given, errors=_by_field(exc)), status=400)
    return _dry_run(request, counted)


def _confirm_purge(request: HttpRequest, user: User) -> HttpResponse:
    seal, typed = request.POST["seal"], request.POST.get("confirmation", "")
    try:
        result = purge_wizard.carry_out(seal, typed, user.pk, user.get_username())
    except purge_wizard.InvalidSeal as exc:
        return _purge_form(request, Form(given={}, errors={"filter": str(exc)}), status=400)
    except purge_wizard.Grown as exc:
        return _dry_run(request, exc.dry_run, grown=str(exc), status=409)
    except purge_wizard.NotConfirmed as exc:
        return _dry_run(request, exc.dry_run, error=str(exc), typed=typed, status=400)
    return redirect("cachestats:purge-result", result.audit_id)


@require_GET
@cache_page(DELETE)
def purge_result(request: HttpRequest, number: int) -> HttpResponse:
    """Show what a purge deleted."""
    found = audits.find_audit(number) if number <= GREATEST_NUMBER else None
    if found is None:
        raise Http404
    context = {"section": "cache", "audit": found, "before": found.id + 1}
    return render(request, "cachestats/purge_result.html", context)


@require_GET
@cache_page(VIEW)
def cache_audit(request: HttpRequest) -> HttpResponse:
    """List who deleted what."""
    number = place_before(request)
    context = {"section": "cache", "page": audits.list_audits(number), "before": number}
    return render(request, "cachestats/cache_audit.html", context)


def _purge_form(request: HttpRequest, form: Form, status: int = 200) -> HttpResponse:
    context = {
        "section": "cache",
        "form": form,
        "types": listing.list_types(),
        "models": listing.list_models(),
    }
    return render(request, "cachestats/purge_filter.html", context, status=status)


def _dry_run(
    request: HttpRequest, counted: purge_wizard.DryRun, *, status: int = 200, **told: str
) -> HttpResponse:
    context = {"section": "cache", "dry_run": counted, **told}
    return render(request, "cachestats/purge_dry_run.html", context, status=status)


def _asked(given: dict[str, str]) -> dict[str, str]:
    """Return the query's parameters: what is searched for is a key's digits or part of a name."""
    asked = {name: given[name] for name in entry_queries.PARAMETERS if name in given}
    if words := given.get("q", "").strip():
        # As lists and logs show it: "stage1:AB12CD34".
        digits = words.rpartition(":")[2].lower()[: entry_queries.KEY_DIGITS]
        is_key = entry_queries.KEY_BEGINNING.fullmatch(digits)
        asked["key" if is_key else "search"] = digits if is_key else words
    return asked


def _fields(data: QueryDict) -> dict[str, str]:
    """Return each field once; of one that was given twice the last."""
    return {name: str(value) for name, value in data.items()}


def _by_field(exc: InvalidFilter) -> dict[str, str]:
    return {error.field: error.message for error in exc.errors}


def _known(key: str) -> str:
    if not services.ENTRY_KEY.fullmatch(key):
        raise Http404
    return key
