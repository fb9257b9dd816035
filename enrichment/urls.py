from django.urls import path

from enrichment import views

app_name = "enrichment"
urlpatterns = [
    path("<uuid:reflection_id>/", views.reflection_detail, name="reflection-detail"),
    path("<uuid:reflection_id>/delete/", views.reflection_delete, name="reflection-delete"),
]
