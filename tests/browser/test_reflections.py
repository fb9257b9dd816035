"""A reflection from its first word to its last trace."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Scripted
from tests.browser.journeys import TEXT_LABEL, finished, reflect, stay, stayed
from tests.browser.keyboard import tab_to
from tests.standin import Answer

TEXT = "My sister called after months, and I am grateful that she did."
FROM_THE_CACHE = "from the cache"


@contextmanager
def held_back(answer: Callable[[Any], Answer]) -> Iterator[tuple[Callable[[Any], Answer], Any]]:
    """Yield what answers the same once the event beside it is set; at the end it is."""
    let_go = threading.Event()

    def answers(body: Any) -> Answer:
        let_go.wait()
        return answer(body)

    try:
        yield answers, let_go
    finally:
        let_go.set()


def test_same_words_are_answered_from_the_cache(page: Page):
    """Sent with the keyboard alone, finished without a reload; the second time both stages hit."""
    page.goto("/reflections/")
    tab_to(page, page.get_by_label(TEXT_LABEL))
    page.keyboard.type(TEXT)
    tab_to(page, page.get_by_role("button", name="Reflect"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/reflections/*-*/")
    stay(page)
    expect(finished(page)).to_be_visible()
    assert stayed(page)
    steps = page.locator(".timeline .step")
    expect(steps.get_by_text(FROM_THE_CACHE)).to_have_count(0)

    reflect(page, TEXT)

    expect(steps.get_by_text(FROM_THE_CACHE)).to_have_count(2)
    expect(page.locator(".terms .badge.hit")).to_have_count(2)


def test_stages_appear_as_they_are_done(scripted: Scripted, scripted_page: Page):
    """The page fills while the model works: first the feeling, then the text; never a reload."""
    page, model = scripted_page, scripted.model
    with held_back(model.generate) as feeling, held_back(model.chat) as writing:
        plain = model.generate, model.chat
        (model.generate, felt), (model.chat, wrote) = feeling, writing
        page.goto("/reflections/")
        page.get_by_label(TEXT_LABEL).fill("The garden was quiet, and so was I for once.")
        page.get_by_role("button", name="Reflect").click()
        stay(page)
        expect(page.get_by_text("The model reads it now.")).to_be_visible()
        expect(page.locator(".pending")).to_have_count(2)
        felt.set()
        expect(
            page.get_by_text("The feeling is found; a short text is on its way.")
        ).to_be_visible()
        expect(page.locator("#stage1 .pending")).to_have_count(0)
        expect(page.locator("#stage2 .pending")).to_have_count(1)
        wrote.set()
        expect(finished(page)).to_be_visible()
        expect(page.locator("#stage2 .poem")).to_be_visible()
        model.generate, model.chat = plain
    assert stayed(page)


def test_reflection_is_deleted_once_that_is_confirmed(page: Page):
    """Behind a summary that says what goes; afterwards nothing is there."""
    url = reflect(page, "I was angry at the noise of the street all day long.")
    expect(page.get_by_role("button", name="Delete for good")).to_be_hidden()
    page.get_by_text("Delete this reflection").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The reflection is deleted.")).to_be_visible()
    answer = page.goto(url)
    assert answer
    assert answer.status == 404
