"""A scripted controller, and a browser that looks at it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.scripted import FakeController, Handler, Server, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def controller() -> Iterator[FakeController]:
    fake = FakeController()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"controller": fake}))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        unavailable("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, controller: FakeController) -> Iterator[Page]:
    """The status page, with figures on it."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(controller.url)
    page.locator("article").first.wait_for()
    yield page
    context.close()
    assert not faults
