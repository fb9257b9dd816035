"""Pages of reflections: parse, call one service or report, render."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cachestats.page_access import page_for, person_of
from enrichment import forgetting, jobs, pages, services
from enrichment.errors import Busy, FieldError, InvalidSubmission, ModelCannotSee
from enrichment.forms import ReflectionFilter
from enrichment.listing import PAGE_SIZE, chosen
from enrichment.models import Job, Reflection
from enrichment.plane_drawing import draw_plane
from enrichment.reports import ReflectionReport, Viewer, reflection_report
from enrichment.submission import MAX_CHARACTERS, parse
from enrichment.timeline import timeline
from enrichment.wheel_drawing import draw_wheel

SECTION = "reflections"
FORM_FIELDS = ("text", "timezone")
# How often a page is asked for again: a list, a reflection that is worked on, and one for which
# better answers are awaited, for minutes at least.
LIVE_LIST_SECONDS = 3
LIVE_SECONDS = 1
PATIENT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class SubmitForm:
    """The form's state: what was sent, what is wrong with it, or the reflection it made."""

    text: str = ""
    max_characters: int = MAX_CHARACTERS
    errors: list[FieldError] = field(default_factory=list)
    accepted: Reflection | None = None

    @property
    def image_errors(self) -> list[FieldError]:
        return [error for error in self.errors if error.field == "image"]

    @property
    def other_errors(self) -> list[FieldError]:
        return [error for error in self.errors if error.field != "image"]


@require_http_methods(["GET", "HEAD", "POST"])
@page_for()
def reflection_list(request: HttpRequest) -> HttpResponse:
    """Take a reflection, and list those that the person may see."""
    form = _submit(request) if request.method == "POST" else SubmitForm()
    if form.accepted:
        return redirect("enrichment:reflection-detail", form.accepted.pk)
    viewer = _viewer(request)
    filters = ReflectionFilter(request.GET, with_owner=viewer.sees_all)
    wrong = not filters.is_valid() or bool(form.errors)
    asked = filters.asked()
    page = pages.page_of(
        chosen(viewer.reflections(), asked).with_parts(),
        size=PAGE_SIZE,
        newest_first=True,
        cursor=_cursor(request),
    )
    reflections = [reflection_report(row, with_context=False) for row in page.rows]
    context = {
        "section": SECTION,
        "form": form,
        "filters": filters,
        "filtered": bool(asked),
        # Whoever looks for something has not come to write.
        "write_open": bool(form.errors) or not (asked or "cursor" in request.GET),
        "reflections": reflections,
        "older": page.next,
        "newer": page.previous,
        "sees_all": viewer.sees_all,
        "live_seconds": LIVE_LIST_SECONDS if any(not row.finished for row in reflections) else None,
    }
    status = 400 if wrong else 200
    return render(request, "enrichment/reflection_list.html", context, status=status)


@require_GET
@page_for()
def reflection_detail(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """Show a reflection, and what may be done with it."""
    row = _visible(request, reflection_id)
    report = reflection_report(row)
    context = {
        "section": SECTION,
        "reflection": report,
        "steps": timeline(report),
        "is_own": _is_own(request, row),
        "may_change": _may(request, row, services.CHANGE_ANY),
        "may_delete": _may(request, row, services.DELETE_ANY),
        "live_seconds": _live_seconds(report),
    }
    if report.stage1:
        content = report.stage1.result
        words = (content["wheel"] or {}).values() if not content["undetermined"] else ()
        context["wheel"] = draw_wheel([word for word in words if word])
        context["plane"] = draw_plane(content, report.history)
    return render(request, "enrichment/reflection_detail.html", context)


@require_POST
@page_for()
def reflection_retry(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """Queue again what failed, was cancelled or set aside."""
    row = _changeable(request, reflection_id, services.CHANGE_ANY)
    if jobs.retry(row.jobs.all()):
        messages.success(request, "It is queued again.")
    else:
        messages.warning(request, "There was nothing to retry.")
    return redirect("enrichment:reflection-detail", row.pk)


@require_POST
@page_for()
def reflection_cancel(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """End the work on a reflection."""
    row = _changeable(request, reflection_id, services.CHANGE_ANY)
    if jobs.cancel(Job.objects.for_people().filter(reflection=row)):
        messages.success(request, "The work on it is cancelled. What was done is kept.")
    else:
        messages.warning(request, "There was nothing to cancel.")
    return redirect("enrichment:reflection-detail", row.pk)


@require_POST
@page_for()
def reflection_delete(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """Forget a reflection."""
    forgetting.forget(_changeable(request, reflection_id, services.DELETE_ANY))
    messages.success(request, "The reflection is deleted.")
    return redirect("enrichment:reflection-list")


def _submit(request: HttpRequest) -> SubmitForm:
    """Return what a submission came to."""
    data = {name: request.POST[name] for name in FORM_FIELDS if request.POST.get(name)}
    # Browsers send line ends as two characters; the limit counts what the writer sees.
    data["text"] = request.POST.get("text", "").replace("\r\n", "\n")
    fields: dict[str, Any] = {**data}
    # A browser sends a file without name or bytes where none was chosen.
    if image := request.FILES.get("image"):
        fields["image"] = image.read()
    form = SubmitForm(text=data["text"])
    try:
        submission = parse(fields, timezone.now())
        accepted = services.submit(submission, user=person_of(request), token_owner=None)
    except InvalidSubmission as exc:
        return replace(form, errors=exc.errors)
    except Busy as exc:
        return replace(form, errors=[FieldError(field="text", message=str(exc))])
    except ModelCannotSee as exc:
        blind = FieldError(field="image", message=f"can’t be described: {exc}")
        return replace(form, errors=[blind])
    return replace(form, accepted=accepted)


def _cursor(request: HttpRequest) -> pages.Cursor | None:
    """Return where the page begins that is asked for.

    Raises:
        BadRequest: it is no place of ours.
    """
    if "cursor" not in request.GET:
        return None
    try:
        return pages.read_cursor(request.GET["cursor"])
    except ValueError as exc:
        raise BadRequest(f"cursor {exc}") from exc


def _live_seconds(reflection: ReflectionReport) -> int | None:
    if not reflection.finished:
        return LIVE_SECONDS
    return PATIENT_SECONDS if reflection.better_wanted else None


def _viewer(request: HttpRequest) -> Viewer:
    user = person_of(request)
    return Viewer(user_id=user.pk, sees_all=user.has_perm(services.VIEW_TEXT))


def _visible(request: HttpRequest, reflection_id: UUID) -> Reflection:
    """Return what one submitted, or with the permission anybody's; others are not found."""
    visible = _viewer(request).reflections().with_parts()
    reflection: Reflection = get_object_or_404(visible, pk=reflection_id)
    return reflection


def _changeable(request: HttpRequest, reflection_id: UUID, permission: str) -> Reflection:
    """Return a visible reflection that the person may act on.

    Raises:
        PermissionDenied: somebody else submitted it, and the permission is missing.
    """
    row = _visible(request, reflection_id)
    if not _may(request, row, permission):
        raise PermissionDenied
    return row


def _may(request: HttpRequest, row: Reflection, permission: str) -> bool:
    """Return whether a person may act: on their own always, on others' with the permission."""
    return row.submitted_by_id == request.user.pk or person_of(request).has_perm(permission)


def _is_own(request: HttpRequest, row: Reflection) -> bool:
    """Return whether a person wrote it: in their own name, not for somebody else."""
    user = person_of(request)
    return row.submitted_by_id == user.pk and row.owner == user.get_username()
