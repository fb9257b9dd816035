"""Pages of models: hosts and their speed, and what tuning measured, to be applied or taken back."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from cachestats.errors import InvalidConfig, InvalidWindow
from cachestats.page_access import page_for, person_of
from cachestats.picture_files import as_csv, read_range
from cachestats.spans import RANGES
from enrichment import tuning
from enrichment.model_reports import host_reports, run_report, run_reports, speed_picture
from enrichment.models import TuningRun

VIEW = "enrichment.view_inferencecall"
APPLY = "cachestats.add_configrevision"
LIVE_SECONDS = 10
# The rest of a revision's reason says which run it was.
WHY_CHARACTERS = 150


class WhyForm(forms.Form):
    """Why tuning is applied or taken back, for who reads the history."""

    why = forms.CharField(required=False, max_length=WHY_CHARACTERS)


@require_GET
@page_for(VIEW)
def model_list(request: HttpRequest) -> HttpResponse:
    """Show the hosts, what they have loaded, how fast they write, and what tuning found."""
    try:
        span = read_range(request.GET.get("range"))
    except InvalidWindow as exc:
        return _refused(request, exc)
    page = {
        "section": "models",
        "live_seconds": LIVE_SECONDS,
        "hosts": host_reports(),
        "picture": speed_picture(span),
        "csv_url": reverse("enrichment:model-speed", query={"range": span.name}),
        "ranges": RANGES.values(),
        "span": span,
        "runs": run_reports(),
    }
    return render(request, "enrichment/model_list.html", page)


@require_GET
@page_for(VIEW)
def model_speed(request: HttpRequest) -> HttpResponse:
    """Return the numbers of the picture of speeds as CSV."""
    try:
        span = read_range(request.GET.get("range"))
    except InvalidWindow as exc:
        return _refused(request, exc)
    return as_csv(speed_picture(span), span)


@require_GET
@page_for(VIEW)
def tuning_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what a run measured, and what applying it or taking it back would change."""
    run = get_object_or_404(TuningRun, pk=run_id)
    page = {"section": "models", "run": run_report(run), "why_characters": WHY_CHARACTERS}
    return render(request, "enrichment/tuning_detail.html", page)


@require_POST
@page_for(VIEW, APPLY)
def tuning_apply(request: HttpRequest, run_id: int) -> HttpResponse:
    """Put in force what a run showed to be better."""
    return _change(request, run_id, restore=False)


@require_POST
@page_for(VIEW, APPLY)
def tuning_restore(request: HttpRequest, run_id: int) -> HttpResponse:
    """Put in force again what was before a run was applied."""
    return _change(request, run_id, restore=True)


def _change(request: HttpRequest, run_id: int, *, restore: bool) -> HttpResponse:
    run = get_object_or_404(TuningRun, pk=run_id)
    form = WhyForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Give a reason of at most {WHY_CHARACTERS} characters.")
        return redirect("enrichment:tuning-detail", run.pk)
    act = tuning.take_back if restore else tuning.apply_run
    try:
        number = act(run, person_of(request), form.cleaned_data["why"])
    except (tuning.ChangedMeanwhile, InvalidConfig) as exc:
        messages.error(request, f"Nothing was changed: {exc}.")
    else:
        done = "What was before is in force again" if restore else "In force"
        messages.success(request, f"{done}, as revision {number} of the configuration.")
    return redirect("enrichment:tuning-detail", run.pk)


def _refused(request: HttpRequest, exc: InvalidWindow) -> HttpResponse:
    return render(request, "perfsite/error.html", {"title": f"{exc}"}, status=400)
