"""Pages of jobs: the list by status, one job, and what operators do with one or with many."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cachestats.page_access import page_for, person_of
from cachestats.spans import RANGES
from enrichment import jobs, services
from enrichment.backpressure import seconds_until_room
from enrichment.errors import InferenceError
from enrichment.job_listing import (
    COUNTED,
    MOST_AT_ONCE,
    TABS,
    Cursor,
    JobQuery,
    count_up_to,
    job_report,
    list_jobs,
    read_cursor,
    tab_counts,
    to_cancel,
    to_retry,
)
from enrichment.models import Job
from enrichment.models.jobs import Priority
from enrichment.queue_reports import queue_state
from enrichment.reports import Viewer

VIEW = "enrichment.view_job"
CHANGE = "enrichment.change_job"
LIVE_SECONDS = 5
KINDS = {
    Job.Purpose.SUBMITTED: "Reflections",
    Job.Purpose.AGAIN: "Better answers",
    Job.Purpose.VARIANTS: "Texts ahead",
    Job.Purpose.COMPARE: "Comparisons",
}


class FilterForm(forms.Form):
    """The filters of the list, as its address has them."""

    KINDS: ClassVar = [("", "All"), *((kind.value, title) for kind, title in KINDS.items())]
    SPANS: ClassVar = [
        ("", "Ever"),
        *((name, f"Last {span.title}") for name, span in RANGES.items()),
    ]

    status = forms.ChoiceField(
        choices=[(name, tab.title) for name, tab in TABS.items()],
        required=False,
        widget=forms.HiddenInput,
    )
    kind = forms.ChoiceField(choices=KINDS, required=False)
    since = forms.ChoiceField(choices=SPANS, required=False)
    error = forms.ChoiceField(required=False, validators=[ProhibitNullCharactersValidator()])
    cursor = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="filter-%s", use_required_attribute=False)
        kinds = dict.fromkeys(kind.__name__ for kind in InferenceError.__subclasses__())
        # Other kinds are listed once somebody follows a link to them.
        if given := data.get("error", "")[:200]:
            kinds.setdefault(given)
        error = self.fields["error"]
        assert isinstance(error, forms.ChoiceField)  # noqa: S101  # declared above
        error.choices = [("", "Any"), *((kind, kind) for kind in kinds)]

    def clean_cursor(self) -> Cursor | None:
        text = self.cleaned_data["cursor"]
        try:
            return read_cursor(text) if text else None
        except (ValueError, OverflowError) as exc:
            raise forms.ValidationError(str(exc)) from exc

    @property
    def query(self) -> JobQuery:
        """What the filters ask for, once they are valid."""
        read = self.cleaned_data
        return JobQuery(
            tab=TABS[read["status"]],
            kind=read["kind"],
            since=RANGES[read["since"]].length if read["since"] else None,
            error=read["error"],
            cursor=read["cursor"],
        )

    def address(self, name: str = "enrichment:job-list", **changed: str) -> str:
        """Return the address of a page with these filters, from the first row on."""
        kept = {field: self.data.get(field, "") for field in ("status", "kind", "since", "error")}
        asked = {field: value for field, value in {**kept, **changed}.items() if value}
        return reverse(name, query=asked or None)


class AnswerForm(forms.Form):
    """The answer to the question whether many jobs are to be changed. until: when it was asked."""

    until = forms.DateTimeField(required=False)


@dataclass(frozen=True, kw_only=True)
class Action:
    """What is done with many jobs. name: of its address. chosen: what of a query it is for."""

    name: str
    verb: str
    done: str
    chosen: Callable[[JobQuery, datetime], QuerySet[Job]]
    change: Callable[[QuerySet[Job], int], int]

    @property
    def place(self) -> str:
        return f"enrichment:job-{self.name}-many"


RETRY = Action(name="retry", verb="Retry", done="queued again", chosen=to_retry, change=jobs.retry)
CANCEL = Action(
    name="cancel", verb="Cancel", done="cancelled", chosen=to_cancel, change=jobs.cancel
)


@require_GET
@page_for(VIEW)
def job_list(request: HttpRequest) -> HttpResponse:
    """Show how the queue is and the jobs of one tab."""
    form = FilterForm(request.GET)
    valid = form.is_valid()
    page: dict[str, Any] = {
        "section": "jobs",
        "live_seconds": LIVE_SECONDS,
        "queue": queue_state(),
        "room_in_seconds": seconds_until_room(Priority.INTERACTIVE, settings.QUEUE_DEPTH),
        "queue_depth": settings.QUEUE_DEPTH,
        "tabs": _tabs(form),
        "form": form,
    }
    if valid:
        found = list_jobs(form.query)
        page |= {
            "jobs": found.jobs,
            "newest": form.address() if form.query.cursor else "",
            "older": form.address(cursor=found.next) if found.next else "",
            "filtered": any(form.cleaned_data[name] for name in ("kind", "since", "error")),
            "unfiltered": form.address(kind="", since="", error=""),
            "actions": _actions(form) if request.user.has_perm(CHANGE) else [],
        }
    return render(request, "enrichment/job_list.html", page, status=200 if valid else 400)


def _tabs(form: FilterForm) -> list[dict[str, Any]]:
    """Return the tabs as they are shown, each with its number, which is bounded."""
    counts, current = tab_counts(), form.data.get("status", "")
    return [
        {
            "title": tab.title,
            "url": form.address(status=tab.name),
            "current": tab.name == current,
            "count": min(counts[tab.name], COUNTED) if tab.name in counts else None,
            "more": counts.get(tab.name, 0) > COUNTED,
        }
        for tab in TABS.values()
    ]


def _actions(form: FilterForm) -> list[dict[str, str]]:
    """Return what can be done with what the filters match, if there is any of it."""
    query, now = form.query, timezone.now()
    return [
        {"verb": action.verb, "url": form.address(action.place)}
        for action in (RETRY, CANCEL)
        if action.chosen(query, now).exists()
    ]


@require_GET
@page_for(VIEW)
def job_detail(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one job: its attempts, times and last error, and nothing of what was written."""
    job = get_object_or_404(Job, pk=job_id)
    report = job_report(job, timezone.now())
    user = person_of(request)
    viewer = Viewer(user_id=user.pk, sees_all=user.has_perm(services.VIEW_TEXT))
    page = {
        "section": "jobs",
        "live_seconds": 0 if job.finished else LIVE_SECONDS,
        "job": report,
        "stages_done": job.reflection.results.count(),
        "readable": viewer.reflections().filter(pk=job.reflection_id).exists(),
        "like_it": reverse("enrichment:job-list", query={"error": job.last_error}),
    }
    return render(request, "enrichment/job_detail.html", page)


