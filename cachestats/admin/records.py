"""Counted look-ups and the audit, to read; and the configuration, to revise and restore."""

import json

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cachestats import config, services
from cachestats.admin.rows import ReadOnlyAdmin
from cachestats.errors import InvalidConfig
from cachestats.models import Audit, ConfigRevision, LookupBatch


@admin.register(LookupBatch)
class LookupBatchAdmin(ReadOnlyAdmin):
    """Look-ups that were counted."""

    list_display = ("at", "cache_type", "model", "state", "reason", "count", "latency_ms")
    list_filter = ("state", "cache_type")
    fields = list_display
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(Audit)
class AuditAdmin(ReadOnlyAdmin):
    """Who purged what."""

    list_display = ("at", "actor", "filters", "deleted", "freed_bytes")
    date_hierarchy = "at"


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
class ConfigRevisionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Configuration: what is in force and from where, and a new revision over it."""

    form = RevisionForm
    list_display = ("number", "overlay", "author", "created_at", "reason")
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
