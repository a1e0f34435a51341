"""`make screens`: every screen of the demonstration's clinic as a picture in docs/screens, at 1280×800 and 1024×768."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import walk
from tests.browser.clinic_world import chromium

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

SCREENS = Path(__file__).parents[2] / "docs" / "screens"
SIZES = {"": (1280, 800), "-1024": (1024, 768)}
SETTLES_MS = 2500
LIGHT_MS = 240_000
PAGES = {
    "day": "/",
    "treat": "/treat",
    "patients": "/patients",
    "calendar": "/calendar",
    "calibrate": "/calibrate",
    "check": "/calibrate/right/check",
    "drift": "/calibrate/right/drift",
    "records": "/records",
    "devices": "/devices",
    "messages": "/messages",
    "settings": "/settings",
    "protocol": "/settings/protocols/luminous-ir",
    "screening": "/settings/screening",
}
"""Pages with an address of their own; the others are reached from them as a person would."""


def main() -> int:
    SCREENS.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        words = ("demo", "--stay", "--json", "--no-browser", "--state", folder, "--port", "0", "--clinic-port", "0")
        demo = subprocess.Popen([sys.executable, "-m", "irctl", *words], stdout=subprocess.PIPE, text=True)
        try:
            url = _url(demo)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
                for suffix, (width, height) in SIZES.items():
                    _all(browser, url, suffix, width, height)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(30)
    return 0


def _url(demo: subprocess.Popen[str]) -> str:
    """From the JSON document that the demonstration writes when the clinic is open."""
    assert demo.stdout is not None
    told = ""
    for line in demo.stdout:
        told += line
        try:
            return str(json.loads(told)["url"])
        except ValueError:
            continue
    raise RuntimeError(f"the demonstration ended: {told}")


def _all(browser: Browser, url: str, suffix: str, width: int, height: int) -> None:
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()

    def keep(name: str) -> None:
        page.wait_for_timeout(SETTLES_MS)
        page.screenshot(path=SCREENS / f"{name}{suffix}.png")

    for name, path in PAGES.items():
        page.goto(url + path)
        keep(name)
    page.goto(f"{url}/patients")
    page.locator("a[href^='/patients/P-']").first.click()
    keep("patient")
    page.get_by_role("button", name="Open course").first.click()
    keep("course")
    _visit(page, url, keep)
    page.goto(f"{url}/records")
    page.locator("a[href^='/records/']").filter(has_text="P-").first.click()
    keep("record")
    page.get_by_role("button", name="Lock").click()
    keep("locked")
    page.goto(f"{url}/sign-in")
    keep("sign-in")


def _visit(page: Page, url: str, keep: Callable[[str], None]) -> None:
    """Somebody of today, up to the light; then it is ended, so that the next size finds a lamp that is free."""
    page.goto(url)
    page.wait_for_timeout(SETTLES_MS)
    page.get_by_role("button", name="Treat", exact=True).first.click()
    keep("lamps")
    page.get_by_role("button", name="Treat at this lamp").first.click()
    page.wait_for_url("**/visits/V-*")
    keep("visit-who")
    walk.identify(page)
    keep("visit-screening")
    walk.answer(page)
    keep("visit-position")
    walk.position(page)
    keep("visit-pain")
    for asked in page.get_by_role("radiogroup").all():
        asked.get_by_role("radio", name="5", exact=True).click()
    walk.press(page, "Next", exact=True)
    page.get_by_role("button", name="Make the lamp ready").wait_for()
    keep("visit-ready")
    walk.light(page)
    keep("visit-light")
    page.get_by_role("radio", name="As before").wait_for(timeout=LIGHT_MS)
    keep("visit-afterwards")


if __name__ == "__main__":
    sys.exit(main())
