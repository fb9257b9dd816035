"""A viewer sees how the site does, and nobody else's words, and changes nothing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser.conftest import PAGES, sign_in
from tests.browser.journeys import reflect
from tests.browser.looks import faults
from tests.browsers import SHOWN_MS
from tests.sites import Site

NAME, SECRET = "vera", "as good as any 1"
MAKE = f"""
from django.contrib.auth.models import User
from django.core.management import call_command
User.objects.create_user({NAME!r}, password={SECRET!r})
call_command("set_role", {NAME!r}, "viewer")
"""
WORD = "Wolkenkuckucksheim"
TEXT = f"I dreamt of {WORD}, and woke up happy and warm."
# Each begins or does something that a viewer may not.
ACTION = re.compile(
    r"\b(Purge|Compute|Delete|Retry|Replay|Cancel|Review the changes|Restore|Apply)\b"
)


@pytest.fixture(scope="module")
def cookies(site: Site, browser: Browser) -> StorageState:
    """A viewer, made as people who run a site make one."""
    site.manage("shell", "-c", MAKE)
    return sign_in(browser, site, NAME, SECRET)


@pytest.fixture
def viewer(browser: Browser, site: Site, cookies: StorageState) -> Iterator[Page]:
    made = browser.new_context(base_url=site.url, storage_state=cookies)
    made.set_default_timeout(SHOWN_MS)
    yield made.new_page()
    made.close()


def test_viewer_sees_no_action_and_no_words_of_others(
    viewer: Page, page: Page, addresses: dict[str, str]
):
    """On no page that a viewer may open; the page of another's reflection is not there."""
    others = reflect(page, TEXT)
    seen = [addresses[name] for name in PAGES if "reflections/" not in name]
    seen = [address for address in seen if "purge" not in address and "retry" not in address]
    for address in seen:
        answer = viewer.goto(address)
        assert answer
        assert answer.ok, address
        assert WORD not in viewer.content()
        for role in ("button", "link"):
            expect(viewer.locator("main").get_by_role(role, name=ACTION)).to_have_count(0)
    answer = viewer.goto(others)
    assert answer
    assert answer.status == 404
    assert WORD not in viewer.content()


@pytest.mark.parametrize("path", ["/cache/purge/", "/jobs/retry/"])
def test_refusal_says_what_is_missing_and_whom_to_ask(path: str, viewer: Page):
    """Kindly, with a way back."""
    answer = viewer.goto(path)
    assert answer
    assert answer.status == 403
    expect(viewer.get_by_role("heading")).to_have_text("You don’t have permission for this")
    expect(viewer.locator("main")).to_contain_text("which the group operator has")
    assert not faults(viewer)
    viewer.get_by_role("link", name="Go to the overview").click()
    expect(viewer.locator("#verdict")).to_be_visible()


def test_login_page_keeps_nobody_out(browser: Browser, site: Site):
    """Also once it has refused somebody, and has said why."""
    page = browser.new_page(base_url=site.url)
    page.goto("/jobs/")
    assert not faults(page)
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert not faults(page)
    page.context.close()
