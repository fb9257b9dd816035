"""What lists of the admin have in common, whatever app they are of: they stay quick at any length.

Nothing here counts all rows, sorts by a column without an index, or lists a column's values.
"""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.paginator import Paginator
from django.db.models import Field, Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

# So far a list is counted, and so far its pages go; beyond that a filter finds what is older.
COUNTED = 10_000


class AtLeast(int):
    """A number that was counted no further, and is written as such."""

    def __str__(self) -> str:
        return f"more than {int(self) - 1:,}"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in stubs only
    """Counts the first rows alone."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are; `AtLeast` one more than `COUNTED` if there are more."""
        rows: Any = self.object_list
        found = rows[: COUNTED + 1].count()
        return AtLeast(found) if found > COUNTED else int(found)


class PeriodFilter(admin.DateFieldListFilter):
    """The last days of an indexed column. A hierarchy of dates reads all rows for its links."""

    def __init__(
        self,
        field: "Field[Any, Any]",
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: "admin.ModelAdmin[Any]",
        field_path: str,
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        since = self.lookup_kwarg_since
        self.links = (
            ("Any time", {}),
            ("Today", {since: today}),
            ("Last 7 days", {since: today - timedelta(days=7)}),
            ("Last 30 days", {since: today - timedelta(days=30)}),
        )


class OwnFiltersOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in stubs only
    """A list that is narrowed by its own filters alone.

    Django takes any look-up of any field of the model: with these, who may see a list reads what it
    hides letter by letter, and a regular expression keeps the database busy for as long as they
    like.
    """

    def lookup_allowed(
        self, lookup: str, _value: object, request: HttpRequest | None = None
    ) -> bool:
        return request is not None and any(
            lookup in self._parameters(request, item) for item in self.get_list_filter(request)
        )

    def _parameters(self, request: HttpRequest, item: Any) -> list[str | None]:
        """Return what a filter may be asked with."""
        if isinstance(item, type):
            return [item.parameter_name]  # type: ignore[attr-defined]  # a SimpleListFilter
        path, kind = item if isinstance(item, tuple) else (item, admin.FieldListFilter.create)
        field = get_fields_from_path(self.model, path)[-1]
        made = kind(field, request, {}, self.model, self, field_path=path)
        return list(made.expected_parameters())


class LongList(OwnFiltersOnly):
    """A list that may have very many rows."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()


class ReadOnlyAdmin(LongList):
    """Rows that the site writes and people read."""

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False
