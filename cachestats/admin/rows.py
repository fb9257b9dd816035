"""What lists of the cache's own database have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cachestats import services
from cachestats.changelists import ReadOnlyAdmin

View = Callable[..., HttpResponse]


def _while_usable(view: View) -> View:
    """Make a view say so where the cache's database can't be used, instead of failing."""

    @wraps(view)
    def guarded(
        self: "CacheFileAdmin", request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(self, request, *args, **kwargs)
        except services.UNUSABLE as exc:
            self.message_user(request, f"The cache can't be used now: {exc}", messages.ERROR)
            return redirect("admin:index")

    return guarded


class CacheFileAdmin(ReadOnlyAdmin):
    """Rows of the cache's own database, which may be broken."""

    changelist_view = _while_usable(admin.ModelAdmin.changelist_view)
    changeform_view = _while_usable(admin.ModelAdmin.changeform_view)
    delete_view = _while_usable(admin.ModelAdmin.delete_view)
    history_view = _while_usable(admin.ModelAdmin.history_view)

    def known_count(self, _request: HttpRequest) -> int | None:
        """Return how many rows the request asks for; None where nobody knows without counting."""
        return None

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **kw: Any
    ) -> "Paginator[Any]":
        paginator = super().get_paginator(request, queryset, per_page, *args, **kw)
        if (known := self.known_count(request)) is not None:
            # The totals may lag behind; a list that doesn't fit a page must not pass for one.
            paginator.count = max(known, queryset[: per_page + 1].count())
        return paginator
