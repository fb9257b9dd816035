"""Every address of the site. The API's are a contract; see the README."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from cachestats.api.urls import urlpatterns as cache_endpoints
from enrichment.api.urls import urlpatterns as reflection_endpoints
from perfsite import views
from perfsite.metrics_api import MetricsSummary
from perfsite.overview.views import overview, picture_csv
from perfsite.token_views import TokenDetail, TokenList

own_endpoints = [
    path("auth/tokens/", TokenList.as_view(), name="token-list"),
    path("auth/tokens/<uuid:token_id>/", TokenDetail.as_view(), name="token-detail"),
    path("metrics/summary/", MetricsSummary.as_view(), name="metrics-summary"),
]
api = ([*reflection_endpoints, *cache_endpoints, *own_endpoints], "api")

urlpatterns = [
    path("", overview, name="overview"),
    path("pictures/<slug:name>.csv", picture_csv, name="picture-csv"),
    path("", include("enrichment.urls")),
    path("", include("cachestats.urls")),
    path("api/v1/", include(api)),
    path("api/schema/", views.Schema.as_view(), name="api-schema"),
    path("api/docs/", views.api_docs, name="api-docs"),
    # Also with a line break in it, which `<path:rest>` would leave to the pages.
    re_path(r"^api/[\s\S]*", views.api_not_found),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="perfsite/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("favicon.ico", RedirectView.as_view(url=static("perfsite/favicon.svg"))),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.Metrics.as_view(), name="metrics"),
]

handler400 = "perfsite.views.bad_request"
handler403 = "perfsite.views.forbidden"
handler404 = "perfsite.views.not_found"
handler500 = "perfsite.views.server_error"
