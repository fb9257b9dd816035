"""A small API to try song_recommendations.py with; it fails each third request on purpose.

python -m examples.song_api [PORT]
"""

import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class SongApi(ThreadingHTTPServer):
    """GET /songs?feeling=F&limit=N; POST /playlists, once for each Idempotency-Key."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.numbers = itertools.count(1)
        self.playlists: dict[str, Any] = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SongApi

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        feeling, limit = query["feeling"][0], int(query["limit"][0])
        songs = [{"id": f"{feeling}-{n}", "title": f"A {feeling} song"} for n in range(limit)]
        self._answer({"songs": songs})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = self.server.playlists
        key = self.headers["Idempotency-Key"]
        self._answer({"id": made.setdefault(key, {"id": str(len(made) + 1), **body})["id"]})

    def _answer(self, content: Any) -> None:
        fails = next(self.server.numbers) % 3 == 0
        body = json.dumps(content).encode()
        self.send_response(503 if fails else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    api = SongApi(int(sys.argv[1]) if len(sys.argv) > 1 else 8100)
    print(f"http://127.0.0.1:{api.server_port}")
    api.serve_forever()
