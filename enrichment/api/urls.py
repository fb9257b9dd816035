from django.urls import path

from enrichment.api.views import (
    ReflectionCancel,
    ReflectionCancelMany,
    ReflectionDetail,
    ReflectionList,
    ReflectionRetry,
    ReflectionRetryMany,
)

one = "reflections/<uuid:reflection_id>/"
urlpatterns = [
    path("reflections/", ReflectionList.as_view(), name="reflection-list"),
    path("reflections/retry/", ReflectionRetryMany.as_view(), name="reflection-retry-many"),
    path("reflections/cancel/", ReflectionCancelMany.as_view(), name="reflection-cancel-many"),
    path(one, ReflectionDetail.as_view(), name="reflection-detail"),
    path(f"{one}retry/", ReflectionRetry.as_view(), name="reflection-retry"),
    path(f"{one}cancel/", ReflectionCancel.as_view(), name="reflection-cancel"),
]
