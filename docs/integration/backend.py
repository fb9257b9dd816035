"""Stands for your web app's server: serves `browser/`, and gives its page a token.

    PERFSITE_TOKEN=... python docs/integration/backend.py    # http://127.0.0.1:8080

PERFSITE_TOKEN has the scopes token:issue, enrich:run and enrich:read; it stays in this process.
The page gets tokens that live ten minutes and reach reflections of who is signed in alone.
PERFSITE_URL is where Perfsite is, for this server and for browsers; CORS_ALLOWED_ORIGINS there
has to name this server.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from perfsite_client import URL, Perfsite, PerfsiteError

FILES = {"/": ("index.html", "text/html"), "/app.js": ("app.js", "text/javascript")}
LIFETIME_SECONDS = 600
POLICY = (
    f"default-src 'none'; script-src 'self'; img-src data:; connect-src 'self' {URL}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def signed_in_user() -> str | None:
    """Return who sent the request: ask your session here. An id of yours that stays, no address."""
    return os.environ.get("DEMO_USER", "user-17")


class Handler(BaseHTTPRequestHandler):
    """The page's two files and its token."""

    def do_GET(self) -> None:
        if self.path not in FILES:
            return self._answer(404)
        name, kind = FILES[self.path]
        return self._answer(200, kind, (Path(__file__).parent / "browser" / name).read_bytes())

    def do_POST(self) -> None:
        # Browsers say themselves which site's page it was that asked.
        if self.path != "/perfsite-token" or self.headers["Sec-Fetch-Site"] != "same-origin":
            return self._answer(404)
        if (owner := signed_in_user()) is None:
            return self._answer(401)
        try:
            token = PERFSITE.issue_token(owner, seconds=LIFETIME_SECONDS)
        except PerfsiteError as problem:
            self.log_error("Perfsite gave no token: %s", problem)
            return self._answer(502)
        told = {"url": URL, "token": token, "expires_in_seconds": LIFETIME_SECONDS}
        return self._answer(200, "application/json", json.dumps(told).encode())

    def _answer(self, status: int, kind: str = "text/plain", body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    try:
        PERFSITE = Perfsite.from_environment(deadline_seconds=10)
    except ValueError as exc:
        sys.exit(f"Perfsite: {exc}")
    address = ("127.0.0.1", int(os.environ.get("PORT", "8080")))
    ThreadingHTTPServer(address, Handler).serve_forever()
