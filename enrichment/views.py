"""Pages of reflections: parse, call one service or report, render."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from enrichment import forgetting, services
from enrichment.errors import Busy, FieldError, InvalidSubmission, ModelCannotSee
from enrichment.models import Reflection
from enrichment.reports import Viewer, reflection_report
from enrichment.submission import MAX_CHARACTERS, parse

FORM_FIELDS = ("text", "timezone")


@dataclass(frozen=True, kw_only=True)
class SubmitForm:
    """The form's state: what was sent, what is wrong with it, or the reflection it made."""

    viewer: Viewer
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


def submit_form(request: HttpRequest) -> SubmitForm:
    """Return the empty form, or what a submission of it came to. The user is signed in."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # the view's login_required
    viewer = Viewer(user=user)
    if request.method != "POST":
        return SubmitForm(viewer=viewer)
    data = {name: request.POST[name] for name in FORM_FIELDS if request.POST.get(name)}
    # Browsers send line ends as two characters; the limit counts what the writer sees.
    data["text"] = request.POST.get("text", "").replace("\r\n", "\n")
    fields: dict[str, Any] = {**data}
    # A browser sends a file without name or bytes where none was chosen.
    if image := request.FILES.get("image"):
        fields["image"] = image.read()
    try:
        submission = parse(fields, timezone.now())
        accepted = services.submit(submission, user=user, token_owner=None)
    except InvalidSubmission as exc:
        return SubmitForm(viewer=viewer, text=data["text"], errors=exc.errors)
    except Busy as exc:
        busy = FieldError(field="text", message=str(exc))
        return SubmitForm(viewer=viewer, text=data["text"], errors=[busy])
    except ModelCannotSee as exc:
        blind = FieldError(field="image", message=f"can’t be described: {exc}")
        return SubmitForm(viewer=viewer, text=data["text"], errors=[blind])
    return SubmitForm(viewer=viewer, accepted=accepted)


@never_cache
@require_GET
@login_required
def reflection_detail(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """Show a reflection; its stages come in by polling the API."""
    report = reflection_report(_visible(request, reflection_id))
    return render(request, "enrichment/reflection_detail.html", {"reflection": report})


@require_POST
@login_required
def reflection_delete(request: HttpRequest, reflection_id: UUID) -> HttpResponse:
    """Forget a reflection."""
    forgetting.forget(_visible(request, reflection_id, services.DELETE_ANY))
    return redirect("overview")


def _visible(
    request: HttpRequest, reflection_id: UUID, permission: str = services.VIEW_TEXT
) -> Reflection:
    """Return one's own reflection, or with the permission anybody's; others are not found."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # the views' login_required
    viewer = Viewer(user=user, sees_all=user.has_perm(permission))
    reflection: Reflection = get_object_or_404(viewer.reflections().with_parts(), pk=reflection_id)
    return reflection
