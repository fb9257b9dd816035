"""Running sites, one with the embedded model, and people signed in to them with Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browsers import SHOWN_MS, running_chromium
from tests.sites import Site, running_site
from tests.standin import Script, standin

USER = "dev"
# A week as the demonstration makes it, small.
WEEK = ("--entries", "400", "--samples", "3000", "--reflections", "40")
# As `tune_ollama` keeps what it measured, which takes minutes.
TUNED = """
from enrichment.models import TuningRun
candidate = {
    "value": 4, "rounds": 9, "median_ms": 812.0, "tokens_per_second": 21.5, "verdict": "better",
    "speed_up": {"value": 1.4, "low": 1.3, "high": 1.5},
}
finding = {
    "knob": "num_thread", "now": 2, "verdict": "better", "why": "1.4 times as fast",
    "candidates": [candidate],
}
evidence = {
    "ended": "complete", "warnings": ["The machine was busy."], "in_force": {"num_thread": 2},
    "findings": [finding], "changes": {"inference": {"num_threads": 4}},
}
TuningRun.objects.create(host="http://here:1", model="m", budget_seconds=300, evidence=evidence)
"""
# What no other test purges.
ENTRIES = "/cache/?type=stage1_enrichment"
# Each leads from a list to one of what it lists.
DETAILS = {
    "/reflections/": ".recent a[href^='/reflections/']",
    ENTRIES: "table a[href^='/cache/']",
    "/jobs/": "table a[href^='/jobs/']",
    "/models/": "a[href^='/models/tuning/']",
}
SECTIONS = (
    "/",
    "/reflections/",
    "/cache/",
    "/cache/purge/",
    "/cache/audit/",
    "/jobs/",
    "/jobs/retry/?status=failed",
    "/models/",
    "/configuration/",
    "/configuration/history/",
)
COMPARISON = "comparison"
OURS = (*SECTIONS, *(f"one of {section}" for section in DETAILS), COMPARISON)
# The admin's, which come with files of Django's. All of its lists are alike; this one is short.
ADMIN_ENTRIES = "/admin/cachestats/cacheentry/?cache_type=vision"
ADMIN = ("/admin/", "/admin/cachestats/cacheentry/stats/", ADMIN_ENTRIES)
PAGES = (*OURS, *ADMIN)


@dataclass(frozen=True)
class Scripted:
    """A running site, what its scripted model answers, and the cookies of who may do everything."""

    site: Site
    model: Script
    signed_in: StorageState


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """Busy machines are slow, and that is no finding."""
    expect.set_options(timeout=SHOWN_MS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site as `make run` starts it on a fresh machine without an Ollama; a week was lived in."""
    with running_site(tmp_path_factory.mktemp("site")) as served:
        served.manage("seed_demo", *WEEK)
        served.manage("shell", "-c", TUNED)
        yield served


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Scripted]:
    """A site whose model does as the test says, and sees pictures; nothing is made ahead."""
    folder = tmp_path_factory.mktemp("scripted")
    tuning = folder / "perf_config.json"
    tuning.write_text('{"inference": {"variants": 1}}')
    with (
        standin(Script(capabilities=("completion", "vision"))) as model,
        running_site(folder, OLLAMA_HOST=model.url, PERF_CONFIG=str(tuning)) as served,
    ):
        yield Scripted(served, model, sign_in(browser, served, USER, password(served)))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


def password(site: Site) -> str:
    """Return what the development login signs in with."""
    return (Path(site.env["VAR_DIR"]) / "dev_password").read_text()


def sign_in(browser: Browser, site: Site, user: str, password: str) -> StorageState:
    """Sign in by the page, and return the cookies of it."""
    page = browser.new_page(base_url=site.url)
    page.goto("/login/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/")
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture(scope="session")
def signed_in(site: Site, browser: Browser) -> StorageState:
    """The cookies of somebody who may do everything."""
    return sign_in(browser, site, USER, password(site))


@pytest.fixture
def context(browser: Browser, site: Site, signed_in: StorageState) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=site.url, storage_state=signed_in)
    made.set_default_timeout(SHOWN_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def scripted_page(browser: Browser, scripted: Scripted) -> Iterator[Page]:
    made = browser.new_context(base_url=scripted.site.url, storage_state=scripted.signed_in)
    made.set_default_timeout(SHOWN_MS)
    yield made.new_page()
    made.close()


@pytest.fixture(scope="session")
def addresses(browser: Browser, site: Site, signed_in: StorageState) -> dict[str, str]:
    """Where each of PAGES is on this site."""
    page = browser.new_page(base_url=site.url, storage_state=signed_in)
    found = {section: section for section in (*SECTIONS, *ADMIN)}
    for section, links in DETAILS.items():
        page.goto(section)
        found[f"one of {section}"] = page.locator(f"main {links}").first.get_attribute("href") or ""
    page.context.close()
    found[COMPARISON] = f"{found[f'one of {ENTRIES}']}compare/"
    return found
