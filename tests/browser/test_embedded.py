"""The live panel on a page of the clinic, which comes from a port of its own, with a real controller behind it where people sign in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from irctl.clinic.doors.tokens import Issuer
from irctl.domain.people import Person, Role
from tests.browser.scripted import eventually, unavailable
from tests.service.worlds import CONFIGS, Station, a_station

try:
    from playwright.sync_api import Browser, Page, expect
except ImportError:
    unavailable("playwright is not installed")

pytestmark = pytest.mark.slow

OKAFOR = Person("okafor", "M. Okafor", frozenset({Role.CLINICIAN}))


class ClinicPage(BaseHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        body = self.page.encode() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def clinic() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ClinicPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def station(tmp_path: Path, clinic: ThreadingHTTPServer) -> Iterator[Station]:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    config = tmp_path / "configs" / "demo.toml"
    config.write_text(config.read_text() + f"\n[people]\nsign_in = true\n\n[clinic]\nport = {clinic.server_port}\n")
    with a_station(tmp_path, config=config) as found:
        yield found


def opened(
    browser: Browser, clinic: ThreadingHTTPServer, station: Station, token: str, host: str = "127.0.0.1"
) -> Page:
    ClinicPage.page = f"""<!doctype html><title>Treat</title><h1>Treat</h1>
      <irctl-lamp-panel src="{station.url}" by="okafor" token="{token}" compact></irctl-lamp-panel>
      <script type="module" src="{station.url}/ui/lamp-panel.js"></script>
      <script type="module" src="{station.url}/ui/alarms.js"></script>"""
    page = browser.new_page()
    page.goto(f"http://{host}:{clinic.server_port}/")
    return page


def test_figures_come_a_stop_goes_and_who_is_signed_in_clears_it(
    browser: Browser, clinic: ThreadingHTTPServer, station: Station
) -> None:
    token = Issuer(station.state).issue(OKAFOR, datetime.now(UTC))
    page = opened(browser, clinic, station, token)
    expect(page.locator("irctl-lamp-panel:not([stale])")).to_be_attached(timeout=10_000)
    expect(page.locator("article")).to_have_count(2)
    page.locator(".stop").click()
    expect(page.get_by_text("Stopped at")).to_be_visible()
    expect(page.get_by_text("STOP NOT CONFIRMED")).to_be_hidden()
    expect(page.locator("td.yes").first).to_be_visible(timeout=5000)
    page.wait_for_timeout(1500)  # dark, and the interlocks read again
    page.get_by_role("textbox", name="Reason").fill("Only tried it")
    page.get_by_role("button", name="Clear the stop").click()
    expect(page.get_by_text("Stopped at")).to_be_hidden(timeout=5000)
    (cleared,) = station.events("stop.cleared")
    assert cleared["by"] == "okafor"
    page.close()


def test_a_page_of_nobodys_sees_nothing_but_its_stop_still_goes(
    browser: Browser, clinic: ThreadingHTTPServer, station: Station
) -> None:
    """Another port than the clinic's."""
    other = ThreadingHTTPServer(("127.0.0.1", 0), ClinicPage)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    page = opened(browser, other, station, "")
    page.wait_for_timeout(1000)
    assert page.evaluate("customElements.get('irctl-lamp-panel') === undefined")
    page.evaluate("url => fetch(`${url}/v1/stop`, { method: 'POST' }).catch(() => {})", station.url)
    eventually(lambda: station.events("stop.latched"), 5, page)
    page.close()
    other.shutdown()
    other.server_close()
