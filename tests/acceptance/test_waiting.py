"""Requests that wait, on a running site: others are answered, and its end is theirs."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.queues import until
from tests.sites import Site, end_site, free_port, start_site

WAITERS = 10
HALF_OF_THE_THREADS = 2
# A wait is longer: whoever waits has not been answered by then.
SOON_SECONDS = 10


@contextmanager
def web_alone(directory: Path):
    """Start a site of four threads without anybody who would do the work that waits."""
    arguments = ("--threads", "4", "--no-worker", "--no-engine")
    site = start_site(directory, free_port(), *arguments, OLLAMA_HOST="127.0.0.1:9")
    try:
        until(lambda: is_up(site))
        yield site
    finally:
        end_site(site)


def is_up(site: Site) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{site.url}/healthz", trust_env=False).status_code == 200
    return False


def test_waiting_requests_leave_half_of_the_threads_to_others(tmp_path: Path) -> None:
    """Of ten that ask to wait two do, and all others are answered meanwhile; those two are when
    the site is told to end.
    """
    with (
        web_alone(tmp_path) as site,
        site.client("enrich:run", "enrich:read") as client,
        ThreadPoolExecutor(WAITERS) as pool,
    ):
        sent = client.post("/api/v1/reflections/", json={"text": "A slow day"})
        place = f"{site.url}{sent.headers['Location']}"
        headers = client.headers

        def get(url: str, seconds: float) -> httpx.Response:
            return httpx.get(url, headers=headers, timeout=seconds, trust_env=False)

        waiters = [pool.submit(get, f"{place}?wait=30", 60) for _ in range(WAITERS)]
        until(lambda: sum(waiter.done() for waiter in waiters) == WAITERS - HALF_OF_THE_THREADS)
        for _ in range(WAITERS):
            for address in (f"{site.url}/healthz", place, f"{place}?wait=30"):
                assert get(address, SOON_SECONDS).status_code == 200
        assert sum(waiter.done() for waiter in waiters) == WAITERS - HALF_OF_THE_THREADS

        end_site(site)

        told = [waiter.result(SOON_SECONDS) for waiter in waiters]
        assert [answer.status_code for answer in told] == [200] * WAITERS
        assert {answer.json()["status"] for answer in told} == {"queued"}
