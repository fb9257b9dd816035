"""What acceptance tests share."""

import contextlib
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.servers import running_postgres
from tests.sites import READY_SECONDS, Site, end_site, free_port, start_site


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def web(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without workers and model: what it takes waits; in development, and in production."""
    folder = tmp_path_factory.mktemp("web")
    with contextlib.ExitStack() as servers:
        env = {"OLLAMA_HOST": "127.0.0.1:9"}
        if request.param == "postgresql":
            env |= {"DATABASE_URL": servers.enter_context(running_postgres()), "DEBUG": "0"}
            env |= {"SECRET_KEY": "k" * 60, "PERF_CACHE_PEPPER": "p" * 60}
        site = start_site(
            folder, free_port(), "--no-worker", "--no-engine", "--threads", "20", **env
        )
        servers.callback(end_site, site)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and site.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{site.url}/healthz", trust_env=False).is_success:
                    yield site
                    return
            time.sleep(0.1)
        pytest.fail(f"the site did not start: {(folder / 'output.txt').read_text()}")
