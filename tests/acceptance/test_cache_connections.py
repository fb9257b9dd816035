"""Under the real server and its real threads, look-ups keep their connections."""

from pathlib import Path

from tests.sites import running_site, wait_until_finished
from tests.standin import standin

REQUESTS = 300


def test_hits_under_the_server_open_few_connections(tmp_path: Path) -> None:
    """Hundreds of hits take as many connections as there are threads, and one that flushes."""
    threads = 3
    with (
        standin() as model,
        running_site(
            tmp_path, "--threads", str(threads), OLLAMA_HOST=model.url, LOG_LEVEL="DEBUG"
        ) as site,
        site.client("enrich:run", "enrich:read") as client,
    ):
        text = {"text": "I'm feeling grateful for my sister today"}
        first = client.post("/api/v1/reflections/", json=text)
        wait_until_finished(client, first.headers["Location"])
        before = _opened(tmp_path)
        answers = [client.post("/api/v1/reflections/", json=text) for _ in range(REQUESTS)]
        assert {answer.headers["X-Cache"] for answer in answers} == {"HIT"}
        assert _opened(tmp_path) - before <= threads + 1


def _opened(directory: Path) -> int:
    return (directory / "output.txt").read_text().count("[CACHE] Opened a connection")
