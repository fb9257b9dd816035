"""A page as people see it: wide or narrow, light or dark, with eyes or with a screen reader."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (1440, 375)
HEIGHT = 900
SCHEMES = ("light", "dark")
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def faults(page: Page) -> str:
    """Return what keeps somebody from using a page as it stands now, light and dark.

    What axe finds, and by how much the page itself is too wide; empty if nothing is amiss.
    """
    told = []
    for scheme in SCHEMES:
        # Colours that still change would be measured halfway.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result = Axe().run(page, options={"resultTypes": ["violations"]})
        if result.violations_count:
            told.append(f"{scheme}: {result.generate_report()}")
    if (overflow := page.evaluate(OVERFLOW)) > 0:
        told.append(f"{overflow} px too wide")
    return "\n".join(told)


def faults_of_all_looks(page: Page) -> str:
    """Return the same, loaded anew at each width."""
    told = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.reload()
        if found := faults(page):
            told.append(f"{width} px: {found}")
    return "\n".join(told)
