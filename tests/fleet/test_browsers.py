"""The clinic's pages on other computers: at the station STOP needs neither network nor clinic; elsewhere it comes by way of the clinic."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from irctl.fleet.identity import Identity
from tests.browser.clinic_world import PASSWORD, write_staff
from tests.browser.scripted import unavailable
from tests.fleet.network import Network, a_network
from tests.fleet.worlds import a_clinic, a_station_file, children, eventually, pair
from tests.service.worlds import Station, a_station

try:
    from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
except ImportError:
    unavailable("playwright is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")]

COMPUTERS = {"clinic": "10.77.1.2", "room": "10.77.1.11", "office": "10.77.1.20"}
PAGES = f"https://{COMPUTERS['clinic']}:8971"


@dataclass
class Fleet:
    network: Network
    station: Station
    clinic_pid: int
    playwright: Playwright
    folder: Path
    made: ExitStack

    def browser(self, computer: str) -> Browser:
        """One that runs on that computer."""
        chromium = shutil.which("chromium") or unavailable("no Chromium on this machine")
        program = self.folder / f"chromium-{computer}"
        program.write_text(f'#!/bin/sh\nexec {" ".join(self.network.on(computer))} {chromium} "$@"\n')
        program.chmod(0o755)
        found = self.playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        self.made.callback(found.close)
        return found

    def signed_in(self, computer: str) -> Page:
        # The certificate of these pages is of nobody's authority.
        page = self.browser(computer).new_context(ignore_https_errors=True).new_page()
        page.goto(f"{PAGES}/sign-in?back=/")
        page.get_by_label("Login").fill("demo")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Main").wait_for()
        return page

    def stops(self) -> int:
        return len(self.station.events("stop.latched"))

    def clear(self) -> None:
        words = [sys.executable, "-m", "irctl", "clear", "--by", "A. Technician", "--reason", "it was a test"]
        eventually("cleared", lambda: subprocess.run([*self.network.on("room"), *words]).returncode == 0)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with _a_fleet(tmp_path_factory.mktemp("browsers")) as made:
        yield made


@contextmanager
def _a_fleet(folder: Path) -> Iterator[Fleet]:
    with ExitStack() as made:
        network = made.enter_context(a_network(COMPUTERS, 1))
        file, state = folder / "clinic.toml", folder / "clinic"
        state.mkdir()
        write_staff(state)
        shown = Identity.new("pages")
        (state / "pages.crt").write_bytes(shown.certificate)
        (state / "pages.key").write_bytes(shown.key)
        about = f'host = "{COMPUTERS["clinic"]}"\ncertificate = "pages.crt"\nkey = "pages.key"'
        file.write_text(f'[clinic]\nname = "Central"\n{about}\n')
        config = a_station_file(folder, 8972, host=COMPUTERS["room"], pages=PAGES)
        station = made.enter_context(a_station(folder, config=config, on=network.on("room")))
        pair(config, station.state, file, state, "room", there=network.on("room"), here=network.on("clinic"))
        process = made.enter_context(a_clinic(file, state, network.on("clinic")))
        playwright = made.enter_context(sync_playwright())
        yield Fleet(network, station, process.pid, playwright, folder, made)


def test_a_browser_elsewhere_sees_the_lamps_and_stops_them_by_way_of_the_clinic(fleet: Fleet):
    page = fleet.signed_in("office")
    assert page.locator("irctl-lamp-panel").first.get_attribute("src") == "/relay/room"
    expect(page.locator("irctl-lamp-panel:not([stale])").first).to_be_attached(timeout=10_000)
    before = fleet.stops()
    _stop(page)
    eventually("the station has stopped", lambda: fleet.stops() == before + 1, 5)
    fleet.clear()


def test_there_a_stop_needs_nobody_who_is_signed_in(fleet: Fleet):
    page = fleet.browser("office").new_context(ignore_https_errors=True).new_page()
    page.goto(f"{PAGES}/sign-in")
    expect(page.get_by_role("button", name=re.compile("^STOP")).first).to_be_visible()
    looked = ("v1/station", "v1/stream", "v1/journal", "ui/%2e%2e/v1/journal", "ui/..%2fv1%2fjournal")
    asked = [page.evaluate(f"fetch('/relay/room/{path}').then(answer => answer.status)") for path in looked]
    assert asked == [403, 403, 404, 404, 404], "what the live view says is for who has signed in"
    asked = page.evaluate(
        "fetch('/relay/room/v1/sessions', {method: 'POST', body: '{}'}).then(answer => answer.status)"
    )
    assert asked == 403
    before = fleet.stops()
    _stop(page)
    eventually("the station has stopped again", lambda: fleet.stops() == before + 1, 5)
    fleet.clear()


def test_at_the_station_stop_needs_neither_network_nor_clinic(fleet: Fleet):
    page = fleet.signed_in("room")
    assert page.locator("irctl-lamp-panel").first.get_attribute("src") == "http://127.0.0.1:8970"
    expect(page.locator("irctl-lamp-panel:not([stale])").first).to_be_attached(timeout=10_000)
    before = fleet.stops()
    fleet.network.cut("room")
    for pid in children(fleet.clinic_pid):
        os.kill(pid, signal.SIGKILL)
    _stop(page)
    eventually("the station has stopped", lambda: fleet.stops() == before + 1, 5)
    fleet.network.mend("room")


def _stop(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^STOP")).first.click()
