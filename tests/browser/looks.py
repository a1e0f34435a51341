"""What must hold of every page, looked at from outside: nothing overflows, STOP is there, everything can be hit with a finger, and axe finds nothing."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of requests, which it brings along and which nothing here uses
    from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

TARGET_PX = 44
AXE = Axe()
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}

STOP = """() => {
  const found = [];
  for (const panel of document.querySelectorAll('irctl-lamp-panel[bar]')) {
    const button = panel.shadowRoot.querySelector('.stop');
    const box = button.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const inside = box.x >= 0 && box.y >= 0 && box.right <= innerWidth && box.bottom <= innerHeight && box.width > 0;
    const host = document.elementFromPoint(x, y);
    const hit = host === panel ? panel.shadowRoot.elementFromPoint(x, y) : host;
    found.push({ inside, free: button.contains(hit), hit: hit?.outerHTML.slice(0, 200) });
  }
  return found;
}"""
SMALL = """(least) => {
  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const inText = (element) => element.tagName === 'A' && getComputedStyle(element).display === 'inline'
    && !!element.parentElement.closest('p, li, td, dd');
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot) look(element.shadowRoot);
      if (!element.matches('a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=radio], [role=checkbox], [role=switch], [role=tab]')) continue;
      if (!seen(element) || inText(element)) continue;
      // What is touched is the whole field, not the line of text in it; an area of a figure has a round target of its own.
      const target = element.closest('.q-field, label, .q-checkbox, .q-uploader') ?? element;
      if (target.closest('svg')) continue;
      const box = target.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      if (box.width < least - 0.5 || box.height < least - 0.5)
        found.push(`${Math.round(box.width)}x${Math.round(box.height)} ${element.outerHTML.slice(0, 140)}`);
    }
  };
  look(document);
  return found;
}"""
WIDER = """() => {
  const most = document.scrollingElement.scrollWidth - innerWidth;
  if (most <= 0) return [];
  return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 3).map((e) => `${most} px too wide: ${e.outerHTML.slice(0, 140)}`);
}"""


def settle(page: Page) -> None:
    """Until the page has drawn what it follows, and nothing fades any more."""
    page.wait_for_function("document.querySelector('irctl-lamp-panel[bar]')?.shadowRoot?.querySelector('.stop')")
    page.wait_for_timeout(900)


def problems_with_layout(page: Page) -> list[str]:
    """At the size that the page has now, at its top and at its bottom."""
    found = [f"wide: {one}" for one in page.evaluate(WIDER)]
    for where in ("0", "document.scrollingElement.scrollHeight"):
        page.evaluate(f"scrollTo(0, {where})")
        stops = page.evaluate(STOP)
        if not stops or not all(one["inside"] and one["free"] for one in stops):
            found.append(f"STOP: {stops}")
    page.evaluate("scrollTo(0, 0)")
    return found


def problems_with_targets(page: Page) -> list[str]:
    """What is too small for a finger."""
    return [f"small: {one}" for one in page.evaluate(SMALL, TARGET_PX)]


def problems_with_access(page: Page) -> list[str]:
    """What axe finds against WCAG 2.1 A and AA, contrast among it."""
    response: dict[str, Any] = AXE.run(page, options=RULES).response
    return [
        f"axe {one['id']}: {node['html'][:160]} {node['failureSummary'].splitlines()[-1].strip()[:160]}"
        for one in response["violations"]
        for node in one["nodes"][:4]
    ]