@require_POST
@page_for(CHANGE)
def job_retry(request: HttpRequest, job_id: int) -> HttpResponse:
    """Queue one job again."""
    return _change_one(request, job_id, RETRY)


@require_POST
@page_for(CHANGE)
def job_cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """End one job."""
    return _change_one(request, job_id, CANCEL)


def _change_one(request: HttpRequest, job_id: int, action: Action) -> HttpResponse:
    job = get_object_or_404(Job, pk=job_id)
    if action.change(Job.objects.filter(pk=job.pk), 1):
        messages.success(request, f"Job {job.pk} is {action.done}.")
    else:
        messages.warning(request, f"Job {job.pk} was left as it is: its state has changed.")
    return redirect("enrichment:job-detail", job.pk)


@require_http_methods(["GET", "POST"])
@page_for(CHANGE)
def job_retry_many(request: HttpRequest) -> HttpResponse:
    """Ask whether all that the filters match is to be queued again, and do it."""
    return _change_many(request, RETRY)


@require_http_methods(["GET", "POST"])
@page_for(CHANGE)
def job_cancel_many(request: HttpRequest) -> HttpResponse:
    """Ask whether all that the filters match is to be ended, and do it."""
    return _change_many(request, CANCEL)


def _change_many(request: HttpRequest, action: Action) -> HttpResponse:
    form = FilterForm(request.GET)
    if not form.is_valid():
        return redirect("enrichment:job-list")
    answer = AnswerForm(request.POST)
    # What was not counted when it was asked is not changed once that was answered.
    until = (answer.is_valid() and answer.cleaned_data["until"]) or timezone.now()
    chosen = action.chosen(form.query, until)
    if request.method == "POST":
        changed = action.change(chosen, MOST_AT_ONCE)
        told = messages.success if changed else messages.warning
        more = chosen.exists() if changed == MOST_AT_ONCE else False
        told(request, _said(changed, action.done, more=more))
        return redirect(form.address())
    found = count_up_to(chosen, MOST_AT_ONCE)
    page = {
        "section": "jobs",
        "action": action,
        "count": min(found, MOST_AT_ONCE),
        "more": found > MOST_AT_ONCE,
        "until": until.isoformat(),
        "tab": form.query.tab,
        "kind": dict(FilterForm.KINDS)[form.query.kind] if form.query.kind else "",
        "since": dict(FilterForm.SPANS)[form.cleaned_data["since"]],
        "error": form.query.error,
        "here": form.address(action.place),
        "back": form.address(),
    }
    return render(request, "enrichment/job_change_many.html", page)


def _said(changed: int, done: str, *, more: bool) -> str:
    """Say in a sentence what became of many jobs."""
    if not changed:
        return f"No job was {done}: none of them is in a state for it any more."
    counted = "1 job was" if changed == 1 else f"{changed:,} jobs were"
    left = " There are more: do it again for the next ones." if more else ""
    return f"{counted} {done}.{left}"
