"""What is said to browsers and asked of clients so that nobody on the way reads along."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.request import split_domain_port

from perfsite.api import problem_response

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
# For monitors, which ask each machine itself; neither says anything about anybody.
OPEN = ("/healthz", "/readyz")
# No page of ours uses any of these.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class RequireHttps:
    """Sends pages to HTTPS, refuses the API's clients without it, and says what pages may use.

    A client would send its token again and again without anybody's noticing that it is redirected.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._insecure(request) or self._get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    def _insecure(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to what must not come without HTTPS."""
        if not settings.HTTPS or request.is_secure() or request.path in OPEN or _is_local(request):
            return None
        if request.path.startswith(("/api/v1/", "/metrics")):
            return problem_response(request, 403, "This is answered over HTTPS alone.")
        return HttpResponsePermanentRedirect(
            f"https://{request.get_host()}{request.get_full_path()}"
        )


def _is_local(request: HttpRequest) -> bool:
    """Return whether somebody asks from this machine, and not for anybody else as proxies do."""
    host, _ = split_domain_port(request.get_host())
    try:
        peer = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return peer.is_loopback and host in LOOPBACK_HOSTS
