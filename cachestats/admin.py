"""The cache in the admin: entries to purge, samples and audit to read, configuration to revise."""

import json

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cachestats import config, services
from cachestats.errors import InvalidConfig
from cachestats.models import Audit, CacheEntry, ConfigRevision, LookupBatch


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Rows that the site writes and people read."""

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(CacheEntry)
class CacheEntryAdmin(ReadOnlyAdmin):
    """Entries; the value stays masked, because it was inferred from somebody's words."""

    list_display = ("__str__", "model", "size_bytes", "cost_ms", "created_at", "expires_at")
    list_filter = ("cache_type", "model")
    fields = (
        "key",
        "cache_type",
        "model",
        "size_bytes",
        "cost_ms",
        "checksum",
        "created_at",
        "expires_at",
    )
    # Counting a huge table takes longer than reading a page of it.
    show_full_result_count = False
    actions = ("purge",)

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cachestats.delete_cacheentry")

    @admin.action(description="Purge the selected entries", permissions=["purge"])
    def purge(self, request: HttpRequest, queryset: QuerySet[CacheEntry]) -> None:
        for entry in queryset:
            services.purge(services.PurgeFilter(key=entry.key), request.user.get_username())
        self.message_user(request, "The selected entries were purged.")


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

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

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
