"""The site's addresses, and one where nothing is done: what framework, token and throttle cost."""

from typing import Any, ClassVar

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from perfsite import urls
from perfsite.urls import handler400, handler404, handler500

__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


@extend_schema(exclude=True)
class Empty(APIView):
    """Reads its body, as every view that takes one, and answers nothing."""

    required_scopes: ClassVar[dict[str, Any]] = {"POST": "enrich:run"}

    def post(self, request: Request) -> Response:
        return Response({"empty": not request.data})


urlpatterns = [path("empty/", Empty.as_view()), *urls.urlpatterns]
