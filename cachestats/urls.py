from django.urls import path

from cachestats import config_views, page_views

app_name = "cachestats"
urlpatterns = [
    path("cache/", page_views.entry_list, name="entry-list"),
    path("cache/purge/", page_views.cache_purge, name="cache-purge"),
    path("cache/purge/<int:number>/", page_views.purge_result, name="purge-result"),
    path("cache/audit/", page_views.cache_audit, name="cache-audit"),
    path("cache/<str:key>/", page_views.entry_detail, name="entry-detail"),
    path("cache/<str:key>/delete/", page_views.entry_delete, name="entry-delete"),
    path("configuration/", config_views.config_form, name="config-form"),
    path("configuration/history/", config_views.config_history, name="config-history"),
    path(
        "configuration/history/<int:number>/restore/",
        config_views.config_restore,
        name="config-restore",
    ),
]
