"""Every address of the site. The API's are a contract; see the README."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from cachestats.api.urls import urlpatterns as cache_endpoints
from enrichment.api.urls import urlpatterns as reflection_endpoints
from perfsite import views

api = ([*reflection_endpoints, *cache_endpoints], "api")

urlpatterns = [
    path("", views.overview, name="overview"),
    path("reflections/", include("enrichment.urls")),
    path("api/v1/", include(api)),
    path("api/", views.api_not_found),
    path("api/<path:rest>", views.api_not_found),
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
handler404 = "perfsite.views.not_found"
handler500 = "perfsite.views.server_error"
