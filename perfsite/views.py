"""Pages that need both apps, and the endpoints of monitors."""

from typing import ClassVar

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from cachestats.reports import cache_report
from enrichment import hosts, reports
from enrichment.call_reports import call_report
from enrichment.submission import MAX_CHARACTERS
from enrichment.views import submit_form
from perfsite import prometheus
from perfsite.api import problem_response
from perfsite.health import readiness


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """Show whether the cache earns its keep, and take a reflection."""
    form = submit_form(request)
    if form.accepted:
        return redirect("enrichment:reflection-detail", form.accepted.pk)
    page = {
        "cache": cache_report(),
        "calls": call_report(),
        "queue": reports.queue_report(),
        "model": hosts.health(),
        "engine_starting": hosts.engine_is_starting(),
        "reflections": reports.recent_reflections(form.viewer),
        "form": form,
    }
    return render(request, "perfsite/overview.html", page, status=400 if form.errors else 200)


@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer that this process lives; checks nothing outside it."""
    return JsonResponse({"status": "ok"})


@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer whether the whole can take work."""
    found = readiness()
    headers = {} if found.ok else {"Retry-After": "2"}
    return JsonResponse(found.as_json(), status=200 if found.ok else 503, headers=headers)


class Metrics(APIView):
    """The site's numbers for Prometheus."""

    required_scopes: ClassVar = {"GET": "cache:read"}

    def perform_content_negotiation(
        self,
        request: Request,  # noqa: ARG002  # the interface's
        force: bool = False,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        """Answer the same whatever a scraper asks for: numbers as text, errors as JSON."""
        renderer = self.get_renderers()[0]
        return renderer, str(renderer.media_type)

    def get(self, _request: Request) -> HttpResponse:
        return HttpResponse(prometheus.exposition(), content_type=prometheus.CONTENT_TYPE)


@csrf_exempt
def api_not_found(request: HttpRequest, rest: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer an address under the API where nothing is."""
    return problem_response(request, 404, "Nothing is here.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a form that did not come from our page, or came from one that is too old."""
    title = "This form has expired; go back and load the page again"
    return render(request, "perfsite/error.html", {"title": title}, status=403)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what could not even be read as a request."""
    if isinstance(exception, RequestDataTooBig):
        title = (
            f"That is too long: at most {MAX_CHARACTERS:,} characters of text and an image of 5 MB "
            "are accepted"
        )
        return render(request, "perfsite/error.html", {"title": title}, status=413)
    if _is_api(request):
        return problem_response(request, 400, "The request can't be read.")
    return render(request, "perfsite/error.html", {"title": "That can't be read"}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer an address where nothing is."""
    if _is_api(request):
        return problem_response(request, 404, "Nothing is here.")
    return render(request, "perfsite/error.html", {"title": "Nothing is here"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours without its traceback."""
    if _is_api(request):
        return problem_response(request, 500, "This is our fault; it was logged.")
    return render(request, "perfsite/error.html", {"title": "This is our fault"}, status=500)
