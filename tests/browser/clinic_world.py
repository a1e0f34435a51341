"""A clinic at work, as real processes: a simulator with two lamps, their controller, the clinic's pages; with staff, and doses that take seconds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from irctl.clinic.desk import Desk
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.opening import open_desk
from irctl.clinic.settings import ClinicFile, load_clinic
from irctl.domain.people import Person, Role
from irctl.records.accounts import Accounts
from irctl.records.database import Database
from irctl.records.people import People
from irctl.records.people import Person as Patient
from irctl.records.sealing import Ring
from tests.service.worlds import DEMO, Simulator, View, a_simulator, environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

LONG = pytest.mark.skipif("IRCTL_LONG" not in os.environ, reason="minutes of real time, on a quiet machine: make long")
PASSWORD, PIN = "quilted ferry mango lantern", "248163"
STAFF: Mapping[str, tuple[str, Role]] = {
    "demo": ("Robin Demo", Role.CLINICIAN),
    "second": ("Sam Second", Role.CLINICIAN),
    "helper": ("Alex Assistant", Role.ASSISTANT),
    "tech": ("Toni Tech", Role.TECHNICIAN),
    "auditor": ("Aud Itor", Role.AUDITOR),
}
START_S = 40.0
WAIT_MS = 15_000
FLUENCE_J_CM2, IRRADIANCE_MW_CM2 = 0.5, 50.0
"""Of the protocol below: ten seconds of light."""
T = TypeVar("T")

PROTOCOL = """
name = "short"
version = {version}
title = "Short infrared"
written_by = "the tests"
lamp_types = ["halogen"]
distance_cm = [45, 90]
[approval]
by = "S. Second"
on = 2026-01-01
[course]
per_week = 7
weeks = 1
fluence_j_cm2_max = 600
[limits]
irradiance_mw_cm2_max = 60
fluence_j_cm2_max = 20
duration_s_max = 600
skin_c_max = 43.0
interval_s_min = 0
[[steps]]
from_visit = 1
irradiance_mw_cm2 = {irradiance}
fluence_j_cm2 = {fluence}
[[missed]]
after_days = 21
begin_again = true
[[sources]]
mark = "M"
of = "everything"
text = "a dose for tests"
[[expect]]
visit = 1
irradiance_mw_cm2 = {irradiance}
fluence_j_cm2 = {fluence}
[[expect]]
visit = 7
irradiance_mw_cm2 = {irradiance}
fluence_j_cm2 = {fluence}
[[expect]]
visit = 7
after_days = 21
irradiance_mw_cm2 = {irradiance}
fluence_j_cm2 = {fluence}
[[expect]]
visit = 8
refused = true
"""
SCREENING = """
name = "short"
version = 1
title = "Before infrared heating"
written_by = "the tests"
[approval]
by = "S. Second"
on = 2026-01-01
[sources.tests]
mark = "M"
of = "everything"
text = "a list for tests"
[[items]]
key = "eyes-protected"
kind = "contraindication"
asks = "Are the patient's eyes protected?"
advice = "Protect the eyes first."
source = "tests"
dangerous = "no"
absolute = true
[[items]]
key = "infection"
kind = "contraindication"
asks = "Is there an infection here?"
advice = "No heat on an infection."
source = "tests"
[[items]]
key = "very-old"
kind = "precaution"
asks = "Is the patient older than 80?"
advice = "Less, and look more often."
source = "tests"
[sensation]
trials_min = 5
errors_max = 0
advice = "Who cannot tell hot from cold is not treated."
source = "tests"
[[expect]]
result = "may treat"
[[expect]]
answers = { very-old = "yes" }
result = "may treat with precautions"
[[expect]]
answers = { eyes-protected = "no" }
result = "must not treat"
[[expect]]
answers = { infection = "unknown" }
result = "must not treat"
[[expect]]
answers = { infection = "yes" }
result = "must not treat"
[[expect]]
errors = 1
result = "must not treat"
"""


@dataclass
class Clinic:
    """A running one. `url` of its pages, `controller` of the lamps."""

    simulator: Simulator
    process: subprocess.Popen[bytes]
    url: str
    controller: str
    state: Path
    file: ClinicFile
    faults: list[str] = field(default_factory=list)
    """What went wrong inside pages that were opened here."""

    @property
    def log(self) -> str:
        return (self.state / "serve.log").read_text(encoding="utf-8", errors="replace")

    def times_served(self) -> int:
        return len(said(self.log, "clinic.serving"))

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The clinic's records, read beside it."""
        desk = open_desk(self.file, self.state, Issuer(self.state), lambda: datetime.now(UTC), stations={})
        try:
            yield desk
        finally:
            desk.database.close()

    def ask_controller(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.controller}{path}", timeout=10) as answer:
            return json.load(answer)

    def lamp(self, name: str) -> View:
        """As the controller tells it."""
        return next(one for one in self.ask_controller("/v1/lamps") if one["name"] == name)

    def context(self, browser: Browser, **options: Any) -> BrowserContext:
        shown = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        context = browser.new_context(**shown)
        context.set_default_timeout(WAIT_MS)
        return context

    def sign_in(self, context: BrowserContext, login: str = "demo", path: str = "/") -> Page:
        """Through the door, as a person does."""
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.goto(f"{self.url}/sign-in?back={path}")
        self.fill_in(page, login)
        return page

    def fill_in(self, page: Page, login: str = "demo") -> None:
        page.get_by_label("Login").fill(login)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Main").wait_for()

    def open(self, browser: Browser, login: str = "demo", path: str = "/", **options: Any) -> Page:
        """A screen of its own: another browser, as far as the clinic can tell."""
        return self.sign_in(self.context(browser, **options), login, path)


