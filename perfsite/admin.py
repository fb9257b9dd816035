"""Access tokens and accounts in the admin. `create_token` and the API make tokens.

Who may change accounts gives away no more than they have: else each of them could make themselves
a superuser, or take over the account of one.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Field, Q, QuerySet
from django.http import HttpRequest

from cachestats.changelists import LongList, OwnFiltersOnly, PeriodFilter
from perfsite.models import AccessToken

admin.site.site_header = "Perfsite"
admin.site.site_title = "Perfsite"
admin.site.index_title = "Administration"


@admin.register(AccessToken)
class AccessTokenAdmin(LongList):
    """Tokens; deleting one revokes it."""

    list_display = ("name", "user", "scopes", "bound_to", "created", "expiry", "last_used_at")
    list_filter = (("created", PeriodFilter),)
    list_select_related = ("user",)
    ordering = ("-created", "-public_id")
    search_fields = ("name", "owner", "user__username")
    search_help_text = "Part of the name of a token, its owner or its user"
    fields = list_display

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class AccountAdmin(OwnFiltersOnly, UserAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """People and services."""

    list_display = ("username", "roles", "is_staff", "is_active", "last_login")
    list_filter = ("groups", "is_staff", "is_superuser", "is_active")
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        accounts: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return accounts

    @admin.display(description="Groups")
    def roles(self, user: User) -> str:
        names = sorted(group.name for group in user.groups.all())
        return ", ".join(["superuser", *names] if user.is_superuser else names) or "–"

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave alone who may do more than whoever asks, or their password could be changed."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or _has_all_of(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or _has_all_of(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        mine: User = request.user  # type: ignore[assignment]  # the admin let nobody else in
        return fields if mine.is_superuser else (*fields, "is_superuser", "user_permissions")

    def formfield_for_manytomany(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **options: Any
    ) -> Any:
        """Offer the groups that have no more than whoever asks."""
        if db_field.name == "groups" and not request.user.is_superuser:
            mine = request.user.get_all_permissions()
            beyond = [
                permission.pk
                for permission in Permission.objects.select_related("content_type")
                if f"{permission.content_type.app_label}.{permission.codename}" not in mine
            ]
            options["queryset"] = Group.objects.exclude(permissions__in=beyond)
        return super().formfield_for_manytomany(db_field, request, **options)  # type: ignore[arg-type]


def _has_all_of(request: HttpRequest, other: User) -> bool:
    """Return whether somebody may do all that another may, or could if their account was active."""
    if request.user.is_superuser:
        return True
    theirs = Permission.objects.filter(Q(user=other) | Q(group__user=other)).values_list(
        "content_type__app_label", "codename"
    )
    return not other.is_superuser and (
        {f"{app_label}.{codename}" for app_label, codename in theirs}
        <= request.user.get_all_permissions()
    )


class RoleAdmin(OwnFiltersOnly, GroupAdmin):
    """Groups, for superusers to change."""


admin.site.unregister((User, Group))
admin.site.register(User, AccountAdmin)
admin.site.register(Group, RoleAdmin)
