from django.urls import path

from cachestats.api.config import ConfigHistory, ConfigRestore, ConfigView
from cachestats.api.entries import EntryDetail, EntryList
from cachestats.api.views import CachePurge, CacheStats

urlpatterns = [
    path("cache/stats/", CacheStats.as_view(), name="cache-stats"),
    path("cache/entries/", EntryList.as_view(), name="cache-entry-list"),
    path("cache/entries/<str:key>/", EntryDetail.as_view(), name="cache-entry-detail"),
    path("cache/purge/", CachePurge.as_view(), name="cache-purge"),
    path("config/", ConfigView.as_view(), name="config"),
    path("config/history/", ConfigHistory.as_view(), name="config-history"),
    path("config/history/<int:number>/restore/", ConfigRestore.as_view(), name="config-restore"),
]
