"""A page as somebody goes through it who has a keyboard and no pointer."""

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page

# More stops than any page has; a page that keeps the focus for itself ends here.
MOST_STOPS = 600
# All that Tab has to reach, in words. Of a radio group one is reached, and arrows lead to the rest.
EXPECTED = """() => {
  const represents = (radio) => {
    const group = [...document.querySelectorAll("input[type='radio']")]
      .filter((one) => one.name === radio.name && one.form === radio.form && !one.disabled);
    return radio === (group.find((one) => one.checked) ?? group[0]);
  };
  return [...document.querySelectorAll("*")]
    .filter((one) => one.tabIndex >= 0 && !one.matches(":disabled")
      && one.checkVisibility({visibilityProperty: true})
      && (one.type !== "radio" || represents(one)))
    .filter((one) => !window.stops?.has(one))
    .map((one) => one.outerHTML.slice(0, 120));
}"""
# Where the focus is. It is seen if it is outlined, and lies in the window with nothing over it.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  window.stops ??= new Set();
  const part = one === window.stopped && one.type === "date";
  const again = window.stops.has(one) && !part;
  window.stops.add(one);
  window.stopped = one;
  const {outlineStyle, outlineWidth} = getComputedStyle(one);
  const {left, right, top, bottom} = [...one.getClientRects()][0] ?? one.getBoundingClientRect();
  const across = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2;
  const down = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
  const there = document.elementFromPoint(across, down);
  const label = one.labels?.[0];
  return {
    again, part,
    words: one.outerHTML.slice(0, 120),
    outlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    uncovered: Boolean(there) && (one.contains(there) || there.contains(one)
      || Boolean(label?.contains(there))),
    closed: one.localName === "summary" && !one.parentElement.open,
    hides: one.scrollWidth - one.clientWidth > 1 && one.getAttribute("role") === "region",
  };
}"""
OPENED = "() => document.activeElement.parentElement.open"
SCROLLED = "() => document.activeElement.scrollLeft > 0"


@dataclass
class Walk:
    """What was met on the way from the top of a page to its end, in the order of the stops."""

    stops: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def walk(page: Page) -> Walk:
    """Go through a page with Tab, opening what opens with Enter, scrolling what scrolls.

    Raises:
        TimeoutError: something does not open or scroll.
    """
    met = Walk()
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused["again"]:
            break
        # Day, month and year of a date are stops of their own.
        if focused["part"]:
            continue
        met.stops.append(focused["words"])
        if not (focused["outlined"] and focused["uncovered"]):
            met.unseen.append(focused["words"])
        if focused["closed"]:
            page.keyboard.press("Enter")
            page.wait_for_function(OPENED)
        if focused["hides"]:
            page.keyboard.press("ArrowRight")
            page.wait_for_function(SCROLLED)
    met.missed = page.evaluate(EXPECTED)
    return met


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"Tab never reaches {wanted}")
