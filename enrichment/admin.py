"""Reflections and jobs in the admin. Texts are masked but for those who may read them."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_q import admin as queue_admin
from django_q.models import Failure, OrmQ, Schedule, Success

from cachestats.changelists import LongList, OwnFiltersOnly, PeriodFilter, ReadOnlyAdmin
from cachestats.services import UNUSABLE
from enrichment import forgetting, jobs, services
from enrichment.models import (
    InferenceCall,
    Job,
    Reflection,
    StageResult,
    TuningRun,
    WarmUp,
    WebhookDelivery,
    WebhookEndpoint,
)
from enrichment.models.jobs import FINISHED
from enrichment.warm_up_reports import realised_hits

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
class ReflectionAdmin(LongList):
    """Reflections; deleting one forgets it everywhere."""

    list_display = ("id", "owner", "language", "at_risk", "enrich_again", "created_at")
    list_filter = (("created_at", PeriodFilter), "enrich_again")
    search_fields = ("owner",)
    search_help_text = "A whole id, or the whole name of an owner"
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

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Reflection], search_term: str
    ) -> tuple[QuerySet[Reflection], bool]:
        """Find by what has an index: a part of a name would be looked for in every row."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return queryset.filter(owner=search_term.strip()), False

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
        """Ask for no permission of its own for jobs and messages, which go with a reflection."""
        gone, counts, needed, protected = super().get_deleted_objects(objs, request)
        theirs = {Job._meta.verbose_name, WebhookDelivery._meta.verbose_name}
        return gone, counts, needed - theirs, protected

    def delete_model(self, _request: HttpRequest, obj: Reflection) -> None:
        forgetting.forget(obj)

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[Reflection]) -> None:
        for reflection in queryset:
            forgetting.forget(reflection)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """The work on reflections: to look at, to retry and to cancel.

    Jobs go with their reflection, and never without it.
    """

    list_display = (
        *("id", "purpose", "status", "priority", "claimed_by", "attempts", "errors", "last_error"),
        "created_at",
    )
    list_filter = (("created_at", PeriodFilter), "status", "priority", "purpose")
    search_fields = ("id",)
    search_help_text = "The number of a job, or the id of its reflection"
    raw_id_fields = ("reflection",)
    actions = ("retry", "cancel")

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        wanted = search_term.strip()
        if not wanted:
            return queryset, False
        if re.fullmatch(r"\d{1,18}", wanted, re.ASCII):
            return queryset.filter(pk=int(wanted)), False
        try:
            return queryset.filter(reflection_id=UUID(wanted)), False
        except ValueError:
            return queryset.none(), False

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order finished jobs by their end: of one status, that is what has an index."""
        finished = request.GET.get("status__exact") in FINISHED
        return ("-finished_at", "-id") if finished else ("-created_at", "-id")

    @admin.action(permissions=["act"], description="Retry what did not complete")
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        chosen, done = queryset.count(), jobs.retry(queryset)
        self.message_user(request, f"{done} of {chosen} queued again.", _level(done))

    @admin.action(permissions=["act"], description="Cancel what is not finished")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        chosen, done = queryset.count(), jobs.cancel(queryset)
        self.message_user(request, f"{done} of {chosen} cancelled.", _level(done))

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.CHANGE_ANY)


class AnsweredFilter(admin.SimpleListFilter):
    """Calls that were answered, or that failed."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        return [("answered", "Answered"), ("failed", "Failed")]

    def queryset(
        self, _request: HttpRequest, calls: QuerySet[InferenceCall]
    ) -> QuerySet[InferenceCall]:
        if self.value() == "answered":
            return calls.filter(error="")
        return calls.exclude(error="") if self.value() == "failed" else calls


@admin.register(InferenceCall)
class InferenceCallAdmin(ReadOnlyAdmin):
    """Questions to models; none tells who asked what."""

    list_display = (
        *("at", "host", "model", "kind", "elapsed_ms", "prompt_tokens", "generated_tokens"),
        *("attempts", "error"),
    )
    list_filter = (("at", PeriodFilter), AnsweredFilter)


@admin.register(TuningRun)
class TuningRunAdmin(ReadOnlyAdmin):
    """What tune_ollama measured."""

    list_display = ("at", "host", "model", "budget_seconds", "changes", "revision")
    list_filter = (("at", PeriodFilter),)
    search_fields = ("host", "model")
    search_help_text = "Part of a host or model"
    fields = ("at", "host", "model", "digest", "budget_seconds", "revision", "evidence")


@admin.register(WarmUp)
class WarmUpAdmin(ReadOnlyAdmin):
    """What was computed ahead, and what came of it."""

    list_display = (
        *("at", "source", "ended", "computed", "already_there", "failed", "skipped"),
        "predicted_hits",
    )
    list_filter = (("at", PeriodFilter), "source", "ended")
    fields = (*list_display, "realised_hits", "ended_at", "trouble")
    readonly_fields = fields

    @admin.display(description="Hits so far")
    def realised_hits(self, warm_up: WarmUp) -> int | None:
        """Return what the cache knows; nothing while it can't be read."""
        try:
            return realised_hits(warm_up.entries.all())
        except UNUSABLE:
            return None


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Who is told; but for what signs, which nobody is shown."""

    list_display = ("name", "id", "url", "events", "enabled", "disabled_because", "created_at")
    list_filter = ("enabled",)
    search_fields = ("name", "url")
    fields = list_display


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Messages to them, newest first."""

    list_display = (
        *("id", "endpoint", "event", "status", "attempts", "http_status", "duration_ms", "error"),
        *("created_at", "due_at", "finished_at"),
    )
    # Of finished ones no more than 1,000 an endpoint are kept.
    list_filter = (("created_at", PeriodFilter), "status", "event", "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("error",)
    search_help_text = "Part of an error’s kind"
    fields = (*list_display, "reflection_id", "reflection_status")


def _level(done: int) -> int:
    return messages.SUCCESS if done else messages.WARNING


# django-q2's own pages let who may only look resubmit tasks. A ticket is not worth that: the reaper
# issues what is missing.
class TicketAdmin(OwnFiltersOnly, queue_admin.QueueAdmin):  # type: ignore[misc]  # django-q2 has no types
    """Tickets that wait in the database."""

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class DoneTicketAdmin(OwnFiltersOnly, queue_admin.TaskAdmin):  # type: ignore[misc]
    """Tickets that were worked off."""

    actions = ()

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class FailedTicketAdmin(OwnFiltersOnly, queue_admin.FailAdmin):  # type: ignore[misc]
    """Tickets whose process failed; the jobs know what became of them."""

    actions = ()

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class ScheduleAdmin(OwnFiltersOnly, queue_admin.ScheduleAdmin):  # type: ignore[misc]
    """What the cluster runs by the clock; for superusers, because it may be any function."""


for _model, _page in (
    (OrmQ, TicketAdmin),
    (Success, DoneTicketAdmin),
    (Failure, FailedTicketAdmin),
    (Schedule, ScheduleAdmin),
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
        admin.site.register(_model, _page)
