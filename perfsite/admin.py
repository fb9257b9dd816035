"""Access tokens in the admin: to look at and to revoke. They are made by `create_token`."""

from django.contrib import admin
from django.http import HttpRequest

from perfsite.models import AccessToken

admin.site.site_header = "Perfsite"
admin.site.site_title = "Perfsite"
admin.site.index_title = "Administration"


@admin.register(AccessToken)
class AccessTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """Tokens; deleting one revokes it."""

    list_display = ("name", "user", "scopes", "owner", "created", "expiry")
    search_fields = ("name", "owner")
    fields = ("name", "user", "scopes", "owner", "created", "expiry")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False
