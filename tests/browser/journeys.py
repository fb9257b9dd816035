"""What several journeys have in common."""

import time

from playwright.sync_api import Locator, Page, expect

from tests.browsers import SHOWN_MS

TEXT_LABEL = "How are you, in a few sentences?"


def reflect(page: Page, text: str) -> str:
    """Send a text by the page, wait until both stages are there, and return the address."""
    page.goto("/reflections/")
    page.get_by_label(TEXT_LABEL).fill(text)
    page.get_by_role("button", name="Reflect").click()
    expect(finished(page)).to_be_visible()
    return page.url


def finished(page: Page) -> Locator:
    """What a reflection's page says once both stages are there."""
    return page.locator("#progress .badge", has_text="complete")


def stay(page: Page) -> None:
    """Mark the document that is shown, to see later whether it is still the same."""
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    """Return whether the page was not loaded anew since."""
    return bool(page.evaluate("window.stayed === true"))


def figure(page: Page, name: str) -> Locator:
    """A big number, by the name that it stands under."""
    term = page.get_by_role("term").filter(has_text=name)
    return page.locator(".figures > div").filter(has=term).get_by_role("definition")


def reload_until(page: Page, shown: Locator) -> None:
    """Load a page that is not live again until it shows something."""
    deadline = time.monotonic() + SHOWN_MS / 1000
    while not shown.count():
        assert time.monotonic() < deadline, f"{page.url} never shows {shown}"
        page.reload()
