"""Looking after the cache: purging, deleting, and asking the model again."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import USER
from tests.browser.journeys import figure, reflect, reload_until
from tests.browser.looks import faults

PURGED = "stage2_enrichment"
WRONG = "yes please"


def go_to_entry(page: Page, url: str) -> None:
    """From a reflection's page to the entry that its first stage was kept in."""
    page.goto(url)
    digits = page.locator("#stage1 .terms .key").inner_text().strip()
    page.goto(f"/cache/?q={digits}")
    link = page.locator("main table a.key")
    reload_until(page, link)
    link.click()


def test_purge_goes_from_a_filter_to_the_audit(page: Page):
    """What would go is counted first; only what was typed as asked deletes it."""
    page.goto("/cache/purge/")
    page.get_by_label("Type", exact=True).select_option(PURGED)
    page.get_by_label("Older than").fill("1d")
    page.get_by_role("button", name="Count what matches").click()
    count = figure(page, "Entries").inner_text().strip()
    assert int(count.replace(",", "")) > 0
    expect(figure(page, "Freed")).to_have_text(re.compile(r"\d.*B"))
    expect(figure(page, "Cost to compute again")).to_have_text(re.compile(r"\d"))
    assert not faults(page)

    delete = page.get_by_role("button", name=f"Delete {count} entries")
    page.get_by_label("or the word purge").fill(WRONG)
    delete.click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was deleted")
    expect(figure(page, "Entries")).to_have_text(count)
    assert not faults(page)

    page.get_by_label("or the word purge").fill(count)
    delete.click()
    expect(page.get_by_role("heading", name=f"{count} entries deleted")).to_be_visible()
    assert not faults(page)
    page.get_by_role("link", name="See it in the audit").click()
    row = page.locator("tr:target")
    expect(row).to_contain_text(USER)
    expect(row).to_contain_text("type stage2 enrichment, older than 1d")
    expect(row.get_by_role("cell", name=count, exact=True)).to_be_visible()
    page.goto(f"/cache/?type={PURGED}&older_than=1d")
    expect(page.get_by_text("No entry is like that.")).to_be_visible()


def test_answer_is_computed_again_and_compared(page: Page):
    """A worker asks the model once more; the page says what differs, without a reload."""
    url = reflect(page, "The exam is over at last, and I slept like a stone.")
    go_to_entry(page, url)
    page.get_by_role("link", name="Compute again and compare").click()
    page.get_by_role("button", name="Compute again").click()
    expect(page.get_by_role("button", name="Compute once more")).to_be_visible()
    said = re.compile("are the same, byte for byte|differ in|say the same")
    expect(page.locator("#comparison .notice")).to_have_text(said)
    expect(page.get_by_role("region", name="Both answers")).to_be_visible()
    assert not faults(page)


def test_entry_is_deleted_from_its_page(page: Page):
    """The next look-up computes it again, and the audit tells who deleted it."""
    url = reflect(page, "We laughed until midnight about nothing in particular.")
    go_to_entry(page, url)
    entry = page.url
    page.get_by_text("Delete this entry").click()
    page.get_by_role("button", name="Delete the entry").click()
    expect(page.get_by_text("is deleted. The next look-up computes it again.")).to_be_visible()
    page.goto("/cache/audit/")
    expect(page.locator("tbody tr").first).to_contain_text(USER)
    page.goto(entry)
    expect(page.get_by_role("heading", name="is gone")).to_be_visible()
    assert not faults(page)
