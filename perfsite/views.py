"""Pages that need both apps, and the endpoints of monitors."""

from functools import cache
from typing import Any, ClassVar, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
)
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrichment.submission import MAX_CHARACTERS
from perfsite import prometheus
from perfsite.api import problem_response
from perfsite.health import readiness
from perfsite.roles import WORDS, role_with


class Schema(SpectacularAPIView):
    """The API's description for everybody: as JSON, or as YAML for who asks for that."""

    authentication_classes = ()
    # All strangers would share one count.
    throttle_classes = ()
    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
    ]

    def _get_schema_response(self, request: Request) -> Response:  # noqa: ARG002  # the interface's
        return Response(_description())


@cache
def _description() -> dict[str, Any]:
    """Return the description; the views don't change while the process lives."""
    return cast(dict[str, Any], SchemaGenerator().get_schema(request=None, public=True))


@require_GET
def api_docs(request: HttpRequest) -> HttpResponse:
    """Show the API's description, for everybody."""
    return render(request, "perfsite/api_docs.html")


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer that this process lives; checks nothing outside it."""
    return JsonResponse({"status": "ok"})


@require_safe
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

    @extend_schema(
        operation_id="metrics",
        tags=["Metrics"],
        summary="Read the numbers as Prometheus does",
        responses={(200, "text/plain"): OpenApiTypes.STR},
        examples=[
            OpenApiExample(
                "One number", value="perfsite_workers_alive 2.0\n", media_type="text/plain"
            )
        ],
    )
    def get(self, _request: Request) -> HttpResponse:
        return HttpResponse(prometheus.exposition(), content_type=prometheus.CONTENT_TYPE)


@csrf_exempt
def api_not_found(request: HttpRequest) -> HttpResponse:
    """Answer an address under the API where nothing is."""
    return problem_response(request, 404, "Nothing is here.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a form that did not come from our page, or came from one that is too old."""
    title = "This form has expired; go back and load the page again"
    return render(request, "perfsite/error.html", {"title": title}, status=403)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Say which permission is missing, and whom to ask for it."""
    missing = getattr(getattr(request, "user", None), "first_refused", "")
    page = {"permission": missing, "words": WORDS.get(missing), "group": role_with(missing)}
    return render(request, "perfsite/forbidden.html", page, status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what could not even be read as a request."""
    if isinstance(exception, RequestDataTooBig):
        title = (
            f"That is too long: at most {MAX_CHARACTERS:,} characters of text and an image of 5 MB "
            "are accepted"
        )
        return render(request, "perfsite/error.html", {"title": title}, status=413)
    return render(request, "perfsite/error.html", {"title": "That can't be read"}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer an address where nothing is."""
    return render(request, "perfsite/error.html", {"title": "Nothing is here"}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours without its traceback."""
    return render(request, "perfsite/error.html", {"title": "This is our fault"}, status=500)
