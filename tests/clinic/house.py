"""The whole service of a clinic in this process, with one patient and somebody of each role: asked as browsers ask it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
from fastapi import FastAPI
from nicegui import Client, core
from sqlalchemy import select

from irctl.clinic.acting import Acting
from irctl.clinic.calendar import appointments
from irctl.clinic.care import courses, patients, visits
from irctl.clinic.care.consent import set_consent
from irctl.clinic.care.courses import CourseBody
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.doors.tokens import Issuer
from irctl.clinic.doors.visitor import Visitor
from irctl.clinic.lamps.stations import Station
from irctl.clinic.mailing import messages
from irctl.clinic.opening import open_desk
from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.settings import AboutSection, ClinicFile
from irctl.domain.people import Person, Role
from irctl.records.people import Person as Patient
from irctl.records.tables import METADATA, sessions
from tests.clinic.shelves import Lamp
from tests.records.people import GOOD, PIN, Hasher, some_accounts, who

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOST = "clinic.example"
SOCKET = "/_nicegui_ws/socket.io/"
CONTROLLER = "c0ffee00"
ADA = Patient("Adaeze Nwachukwu-Björk", date(1968, 3, 9), "MRN 0042-7", "adaeze.post@example.org")
KNEE = CourseBody(
    area="left knee", protocol="luminous-ir", diagnosis="gonarthrosis of old", goal="stairs without weeping",
    function_scale="walking stairs", baseline_nprs=7, baseline_function=3,
)  # fmt: skip
STAFF = {
    "clinician": Role.CLINICIAN, "second": Role.CLINICIAN, "assistant": Role.ASSISTANT, "technician": Role.TECHNICIAN,
    "administrator": Role.ADMINISTRATOR, "other": Role.ADMINISTRATOR, "auditor": Role.AUDITOR,
}  # fmt: skip
"""Logins. The last of a kind is there so that there are two."""


class AtTheLamp(Lamp):
    """As much of the station as the beginning of a visit looks at."""

    name = "here"


@dataclass
class Browser:
    """With its cookies."""

    house: House
    http: httpx.AsyncClient
    visitor: Visitor | None = None
    sid: str = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.house.run(self.http.get(path, **more))

    def post(self, path: str, form: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.house.run(self.http.post(path, data=form, **more))

    def sign_in(self, login: str, password: str = GOOD, back: str = "/") -> httpx.Response:
        """By the form, as people do."""
        self.get("/sign-in")
        word = self.http.cookies["irctl-form"]
        return self.post("/sign-in", {"login": login, "password": password, "form": word, "back": back})

    def open(self, path: str) -> Page:
        """A page, with its socket attached: what it draws later comes by that."""
        page = Page(self, self.get(path))
        if page.client is not None:
            self.attach(page.client.id)
        return page

    def attach(self, client_id: str, **headers: str) -> str:
        """Knock at the socket of a page with its number. Returns what the socket says, the engine's own greeting apart."""
        query = {
            "EIO": "4", "transport": "polling", "client_id": client_id, "tab_id": "tab", "document_id": f"document of {client_id}",
            "implicit_handshake": "true", "next_message_id": "0",
        }  # fmt: skip
        opened = self.get(SOCKET, params=query, headers=headers)
        if opened.status_code != 200:
            return f"{opened.status_code}"
        self.sid = str(json.loads(opened.text[1:])["sid"])
        self.say("40")
        return self.hear()

    def say(self, packet: str) -> int:
        """On the socket that was attached last."""
        query = {"EIO": "4", "transport": "polling", "sid": self.sid}
        return self.post(SOCKET, content=packet, params=query, headers={"content-type": "text/plain"}).status_code

    def hear(self) -> str:
        """What has come on it meanwhile."""
        query = {"EIO": "4", "transport": "polling", "sid": self.sid}
        return self.get(SOCKET, params=query).text

    @property
    def cookie(self) -> str:
        return self.http.cookies.get(COOKIE, "")


@dataclass
class Page:
    """One that was asked for."""

    browser: Browser
    answer: httpx.Response

    @property
    def client(self) -> Client | None:
        """NiceGUI's side of it; None where the answer is no page of NiceGUI."""
        found = re.search(r"'client_id': '([0-9a-f-]+)'", self.answer.text)
        return Client.instances.get(found[1]) if found else None

    def shown(self) -> str:
        """Every text and every piece of markup on it by now."""
        assert self.client is not None
        told: list[str] = []
        for element in self.client.elements.values():
            told += [str(getattr(element, name, "")) for name in ("text", "content", "value")]
            told += [str(element.props.get(name, "")) for name in ("label", "innerHTML", "options", "rows")]
        return "\n".join(told)


