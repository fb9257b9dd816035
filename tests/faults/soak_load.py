"""The mixed load of a soak: what web apps, people and operators ask, each at a steady pace."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import httpx

from tests.faults.chaos_model import KEEPING_SECONDS
from tests.faults.chaos_site import Load, World
from tests.sites import Site

OPERATOR = "olga"
PAGES = (
    "/reflections/",
    "/reflections/{newest}/",
    "/cache/",
    "/cache/audit/",
    "/jobs/",
    "/models/",
    "/configuration/",
    "/configuration/history/",
)
# How many texts a purge forgets, and how old they are: a reflection whose second stage fell back is
# enriched again for seven minutes, and would have its first inferred twice.
PURGED, PURGED_AGE = 3, "10m"
# A change of either has every process make its clients anew.
LIMITS = (5, 7)


@dataclass(frozen=True)
class Answer:
    """What a request came to. at: when it was sent, in seconds since the epoch."""

    kind: str
    at: float
    seconds: float
    well: bool


class MixedLoad(Load):
    """Submits as in a chaos run but more slowly, and asks for everything else beside it."""

    pause_seconds = 0.4
    scopes = (
        "enrich:read",
        "enrich:run",
        "cache:read",
        "cache:purge",
        "config:read",
        "config:write",
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.answers: list[Answer] = []
        self._newest = ""
        self._marks: dict[str, str] = {}
        self._pages = cycle(PAGES)
        self._limits = cycle(LIMITS)
        self._api: httpx.Client
        self._browser: httpx.Client
        # Each with the seconds from one to the next.
        self._errands: dict[Callable[[], Any], float] = {
            self._poll: 0.25,
            self._list: 1.0,
            self._page: 1.0,
            self._overview: 2.0,
            self._live: 0.5,
            self._purge: 20.0,
            self._configure: 45.0,
        }

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Submit and ask until this is left."""
        site = self._world.site
        with ExitStack() as stack:
            stack.enter_context(super().going_on())
            how: dict[str, Any] = {"base_url": site.url, "trust_env": False, "timeout": 30}
            self._api = stack.enter_context(httpx.Client(headers=self.headers, **how))
            self._browser = stack.enter_context(httpx.Client(**how))
            _sign_in(self._browser, site)
            ended = threading.Event()
            threads = [
                threading.Thread(target=_repeat, args=(errand, seconds, ended))
                for errand, seconds in self._errands.items()
            ]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                ended.set()
                for thread in threads:
                    thread.join()

    def _submit(self, client: httpx.Client, url: str) -> None:
        known, at = len(self.accepted), time.time()
        super()._submit(client, url)
        taken = len(self.accepted) > known
        self.answers.append(Answer("submission", at, time.time() - at, taken))
        if taken:
            self._newest = next(reversed(self.accepted))

    def _ask(
        self, kind: str, client: httpx.Client, place: str, method: str = "GET", **how: Any
    ) -> httpx.Response | None:
        """Return what is answered, None when nothing is."""
        at, answer = time.time(), None
        with suppress(httpx.TransportError):
            answer = client.request(method, place, **how)
        well = answer is not None and answer.status_code < httpx.codes.BAD_REQUEST
        self.answers.append(Answer(kind, at, time.time() - at, well))
        return answer

    def _look(self, kind: str, client: httpx.Client, place: str) -> None:
        """Ask for what may be unchanged since it was last asked for."""
        headers = {"If-None-Match": mark} if (mark := self._marks.get(kind + place)) else {}
        answer = self._ask(kind, client, place, headers=headers)
        if answer is not None and (mark := answer.headers.get("ETag")):
            self._marks[kind + place] = mark

    def _poll(self) -> None:
        if self._newest:
            self._look("poll", self._api, f"/api/v1/reflections/{self._newest}/")

    def _list(self) -> None:
        self._ask("list", self._api, "/api/v1/reflections/")

    def _page(self) -> None:
        if self._newest:
            self._ask("page", self._browser, next(self._pages).format(newest=self._newest))

    def _overview(self) -> None:
        self._look("overview", self._browser, "/?range=1h")

    def _live(self) -> None:
        self._ask("liveness", self._browser, "/healthz")

    def _purge(self) -> None:
        which = {
            "type": "stage1_enrichment",
            "older_than": PURGED_AGE,
            "page_size": PURGED,
        }
        found = self._ask("purge", self._api, "/api/v1/cache/entries/", params=which)
        if found is None or not found.is_success:
            return
        for entry in found.json()["results"]:
            # What is being computed meanwhile is not kept, also what has just begun and asks soon.
            with self._world.model.counting_lost():
                self._ask("purge", self._api, f"/api/v1/cache/entries/{entry['key']}/", "DELETE")
                time.sleep(KEEPING_SECONDS)

    def _configure(self) -> None:
        change = {"networking": {"per_host_limit": next(self._limits)}}
        self._ask("configuration", self._api, "/api/v1/config/", "PATCH", json=change)


def _repeat(errand: Callable[[], Any], seconds: float, ended: threading.Event) -> None:
    """Do something at a steady pace; what was held up is not made up for."""
    due = time.monotonic()
    while not ended.wait(max(0.0, due - time.monotonic())):
        errand()
        due = max(due + seconds, time.monotonic())


def _sign_in(browser: httpx.Client, site: Site) -> None:
    """Sign in as somebody who may see and do everything."""
    site.manage("createsuperuser", "--no-input", "--username", OPERATOR, "--email", "o@example.com")
    browser.get("/login/").raise_for_status()
    form = {
        "username": OPERATOR,
        "password": site.env["DJANGO_SUPERUSER_PASSWORD"],
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
    }
    answer = browser.post("/login/", data=form)
    assert answer.is_redirect, answer.status_code
