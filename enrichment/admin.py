"""Reflections and jobs in the admin. Texts are masked but for those who may read them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q import admin as queue_admin
from django_q.models import Failure, OrmQ, Success

from cachestats.services import UNUSABLE
from enrichment import forgetting, jobs, services, warming
from enrichment.models import Job, Reflection, StageResult, TuningRun, WarmUp

MASKED = "hidden: needs the permission to read other people's reflections"


class StageResultInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in stubs only
    """What the stages made of a reflection; nobody edits it."""

    model = StageResult
    extra = 0
    can_delete = False
    fields = ("stage", "outcome", "cache", "engine", "model", "duration_ms", "reason", "created_at")
    readonly_fields = (*fields, "raw_reply")

    def get_fields(self, request: HttpRequest, _obj: Reflection | None = None) -> Any:
        """Show a rejected reply to those who may read texts: it may echo one."""
        readable = request.user.has_perm(services.VIEW_TEXT)
        return (*self.fields, "raw_reply") if readable else self.fields

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(Reflection)
class ReflectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Reflections; deleting one forgets it everywhere."""

    list_display = ("id", "owner", "language", "at_risk", "enrich_again", "created_at")
    list_filter = ("enrich_again", "language")
    search_fields = ("id", "owner")
    date_hierarchy = "created_at"
    fields = (
        "id",
        "owner",
        "submitted_by",
        "masked_text",
        "timestamp",
        "timezone",
        "language",
        "risk_signals",
        "enrich_again",
    )
    inlines = (StageResultInline,)

    def get_fields(self, request: HttpRequest, _obj: Reflection | None = None) -> Any:
        """Show the text itself to those who may read it."""
        shown = "text" if request.user.has_perm(services.VIEW_TEXT) else "masked_text"
        return [shown if field == "masked_text" else field for field in self.fields]

    @admin.display(description="Text")
    def masked_text(self, _reflection: Reflection) -> str:
        return MASKED

    @admin.display(boolean=True, description="At risk")
    def at_risk(self, reflection: Reflection) -> bool:
        return reflection.at_risk

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Ask for no permission of its own for the jobs, which go with their reflection."""
        gone, counts, needed, protected = super().get_deleted_objects(objs, request)
        return gone, counts, needed - {Job._meta.verbose_name}, protected

    def delete_model(self, _request: HttpRequest, obj: Reflection) -> None:
        forgetting.forget(obj)

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[Reflection]) -> None:
        for reflection in queryset:
            forgetting.forget(reflection)


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """The work on reflections: to look at, to retry and to cancel."""

    list_display = (
        *("id", "purpose", "status", "priority", "claimed_by", "attempts", "errors", "last_error"),
        "created_at",
    )
    list_filter = ("status", "priority", "purpose")
    date_hierarchy = "created_at"
    raw_id_fields = ("reflection",)
    actions = ("retry", "cancel")

    @admin.action(permissions=["act"], description="Retry what did not complete")
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        chosen, done = queryset.count(), jobs.retry(queryset)
        self.message_user(request, f"{done} of {chosen} queued again.", _level(done))

    @admin.action(permissions=["act"], description="Cancel what is not finished")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        chosen, done = queryset.count(), jobs.cancel(queryset)
        self.message_user(request, f"{done} of {chosen} cancelled.", _level(done))

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("enrichment.change_job")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        # Jobs go with their reflection, and never without it.
        return False


class RecordAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """What a command did; nobody edits it."""

    date_hierarchy = "at"

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        # A warm-up's entries are found by it when a text is forgotten.
        return False


@admin.register(TuningRun)
class TuningRunAdmin(RecordAdmin):
    """What tune_ollama measured."""

    list_display = ("at", "host", "model", "budget_seconds", "changes", "revision")
    fields = ("at", "host", "model", "digest", "budget_seconds", "revision", "evidence")


@admin.register(WarmUp)
class WarmUpAdmin(RecordAdmin):
    """What was computed ahead, and what came of it."""

    list_display = (
        *("at", "source", "ended", "computed", "already_there", "failed", "skipped"),
        "predicted_hits",
    )
    list_filter = ("source", "ended")
    fields = (*list_display, "realised_hits")
    readonly_fields = fields

    @admin.display(description="Hits so far")
    def realised_hits(self, warm_up: WarmUp) -> int | None:
        """Return what the cache knows; nothing while it can't be read."""
        try:
            return warming.realised_hits(warm_up.entries.all())
        except UNUSABLE:
            return None


def _level(done: int) -> int:
    return messages.SUCCESS if done else messages.WARNING


# django-q2's own pages let who may only look resubmit tasks. A ticket is not worth that: the reaper
# issues what is missing.
class TicketAdmin(queue_admin.QueueAdmin):  # type: ignore[misc]  # django-q2 has no types
    """Tickets that wait in the database."""

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class DoneTicketAdmin(queue_admin.TaskAdmin):  # type: ignore[misc]
    """Tickets that were worked off."""

    actions = ()

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class FailedTicketAdmin(queue_admin.FailAdmin):  # type: ignore[misc]
    """Tickets whose process failed; the jobs know what became of them."""

    actions = ()

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


for _model, _page in (
    (OrmQ, TicketAdmin),
    (Success, DoneTicketAdmin),
    (Failure, FailedTicketAdmin),
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
        admin.site.register(_model, _page)
