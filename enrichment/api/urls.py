from django.urls import path

from enrichment.api.views import (
    ReflectionCancel,
    ReflectionDetail,
    ReflectionList,
    ReflectionRetry,
)

one = "reflections/<uuid:reflection_id>/"
urlpatterns = [
    path("reflections/", ReflectionList.as_view(), name="reflection-list"),
    path(one, ReflectionDetail.as_view(), name="reflection-detail"),
    path(f"{one}retry/", ReflectionRetry.as_view(), name="reflection-retry"),
    path(f"{one}cancel/", ReflectionCancel.as_view(), name="reflection-cancel"),
]
