"""Pages of the configuration: the form, the question before a change, the history and back."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from cachestats import config, services
from cachestats.config_form import differences, form_sections, read_form
from cachestats.config_reports import (
    RevisionReport,
    config_report,
    effective_at,
    history,
    last_good_revision,
)
from cachestats.errors import FieldError, InvalidConfig, InvalidTuningFile, RevisionSuperseded
from cachestats.models import ConfigRevision
from cachestats.page_access import page_for
from cachestats.page_places import place_before
from cachestats.services import REASON_CHARACTERS, ConfigPreview

VIEW = "cachestats.view_configrevision"
CHANGE = "cachestats.add_configrevision"
HISTORY_ROWS = 25
# Of what others saved meanwhile.
MEANWHILE_ROWS = 10


class SaveForm(forms.Form):
    """What comes with a change. base: the newest revision when it was shown; 0 for none.

    reason: with "Restores revision N" it must fit into a revision.
    """

    base = forms.IntegerField(min_value=0, max_value=2**62)
    reason = forms.CharField(required=False, max_length=REASON_CHARACTERS - 40)
    confirmed = forms.BooleanField(required=False)


@require_http_methods(["GET", "POST"])
@page_for(VIEW)
def config_form(request: HttpRequest) -> HttpResponse:
    """Show what is in force as a form; of one that was sent, what it would change; save that."""
    if request.method == "GET":
        return _show_form(request)
    author, sent = _author(request), SaveForm(request.POST)
    sent.is_valid()
    if "base" in sent.errors:
        return redirect("cachestats:config-form")
    return _change(request, author, sent)


def _change(request: HttpRequest, author: User, sent: SaveForm) -> HttpResponse:
    """Ask whether what a form changes is meant; save it once that was answered."""
    given = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    names, base = request.POST.getlist("reset"), sent.cleaned_data["base"]
    changes, reset = read_form(given, names, effective_at(base) or config.current())
    if not (changes or reset):
        messages.info(request, "Nothing is different from what was in force.")
        return redirect("cachestats:config-form")
    kept = _kept(given, changes, reset)
    try:
        preview = services.preview_config_change(changes, reset=reset)
        if not (sent.is_valid() and sent.cleaned_data["confirmed"]):
            return _ask(request, sent, preview, kept)
        why = sent.cleaned_data["reason"]
        services.change_config(changes, author, why, reset=reset, only_after={base})
    except InvalidConfig as exc:
        return _show_form(request, given, names, exc)
    except RevisionSuperseded:
        # Somebody was faster: it is asked again, over what they saved.
        return _ask(request, sent, preview, kept, status=409)
    messages.success(request, "Saved. It is in force everywhere within a second.")
    return redirect("cachestats:config-form")


def _show_form(
    request: HttpRequest,
    given: dict[str, str] | None = None,
    reset: Iterable[str] = (),
    wrong: InvalidConfig | None = None,
) -> HttpResponse:
    report = config_report()
    wrong_file = _wrong_file()
    errors = wrong.errors if wrong and not isinstance(wrong, InvalidTuningFile) else []
    page = {
        "section": "configuration",
        "report": report,
        "base": (given or {}).get("base", report.revision),
        "sections": form_sections(report, given, tuple(reset), errors),
        "errors": errors,
        "wrong_file": wrong_file,
        "last_good": last_good_revision() if report.errors and not wrong_file else None,
        "may_change": request.user.has_perm(CHANGE) and not wrong_file,
    }
    status = 409 if wrong and not errors else 400 if wrong else 200
    return render(request, "cachestats/config_form.html", page, status=status)


def _wrong_file() -> list[FieldError]:
    """Return what is wrong with the tuning file itself."""
    try:
        services.check_overlay({})
    except InvalidConfig as exc:
        return exc.errors
    return []


def _kept(
    given: dict[str, str], changes: dict[str, dict[str, Any]], reset: list[str]
) -> list[tuple[str, str]]:
    """Return what the page with the question sends again: just what is changed."""
    names = [f"{section}.{name}" for section, values in changes.items() for name in values]
    return [*((name, given[name]) for name in names), *(("reset", name) for name in reset)]


def _ask(
    request: HttpRequest,
    sent: SaveForm,
    preview: ConfigPreview,
    kept: list[tuple[str, str]],
    *,
    restores: int = 0,
    status: int = 200,
) -> HttpResponse:
    """Show what a change comes to over what is in force now, and ask whether it is meant."""
    base = sent.cleaned_data.get("base", preview.revision)
    meanwhile = [one for one in history(MEANWHILE_ROWS)[0] if one.number > base]
    page = {
        "section": "configuration",
        "differences": differences(preview.before, preview.after),
        "base": preview.revision,
        "kept": kept,
        "meanwhile": meanwhile,
        "reason": sent.data.get("reason", ""),
        "reason_errors": sent.errors.get("reason", []),
        "reason_characters": REASON_CHARACTERS - 40,
        "restores": restores,
        "here": request.path,
    }
    code = 400 if sent.errors.get("reason") else status
    return render(request, "cachestats/config_confirm.html", page, status=code)


@require_GET
@page_for(VIEW)
def config_history(request: HttpRequest) -> HttpResponse:
    """Show who changed what, when and why; newest first."""
    number = place_before(request)
    found, more = history(HISTORY_ROWS, number)
    here = reverse("cachestats:config-history")
    page: dict[str, Any] = {
        "section": "configuration",
        "revisions": found,
        "newest": _newest_number(found) if number is None else None,
        "first": here if number is not None else "",
        "older": f"{here}?before={found[-1].number}" if more else "",
    }
    return render(request, "cachestats/config_history.html", page)


def _newest_number(found: list[RevisionReport]) -> int | None:
    return found[0].number if found else None


@require_http_methods(["GET", "POST"])
@page_for(VIEW, CHANGE)
def config_restore(request: HttpRequest, number: int) -> HttpResponse:
    """Show what an earlier revision would change, and put it in force again."""
    revision = get_object_or_404(ConfigRevision, number=number)
    sent = SaveForm(request.POST)
    valid = request.method == "POST" and sent.is_valid()
    try:
        preview = services.preview_config_restore(revision)
        if valid:
            base, why = sent.cleaned_data["base"], sent.cleaned_data["reason"]
            services.restore_revision(revision, _author(request), why, only_after={base})
            messages.success(request, f"Revision {number} is in force again.")
            return redirect("cachestats:config-history")
    except InvalidConfig as exc:
        messages.error(request, f"Revision {number} can't be in force: {exc}.")
        return redirect("cachestats:config-history")
    except RevisionSuperseded:
        return _ask(request, sent, preview, [], restores=number, status=409)
    if request.method == "GET":
        sent = SaveForm({"base": str(preview.revision)})
        sent.is_valid()
    return _ask(request, sent, preview, [], restores=number)


def _author(request: HttpRequest) -> User:
    user = request.user
    if not (isinstance(user, User) and user.has_perm(CHANGE)):
        raise PermissionDenied
    return user
