"""What holds of every page, whatever it shows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, StorageState

from tests.browser.conftest import ADMIN_ENTRIES, OURS, PAGES
from tests.browser.keyboard import walk
from tests.browser.looks import HEIGHT, WIDTHS, faults, faults_of_all_looks
from tests.browsers import Watched
from tests.sites import Site

MOST_BYTES = 200_000


@dataclass
class Visit:
    """What a first visit to a page asked for, complained of and transferred."""

    urls: list[str]
    complaints: list[str]
    sizes: list[int] = field(default_factory=list)


@pytest.fixture(scope="session")
def first_visit(
    browser: Browser, site: Site, signed_in: StorageState, addresses: dict[str, str]
) -> Callable[[str], Visit]:
    """Visits a page by its name with nothing cached; each once."""
    visits: dict[str, Visit] = {}

    def visit(name: str) -> Visit:
        if name not in visits:
            visits[name] = _visit(f"{site.url}{addresses[name]}", browser, signed_in)
        return visits[name]

    return visit


def _visit(url: str, browser: Browser, signed_in: StorageState) -> Visit:
    watched = Watched(browser)
    watched.page.context.add_cookies(signed_in["cookies"])
    network = watched.page.context.new_cdp_session(watched.page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    watched.page.goto(url)
    watched.page.wait_for_load_state("networkidle")
    watched.page.context.close()
    return Visit([one.url for one in watched.requests], watched.complaints, sizes)


@pytest.mark.parametrize("name", PAGES)
def test_page_keeps_nobody_out(name: str, addresses: dict[str, str], page: Page):
    """axe finds nothing, light or dark, wide or narrow; nothing is cut off at the side."""
    page.goto(addresses[name])
    assert not faults_of_all_looks(page)


@pytest.mark.parametrize("name", PAGES)
def test_page_asks_no_other_host_and_complains_of_nothing(
    name: str, first_visit: Callable[[str], Visit], site: Site
):
    """Nothing leaves the machine, and the console stays empty."""
    visit = first_visit(name)
    host = urlsplit(site.url).netloc
    assert not [url for url in visit.urls if urlsplit(url).netloc != host]
    assert not visit.complaints


@pytest.mark.parametrize("name", OURS)
def test_page_is_light_when_nothing_is_cached(name: str, first_visit: Callable[[str], Visit]):
    """A first visit transfers at most 200 kB, all files of the page included."""
    sizes = first_visit(name).sizes
    assert len(sizes) > 1
    assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_used_with_the_keyboard_alone(
    name: str, width: int, addresses: dict[str, str], page: Page
):
    """Tab reaches all that can be used, and one always sees where one is; nothing holds it back."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.goto(addresses[name])
    way = walk(page)
    assert not way.missed
    assert not way.unseen
    # Over the navigation one may leap.
    assert "skip-" in way.stops[0]
    page.reload()
    page.keyboard.press("Tab")
    content = page.evaluate("document.activeElement.hash")
    page.keyboard.press("Enter")
    page.wait_for_function("content => document.activeElement?.matches(content)", arg=content)
    page.keyboard.press("Tab")
    assert page.evaluate("content => Boolean(document.activeElement.closest(content))", content)


def test_purge_in_the_admin_can_be_left_by_everybody(page: Page):
    """Its question is a page too: axe finds nothing, and Tab leads to the way back."""
    page.goto(ADMIN_ENTRIES)
    page.locator("#result_list tbody input[type=checkbox]").first.check()
    page.get_by_label("Action:").select_option("purge")
    page.get_by_role("button", name="Go", exact=True).click()
    keep = page.get_by_role("link", name="Keep it")
    keep.wait_for()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert not faults(page)
    way = walk(page)
    assert not way.missed
    assert not way.unseen
    keep.click()
    page.wait_for_url(f"**{ADMIN_ENTRIES}")
