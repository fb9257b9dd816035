"""Counted look-ups and the audit, to read; and the configuration, to revise and restore."""

import json

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cachestats import audits, config, services
from cachestats.admin.filters import TypeFilter
from cachestats.changelists import LongList, PeriodFilter, ReadOnlyAdmin
from cachestats.errors import InvalidConfig
from cachestats.models import Audit, ConfigRevision, LookupBatch, LookupSpan


@admin.register(LookupBatch)
class LookupBatchAdmin(ReadOnlyAdmin):
    """Look-ups that were counted a moment ago."""

    list_display = ("at", "cache_type", "model", "state", "reason", "count", "latency_ms")
    list_filter = (("at", PeriodFilter), "state", TypeFilter)
    fields = list_display


@admin.register(LookupSpan)
class LookupSpanAdmin(ReadOnlyAdmin):
    """Look-ups added up by spans of time."""

    list_display = (
        "at",
        "seconds",
        "cache_type",
        "model",
        "state",
        "reason",
        "count",
        "latency_ms",
    )
    list_filter = (("at", PeriodFilter), "seconds", "state", TypeFilter)
    fields = list_display


@admin.register(Audit)
class AuditAdmin(ReadOnlyAdmin):
    """Who purged what."""

    list_display = ("at", "actor", "asked", "deleted", "freed")
    list_filter = (("at", PeriodFilter),)
    search_fields = ("actor",)
    search_help_text = "Part of the name of who purged"
    fields = list_display

    @admin.display(description="What was asked for")
    def asked(self, audit: Audit) -> str:
        return audits.in_words(audit.filters)

    @admin.display(description="Freed")
    def freed(self, audit: Audit) -> str:
        return filesizeformat(audit.freed_bytes)


class RevisionForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in stubs only
    """A new overlay, held against the schema together with the tuning file."""

    class Meta:
        model = ConfigRevision
        fields = ("overlay", "reason")

    def clean_overlay(self) -> object:
        overlay = self.cleaned_data["overlay"]
        if not isinstance(overlay, dict):
            raise forms.ValidationError('Must be a JSON object: {"caching": {"enabled": false}}')
        try:
            services.check_overlay(overlay)
        except InvalidConfig as exc:
            raise forms.ValidationError(
                [f"{error.field}: {error.message}" for error in exc.errors]
            ) from exc
        return overlay


@admin.register(ConfigRevision)
class ConfigRevisionAdmin(LongList):
    """Configuration: what is in force and from where, and a new revision over it."""

    form = RevisionForm
    list_display = ("number", "overlay", "author", "token_name", "created_at", "reason")
    list_filter = (("created_at", PeriodFilter),)
    list_select_related = ("author",)
    search_fields = ("reason", "author__username", "token_name")
    search_help_text = "Part of the reason, or of who saved it"
    readonly_fields = ("in_force",)
    fields = ("in_force", "overlay", "reason")
    actions = ("restore",)

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    @admin.action(description="Restore this revision", permissions=["add"])
    def restore(self, request: HttpRequest, queryset: QuerySet[ConfigRevision]) -> None:
        assert isinstance(request.user, User)  # noqa: S101  # the admin let nobody else in
        if len(queryset) != 1:
            self.message_user(request, "Select the one revision to restore.", messages.ERROR)
            return
        try:
            restored = services.restore_revision(queryset[0], request.user)
        except InvalidConfig as exc:
            self.message_user(request, f"It breaks today's schema: {exc}", messages.ERROR)
        else:
            self.message_user(request, f"It is in force again, as {restored}.")

    @admin.display(description="In force now, and where each value comes from")
    def in_force(self, _revision: ConfigRevision) -> SafeString:
        effective = config.current()
        values = effective.config.model_dump()
        lines = [
            f"{name} = {json.dumps(values[section][field])}   ({source})"
            for name, source in effective.sources.items()
            for section, field in [name.split(".")]
        ]
        return format_html("<pre>{}</pre>", "\n".join(lines))

    def save_model(
        self, request: HttpRequest, obj: ConfigRevision, _form: RevisionForm, _change: bool
    ) -> None:
        assert isinstance(request.user, User)  # noqa: S101  # the admin let nobody else in
        saved = services.save_revision(obj.overlay, request.user, obj.reason)
        obj.pk = saved.pk