@dataclass
class House:
    desk: Desk
    doors: Doors
    app: FastAPI
    hasher: Hasher
    runner: asyncio.Runner
    folder: Path
    clock_s: float = 1000.0
    known: dict[str, str] = field(default_factory=dict[str, str])
    """References of what is here, by the names of path parameters."""

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """On the loop of the service."""
        return self.runner.run(work)

    def wait(self, seconds: float) -> None:
        """While pages draw what they look up."""
        self.run(asyncio.sleep(seconds))

    def settle(self) -> None:
        """Until the pages that are open have drawn what they look up: no look is written down any more."""
        before: object = None
        while (now := self.everything()) != before:
            before = now
            self.wait(0.15)

    def browser(self, address: str = "10.0.0.1", scheme: str = "http", **headers: str) -> Browser:
        """One that nobody has signed in."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 50000))
        return Browser(self, httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{HOST}", headers=headers))

    def signed_in(self, login: str) -> Browser:
        cookie, visitor = self.doors.open(who(self.desk.accounts, login))
        browser = self.browser()
        browser.http.cookies.set(COOKIE, cookie)
        browser.visitor = visitor
        return browser

    def acting(self, login: str) -> Acting:
        return self.desk.acting(who(self.desk.accounts, login))

    def everything(self) -> dict[str, list[Any]]:
        """All that the database holds, to see whether it is still the same. Sign-ins and looks are kept apart: `without`."""
        with self.desk.database.reading() as connection:
            return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in METADATA.sorted_tables}  # fmt: skip


def people_in(house: House) -> dict[str, Person]:
    return {login: who(house.desk.accounts, login) for login in STAFF}


@contextmanager
def a_house(folder: Path) -> Iterator[House]:
    """Everything ready: a patient with a course, a visit that has begun, an appointment, a message and a session of long ago."""
    from irctl.clinic.web import create_app

    # NiceGUI is one in a process: this house is not the first in it.
    core.app.middleware_stack = None
    core.app.user_middleware.clear()
    issuer = Issuer(folder)
    file = ClinicFile(clinic=AboutSection(zone="Europe/Oslo"))
    station = Station("here", "http://127.0.0.1:9", issuer)
    desk = open_desk(file, folder, issuer, lambda: NOW, stations={"here": station})
    hasher = Hasher()
    desk.accounts = some_accounts(desk.database, hasher)
    administrator = desk.accounts.create("administrator", "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, NOW).person
    for login, role in STAFF.items():
        if login != "administrator":
            desk.accounts.create(login, f"{login.capitalize()} Made-Up", [role], GOOD, administrator, NOW)
    desk.accounts.set_pin("assistant", GOOD, PIN, NOW, 0.0)
    doors = Doors(desk.accounts)
    with asyncio.Runner() as runner:
        house = House(desk, doors, cast("FastAPI", None), hasher, runner, folder)
        house.app = create_app(desk, doors, lambda: house.clock_s)
        house.known = _furnished(house)
        living = house.app.router.lifespan_context(house.app)
        house.run(living.__aenter__())
        yield house
        house.run(living.__aexit__(None, None, None))
        house.run(station.close())
    desk.database.close()


def _furnished(house: House) -> dict[str, str]:
    desk, clinician = house.desk, house.acting("clinician")
    patient = patients.register(desk, clinician, ADA)
    patients.write_background(desk, clinician, patient, 0, patients.BackgroundBody(goals="dance again", history="fell at nine"))  # fmt: skip
    course = courses.plan(desk, clinician, patient, KNEE)
    appointment = appointments.book(desk, clinician, course.id, NOW + timedelta(hours=2))
    set_consent(desk, clinician, patient, True)
    message = messages.write(desk, clinician, patient, "Bring the orange slippers")
    at_the_lamp = cast("Station", AtTheLamp(simulated=True))
    visit = visits.begin(desk, clinician, course, at_the_lamp, "left")
    row = {
        "controller": CONTROLLER, "session": "S-1", "lamp": "left", "lamp_serial": "L-1", "simulated": True, "patient": patient,
        "area": "left knee", "protocol": "luminous-ir version 1", "ordered_at": NOW - timedelta(days=9), "ordered_by": "clinician",
        "prescribed_j_cm2": 24.0, "irradiance_mw_cm2": 40.0, "planned_s": 600.0, "outcome": "completed", "reason": "reached",
        "delivered_min_j_cm2": 23.0, "delivered_j_cm2": 24.0, "delivered_max_j_cm2": 25.0, "time_on_s": 600.0,
        "started_at": NOW - timedelta(days=9), "ended_at": NOW - timedelta(days=9) + timedelta(minutes=10),
    }  # fmt: skip
    with desk.database.writing() as connection:
        connection.execute(sessions.insert().values(**row))
    return {
        "patient": patient, "course": course.id, "visit": visit.id, "appointment": appointment.id, "message": message.id,
        "controller": CONTROLLER, "session": "S-1", "what": "alarms", "login": "assistant", "name": "luminous-ir",
        "lamp": "left", "calibration": "C-20261123-0001", "station": "here",
    }  # fmt: skip
