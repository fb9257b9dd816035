"""Jobs that failed, and are tried again."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Scripted
from tests.browser.looks import faults
from tests.pictures import encoded, halves
from tests.standin import Script, sight

COLOURS = ("green", "navy", "gold")


@pytest.fixture
def failed(scripted: Scripted, scripted_page: Page) -> Iterator[list[str]]:
    """The addresses of reflections whose picture a model spoke nonsense about; now it sees well."""
    page, model = scripted_page, scripted.model
    plain = model.chat
    model.chat = sight(model, "I'm sorry, I can't help with that.")
    urls = []
    for colour in COLOURS:
        page.goto("/reflections/")
        data = encoded(halves(colour))
        file = {"name": "day.jpg", "mimeType": "image/jpeg", "buffer": data}
        page.get_by_label("Or a picture").set_input_files(file)
        page.get_by_role("button", name="Reflect").click()
        expect(page.get_by_text("The picture could not be described")).to_be_visible()
        urls.append(page.url)
    model.chat = sight(Script())
    yield urls
    model.chat = plain


def test_failed_jobs_are_retried_one_by_one_and_together(failed: list[str], scripted_page: Page):
    """From its page, live until it is done; the others by a filter, once their number is known."""
    page = scripted_page
    page.goto("/jobs/?status=failed")
    expect(page.locator("#jobs tbody .badge", has_text="failed")).to_have_count(len(failed))
    page.locator("#jobs a.key").first.click()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("is queued again.")).to_be_visible()
    expect(page.locator("#job .badge", has_text="complete")).to_be_visible()

    page.goto("/jobs/?status=failed")
    page.get_by_role("link", name="Retry all").click()
    left = len(failed) - 1
    expect(page.get_by_role("heading", name=f"Retry {left} jobs?")).to_be_visible()
    assert not faults(page)
    page.get_by_role("button", name=f"Retry {left} jobs").click()
    expect(page.get_by_text(f"{left} jobs were queued again.")).to_be_visible()
    for url in failed:
        page.goto(url)
        expect(page.locator("#stage2 .poem")).to_be_visible()
