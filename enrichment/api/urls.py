from django.urls import path

from enrichment.api.views import ReflectionDetail, ReflectionList

urlpatterns = [
    path("reflections/", ReflectionList.as_view(), name="reflection-list"),
    path("reflections/<uuid:reflection_id>/", ReflectionDetail.as_view(), name="reflection-detail"),
]
