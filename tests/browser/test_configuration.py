"""A change of the configuration: looked at, saved, in force where the work is done, taken back."""

import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Scripted
from tests.browser.journeys import reflect
from tests.browser.looks import faults
from tests.browsers import SHOWN_MS

TEXT = "The bread came out of the oven just as I had hoped."
FIELD = "inference.num_predict_long"
REASON = "shorter poems for the evening"


def field(page: Page) -> Locator:
    return page.locator(f"[id='{FIELD}']")


def expect_worker_to_ask(scripted: Scripted, page: Page, tokens: int) -> None:
    """Have texts written until a worker asks the model for so many tokens; the web never asks.

    What is written with the same configuration is cached, so that only a new one asks at all.
    """
    deadline = time.monotonic() + SHOWN_MS / 1000
    before = len(scripted.model.questions("/api/chat"))
    asked: set[int] = set()
    while tokens not in asked:
        assert time.monotonic() < deadline, f"asked for {asked}"
        reflect(page, TEXT)
        chats = scripted.model.questions("/api/chat")[before:]
        asked = {chat["options"]["num_predict"] for chat in chats}


def save(page: Page, reason: str) -> None:
    page.get_by_label("Why").fill(reason)
    page.get_by_role("button", name="Save").click()


def test_change_reaches_the_workers_and_can_be_taken_back(scripted: Scripted, scripted_page: Page):
    """One sees what differs before it is saved, and who changed what afterwards."""
    page = scripted_page
    page.goto("/configuration/")
    before = int(field(page).input_value())
    field(page).fill("77")
    page.get_by_role("button", name="Review the changes").click()
    expect(page.get_by_role("heading", name="Save 1 change?")).to_be_visible()
    changed = page.get_by_role("row").filter(has_text=FIELD)
    expect(changed).to_contain_text(str(before))
    expect(changed.locator("strong")).to_have_text("77")
    assert not faults(page)
    save(page, REASON)
    page.goto("/configuration/history/")
    newest = page.locator("tbody tr").first
    expect(newest).to_contain_text(REASON)
    expect(newest).to_contain_text("77")
    expect(newest).to_contain_text("in force")
    assert not faults(page)
    expect_worker_to_ask(scripted, page, 77)

    page.goto("/configuration/")
    page.get_by_label("Let the file decide again").check()
    page.get_by_role("button", name="Review the changes").click()
    save(page, "as it was")
    page.goto("/configuration/history/")
    page.get_by_role("link", name="Restore revision 1").click()
    expect(page.get_by_role("heading", name="Restore revision 1?")).to_be_visible()
    page.get_by_role("button", name="Restore revision 1").click()
    page.goto("/configuration/")
    expect(field(page)).to_have_value("77")


@pytest.mark.parametrize("given", ["many", "0"])
def test_wrong_value_is_said_beside_its_field(given: str, scripted_page: Page):
    """Nothing is saved, and what was typed is still there."""
    page = scripted_page
    page.goto("/configuration/")
    field(page).fill(given)
    page.get_by_role("button", name="Review the changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(field(page)).to_have_value(given)
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    assert not faults(page)
