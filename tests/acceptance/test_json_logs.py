"""What a collector reads of a site in production."""

import json
from pathlib import Path

import psutil

from tests.queues import until
from tests.sites import running_site

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k" * 60, "PERF_CACHE_PEPPER": "p" * 60}


def test_all_that_a_site_in_production_says_is_json(tmp_path: Path) -> None:
    """From its start to its end, with the death of a child in between, which is a warning."""
    output = tmp_path / "output.txt"
    with running_site(tmp_path, "--no-engine", OLLAMA_HOST="127.0.0.1:9", **PRODUCTION) as site:
        for child in psutil.Process(site.process.pid).children():
            child.kill()
        until(lambda: output.read_text().count("it starts again") == 2)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    said = {line["event"]: line["level"] for line in lines}
    assert f"Perfsite http://127.0.0.1:{site.url.rpartition(':')[2]}/" in " ".join(said)
    (died,) = [event for event in said if event.startswith("The web server ended (-9)")]
    assert said[died] == "warning"
    assert said["Stopped."] == "info"
