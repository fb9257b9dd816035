"""The browser example of docs/integration, in Chromium, on a web app's own origin."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browsers import Watched, running_chromium
from tests.engines import ROOT
from tests.sites import Site, free_port, running_site
from tests.standin import WRITING, Answer, Script, standin

SCOPES = ("token:issue", "enrich:run", "enrich:read")
TEXT = "I'm feeling grateful for my sister today"
POEM = WRITING["poem"][0]
START_SECONDS = 20
LIST = "/api/v1/reflections/"


@dataclass(frozen=True, kw_only=True)
class WebApp:
    """A site, two persons' servers in front of it, and the token that these keep to themselves."""

    site: Site
    token: str
    addresses: dict[str, str]

    def ask(self, method: str, path: str, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{self.site.url}{path}", headers=headers, trust_env=False)


@pytest.fixture(scope="module")
def script() -> Iterator[Script]:
    with standin() as served:
        yield served


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[WebApp]:
    """Ada's and Ben's servers; nothing is cached, so that each stage takes its time."""
    folder = tmp_path_factory.mktemp("site")
    config = folder / "perf_config.json"
    config.write_text('{"caching": {"enabled": false}}')
    ports = {"ada": free_port(), "ben": free_port()}
    addresses = {user: f"http://127.0.0.1:{port}" for user, port in ports.items()}
    settings = {
        "OLLAMA_HOST": script.url,
        "PERF_CONFIG": str(config),
        "CORS_ALLOWED_ORIGINS": ",".join(addresses.values()),
    }
    with running_site(folder, **settings) as site, ExitStack() as servers:
        token = site.token(*SCOPES)
        for user, port in ports.items():
            servers.enter_context(running_backend(site, token, user, port))
        yield WebApp(site=site, token=token, addresses=addresses)


@contextmanager
def running_backend(site: Site, token: str, user: str, port: int) -> Iterator[None]:
    """Run the example's server as a program, with somebody signed in."""
    env = {"PERFSITE_URL": site.url, "PERFSITE_TOKEN": token, "DEMO_USER": user, "PORT": str(port)}
    command = [sys.executable, "docs/integration/backend.py"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
                    break
                except httpx.TransportError:
                    assert process.poll() is None and time.monotonic() < deadline
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser(app: WebApp) -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


@pytest.fixture
def visit(app: WebApp, browser: Browser) -> Iterator[Callable[[str], Watched]]:
    """Opens the page as somebody."""
    with ExitStack() as visits:

        def open_page(user: str) -> Watched:
            watched = Watched(browser)
            visits.callback(watched.page.context.close)
            watched.page.goto(app.addresses[user])
            return watched

        yield open_page


@pytest.fixture
def held(script: Script) -> Iterator[threading.Event]:
    """A model that writes nothing before the event is set."""
    event, usual = threading.Event(), script.chat

    def late(body: dict[str, Any]) -> Answer:
        event.wait(60)
        return usual(body)

    script.chat = late
    yield event
    event.set()
    script.chat = usual


def send(watched: Watched, text: str) -> None:
    watched.page.get_by_label("How was your day?").fill(text)
    watched.page.get_by_role("button", name="Send").click()


def wait_until_done(watched: Watched) -> None:
    expect(watched.page.get_by_role("status")).to_have_text("Done.", timeout=30_000)


def posts(watched: Watched) -> list[str]:
    """Return the keys of the submissions that the page sent, in order."""
    sent = [request for request in watched.requests if request.url.endswith(LIST)]
    return [request.headers["idempotency-key"] for request in sent if request.method == "POST"]


def test_feeling_is_shown_while_the_poem_is_still_written(
    visit: Callable[[str], Watched], held: threading.Event
):
    """Stage 1 comes as soon as it is there, Stage 2 after it; nothing in the console complains."""
    watched = visit("ada")
    send(watched, TEXT)

    # Less than the 20 s after which a request that waits for both stages would show it too.
    expect(watched.page.locator("#feeling")).to_have_text("joyful", timeout=15_000)
    before = watched.page.locator("#poem").text_content()
    held.set()
    expect(watched.page.locator("#poem")).to_contain_text(POEM, timeout=30_000)
    wait_until_done(watched)

    assert before == ""
    assert watched.complaints == []
    assert watched.page.get_by_role("alert").all_text_contents() == [""]


def test_token_is_kept_in_memory_and_sent_in_the_header_alone(
    visit: Callable[[str], Watched], app: WebApp
):
    """No address holds it and the browser stores nothing; the server's own never gets here."""
    watched = visit("ada")
    send(watched, TEXT)
    wait_until_done(watched)

    (token,) = watched.tokens()
    addresses = [request.url for request in watched.requests]
    referrers = [request.headers.get("referer", "") for request in watched.requests]
    assert any(address.startswith(app.site.url) for address in addresses)
    assert not any(token in word or app.token in word for word in [*addresses, *referrers])
    assert json.loads(watched.kept()) == [{}, {}, ""]
    assert token not in watched.page.content()
    assert token != app.token


def test_token_of_one_owner_reaches_no_other(visit: Callable[[str], Watched], app: WebApp):
    """Ben's token finds Ben's reflection; Ada's is not there for it, and it makes no tokens."""
    found = {}
    for user in ("ada", "ben"):
        watched = visit(user)
        with watched.page.expect_response(lambda answer: answer.status == 202) as accepted:
            send(watched, TEXT)
        found[user] = f"{LIST}{accepted.value.json()['id']}/"
        wait_until_done(watched)
        (token,) = watched.tokens()

    assert app.ask("GET", found["ben"], token).json()["owner"] == "ben"
    assert app.ask("GET", found["ada"], token).status_code == 404
    assert app.ask("DELETE", found["ada"], token).status_code == 404
    listed = app.ask("GET", LIST, token).json()["results"]
    assert {reflection["owner"] for reflection in listed} == {"ben"}
    assert app.ask("GET", "/api/v1/auth/tokens/", token).status_code == 403


def test_help_lines_are_seen_first(visit: Callable[[str], Watched]):
    """Of a text that shows danger they stand above the rest; no feeling is named, no poem made."""
    watched = visit("ada")
    send(watched, "I want to kill myself")

    lines = watched.page.locator("#help-lines li")
    expect(lines.first).to_be_visible(timeout=30_000)
    wait_until_done(watched)
    places = [watched.page.locator(part).bounding_box() for part in ("#help-lines", "#poem")]

    assert "United Kingdom: Call 116 123 (Samaritans)" in "".join(lines.all_text_contents())
    assert places[0]["y"] < places[1]["y"]
    assert watched.page.locator("#feeling").text_content() == ""
    assert POEM not in watched.page.content()
    assert watched.complaints == []


def test_broken_connection_makes_no_second_reflection(visit: Callable[[str], Watched]):
    """A submission whose answer got lost is sent again under its key, and is a replay."""
    watched, lost = visit("ada"), []

    def lose_first(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().json()["id"])
            return route.abort()
        return route.continue_()

    watched.page.route(f"**{LIST}", lose_first)
    with watched.page.expect_response(lambda answer: answer.url.endswith(LIST)) as replayed:
        send(watched, TEXT)
    wait_until_done(watched)

    first, second = posts(watched)
    assert first == second
    assert replayed.value.headers["idempotency-replayed"] == "true"
    assert [replayed.value.json()["id"]] == lost


def test_revoked_token_is_renewed(visit: Callable[[str], Watched], app: WebApp):
    """After a 401 the page gets another token, once, and goes on."""
    watched = visit("ada")
    send(watched, TEXT)
    wait_until_done(watched)
    for token in app.ask("GET", "/api/v1/auth/tokens/", app.token).json()["results"]:
        app.ask("DELETE", f"/api/v1/auth/tokens/{token['id']}/", app.token)

    with watched.page.expect_response(lambda answer: answer.status == 202):
        send(watched, TEXT)
    wait_until_done(watched)

    assert len(watched.tokens()) == 2


def test_token_is_renewed_before_it_expires(visit: Callable[[str], Watched]):
    """Ten minutes later nothing is refused: the page knew how long its token lives."""
    watched = visit("ada")
    watched.page.clock.install()
    send(watched, TEXT)
    wait_until_done(watched)
    watched.page.clock.fast_forward("09:45")

    with watched.page.expect_response(lambda answer: answer.status == 202):
        send(watched, TEXT)
    wait_until_done(watched)

    assert len(watched.tokens()) == 2
    assert watched.complaints == []


def test_what_is_wrong_is_said_in_words(visit: Callable[[str], Watched]):
    """The field and what is accepted; nothing of the text before stays, and the form works on."""
    watched = visit("ada")
    send(watched, TEXT)
    wait_until_done(watched)
    send(watched, "   ")

    expect(watched.page.locator("#error")).to_contain_text("text: is empty")
    expect(watched.page.locator("#poem")).to_be_empty()
    expect(watched.page.get_by_role("button", name="Send")).to_be_enabled()


@pytest.mark.parametrize(("flagged", "shown"), [(True, 5), (False, 4)])
def test_markup_in_an_answer_stays_text(visit: Callable[[str], Watched], flagged: bool, shown: int):
    """Whatever a model writes, it is shown and never run."""
    markup = "<img src=x onerror=document.title='run'>"
    line = {"contact": markup, "name": markup, "region": "GB", "hours": ""}
    result = {"poem": [markup], "tips": [markup], "closing_line": markup}
    body = {
        "id": "1",
        "status": "complete",
        "risk": {"flagged": flagged},
        "stage1": {"result": {"wheel": {"primary": markup}}},
        "stage2": {"result": result, "help_lines": [line]},
    }
    watched = visit("ada")
    allowed = {"Access-Control-Allow-Origin": "*"}
    watched.page.route(f"**{LIST}", lambda route: route.fulfill(json=body, headers=allowed))
    send(watched, TEXT)
    wait_until_done(watched)

    assert watched.page.locator("img").count() == 0
    assert watched.page.locator("main").inner_text().count(markup) == shown
    assert watched.page.title() == "How was your day?"
