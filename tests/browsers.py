"""Chromium without a window, for what only a browser can tell.

Playwright keeps an event loop in the thread that uses it, and Django refuses its ORM there: a test
that drives a page has no database of its own, and looks at a site through its API.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

# Debian's name for it, and others'.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SHOWN_MS = 30_000


def find_chromium() -> str:
    """Return the browser's program; without it the test is skipped, or under CI failed."""
    for program in PROGRAMS:
        if found := shutil.which(program):
            return found
    reason = "chromium is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start Chromium, and end it afterwards; end it before anything uses the ORM."""
    program = find_chromium()
    with sync_playwright() as playwright:
        # Its sandbox needs more than an unprivileged container gives; pages are our own.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page of a fresh profile, with all that it asked for and complained of."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_context().new_page()
        self.page.set_default_timeout(SHOWN_MS)
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def tokens(self) -> list[str]:
        """Return the tokens that requests carried in their header, each once, in order."""
        sent = (request.headers.get("authorization", "") for request in self.requests)
        return list(dict.fromkeys(word.removeprefix("Bearer ") for word in sent if word))

    def kept(self) -> str:
        """Return all that the page left in the browser, where another script would find it."""
        stored = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        return str(self.page.evaluate(stored))
