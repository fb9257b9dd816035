from django.urls import path

from cachestats.api.views import CachePurge, CacheStats

urlpatterns = [
    path("cache/stats/", CacheStats.as_view(), name="cache-stats"),
    path("cache/purge/", CachePurge.as_view(), name="cache-purge"),
]