@contextmanager
def a_clinic(folder: Path, fluence: float = FLUENCE_J_CM2, irradiance: float = IRRADIANCE_MW_CM2) -> Iterator[Clinic]:
    """Running, with staff and without patients."""
    state = folder / "state"
    state.mkdir(parents=True)
    file = write_files(folder, fluence, irradiance)
    write_staff(state)
    port = free_port()
    with a_simulator(folder) as simulator:
        words = ["serve", "--json", "--config", str(DEMO), "--state", str(state), "--port", "0"]
        words += ["--sim-endpoints", str(simulator.endpoints), "--clinic-file", str(file), "--clinic-port", str(port)]
        with (state / "serve.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "irctl", *words], stdout=log, stderr=subprocess.STDOUT, env=environment()
            )
        try:
            clinic = Clinic(simulator, process, f"http://127.0.0.1:{port}", "", state, load_clinic(file))
            wait_for(lambda: answers(f"{clinic.url}/sign-in"), START_S, lambda: clinic.log)
            clinic.controller = next(line["url"] for line in json_lines(clinic.log) if "controller_pid" in line)
            yield clinic
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def write_files(folder: Path, fluence: float, irradiance: float) -> Path:
    """The clinic's own file, its protocol and its screening. It is always nine o'clock in this clinic, and it never closes."""
    protocols = folder / "protocols"
    protocols.mkdir(parents=True)
    text = PROTOCOL.format(version=1, fluence=fluence, irradiance=irradiance)
    (protocols / "short.toml").write_text(text, encoding="utf-8")
    (folder / "short.toml").write_text(SCREENING, encoding="utf-8")
    ahead = 9 - datetime.now(UTC).hour
    zone = f"Etc/GMT{-(ahead if ahead >= -12 else ahead + 24):+d}"
    told = (
        f"protocols = {json.dumps(str(protocols))}\nscreening = {json.dumps(str(folder / 'short.toml'))}\n"
        f'[clinic]\nname = "Test clinic"\nzone = "{zone}"\nopens = 00:00:00\ncloses = 23:55:00\nclosed = []\n'
    )
    file = folder / "clinic.toml"
    file.write_text(told, encoding="utf-8")
    return file


def write_staff(state: Path) -> None:
    """Everybody with the same password and PIN; an administrator beside them."""
    database = Database(f"sqlite:///{state / 'records.sqlite'}")
    database.prepare()
    accounts, now = Accounts(database), datetime.now(UTC)
    admin = Person("admin", "A. Administrator", frozenset({Role.ADMINISTRATOR}))
    accounts.create("admin", admin.name, admin.roles, PASSWORD, None, now)
    for login, (name, role) in STAFF.items():
        accounts.create(login, name, frozenset({role}), PASSWORD, admin, now)
        accounts.set_pin(login, PASSWORD, PIN, now, time.monotonic())
    database.close()


def write_patient(clinic: Clinic, reference: str, name: str, born: date) -> None:
    """For tests that begin where somebody is known already."""
    database = Database(f"sqlite:///{clinic.state / 'records.sqlite'}")
    try:
        People(database, Ring.read(clinic.state / "records.key")).add(
            reference, Patient(name, born), "demo", datetime.now(UTC)
        )
    finally:
        database.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(done: Callable[[], T], seconds: float, why: Callable[[], object] = lambda: "") -> T:
    """What `done` answers, once that is something."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)
    return found


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def said(log: str, event: str) -> list[View]:
    return [line for line in json_lines(log) if line.get("event") == event]


def json_lines(log: str) -> list[View]:
    found: list[View] = []
    for line in log.splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # its end is still to come
    return found
