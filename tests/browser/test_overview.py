"""The overview answers at a glance, and goes on answering while one looks."""

import csv
import json
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.journeys import reflect, stay, stayed
from tests.browser.keyboard import tab_to

PATH = "/?range=24h"
# More than any page waits between two looks, also after failures.
LONG_MS = 120_000
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_range_is_picked(page: Page):
    """Each range has its own address, and says which it is."""
    page.goto("/")
    picker = page.get_by_role("navigation", name="Range of time")
    for name, title in (("1h", "1 hour"), ("30d", "30 days")):
        picker.get_by_role("link", name=title).click()
        page.wait_for_url(f"**/?range={name}")
        expect(picker.locator("[aria-current='page']")).to_contain_text(title)
        for link in page.get_by_role("link", name="CSV").all():
            assert (link.get_attribute("href") or "").endswith(f"?range={name}")


def test_each_picture_is_a_table_and_a_file_too(page: Page):
    """With the keyboard; each has a row for every place along the picture."""
    page.goto(PATH)
    pictures = page.locator("[data-picture]").all()
    assert len(pictures) == 6
    for picture in pictures:
        places = len(json.loads(picture.locator("script").inner_text())["places"])
        toggle = picture.get_by_role("button", name="Show as table")
        expect(picture.locator("canvas")).to_be_visible()
        tab_to(page, toggle)
        page.keyboard.press("Enter")
        expect(picture.locator(".picture-table tbody tr")).to_have_count(places)
        expect(picture.locator("canvas")).to_be_hidden()
        with page.expect_download() as download:
            picture.get_by_role("link", name="CSV").click()
        rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
        assert len(rows) == places + 1
        toggle.focus()
        page.keyboard.press("Enter")
        expect(picture.locator(".picture-table")).to_be_hidden()


def test_new_look_up_is_shown_without_a_reload(page: Page, context: BrowserContext):
    """Within some seconds; what was switched to a table stays one."""
    page.goto(PATH)
    page.get_by_role("button", name="Show as table").first.click()
    stay(page)
    numbers = page.locator("#details [aria-labelledby='types-title']")
    before = numbers.inner_text()
    reflect(context.new_page(), "The tram was late and I did not mind.")
    expect(numbers).not_to_have_text(before, use_inner_text=True)
    expect(page.locator(".picture-table table")).to_have_count(1)
    assert stayed(page)


def test_hidden_page_asks_nothing(page: Page):
    """Neither now nor later; once somebody looks again, it asks at once."""
    page.clock.install()
    page.goto(PATH)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response("**/?range=24h"):
        page.clock.run_for(LONG_MS)
    page.evaluate(HIDE, True)
    asked.clear()
    page.clock.run_for(LONG_MS)
    assert not asked
    with page.expect_response("**/?range=24h"):
        page.evaluate(HIDE, False)
