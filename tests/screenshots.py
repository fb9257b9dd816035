"""Takes the pictures of docs/screenshots: python -m tests.screenshots

The overview of a site that a week of invented data fills, light, dark and on a phone.
"""

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, StorageState

from tests.browsers import running_chromium
from tests.engines import ROOT
from tests.sites import Site, running_site

FOLDER = ROOT / "docs" / "screenshots"
LOOKS = {
    "overview-light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "overview-dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "overview-phone": {
        "color_scheme": "light",
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
    },
}
DRAWN = "document.querySelectorAll('[data-picture] canvas').length === 6"
# Flat colours and letters: so many are enough, and the files stay small.
COLOURS = 256


def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_site(Path(folder)) as site:
        site.manage("seed_demo")
        with running_chromium() as browser:
            state = sign_in(browser, site)
            for name, look in LOOKS.items():
                _take(browser, site, state, name, look)


def sign_in(browser: Browser, site: Site) -> StorageState:
    """Return the cookies of the development login, who may do everything."""
    page = browser.new_page(base_url=site.url)
    page.goto("/login/")
    page.get_by_label("Username").fill("dev")
    page.get_by_label("Password").fill((Path(site.env["VAR_DIR"]) / "dev_password").read_text())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.url}/")
    state = page.context.storage_state()
    page.context.close()
    return state


def _take(browser: Browser, site: Site, state: StorageState, name: str, look: dict) -> None:
    page = browser.new_page(base_url=site.url, storage_state=state, **look)
    page.goto("/?range=7d")
    page.wait_for_function(DRAWN)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    page.context.close()
    with Image.open(path) as taken:
        taken.convert("RGB").quantize(COLOURS, kmeans=3).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
