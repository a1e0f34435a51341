"""What goes out of the calendar: a feed without names that can be taken back, a file and a card for the patient, each for those who may."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from icalendar import Calendar

from irctl.clinic.calendar import appointments, feeds
from irctl.clinic.doors.doors import Doors
from irctl.clinic.handover import patient_card
from irctl.clinic.pages.calendar import routes
from irctl.clinic.screens.screen import COOKIE
from irctl.clinic.words import language
from irctl.domain.people import Person, Role
from irctl.domain.problems import Refused
from tests.clinic.a_clinic import ASSISTANT, CLINICIAN, NAMES, TECHNICIAN, Clinic, a_clinic, at

PASSWORD = "quilted ferry mango lantern"


class Browser:
    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.cookies: dict[str, str] = {}

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://clinic", cookies=self.cookies) as client:
                return await client.get(path, headers=headers)

        return asyncio.run(asked())


class House:
    """The clinic's routes, and browsers that somebody has signed in."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.desk = clinic, clinic.desk
        self.doors = Doors(clinic.desk.accounts)
        app = FastAPI()
        app.include_router(routes(clinic.desk, self.doors))
        self.browser = Browser(app)
        admin = Person("admin", "A. Admin", frozenset({Role.ADMINISTRATOR}))
        self.desk.accounts.create("admin", admin.name, admin.roles, PASSWORD, None, clinic.moment)
        for person in (ASSISTANT, CLINICIAN, TECHNICIAN):
            self.desk.accounts.create(person.login, person.name, person.roles, PASSWORD, admin, clinic.moment)
        course = clinic.course()
        self.booked = appointments.plan_course(self.desk, clinic.acting(), course, at("2026-11-23 10:30"))

    def signs_in(self, person: Person) -> None:
        cookie, self.visitor = self.doors.open(person)
        self.browser.cookies[COOKIE] = cookie


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_clinic(tmp_path, "2026-11-23 08:00") as clinic:
        yield House(clinic)


def events(body: str | bytes) -> list[dict[str, str]]:
    found = Calendar.from_ical(body).walk("VEVENT")
    return [{name.lower(): str(one[name]) for name in ("UID", "SUMMARY", "STATUS", "SEQUENCE")} for one in found]


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "card.pdf").write_bytes(pdf)
    told = subprocess.run(["pdftotext", "-layout", folder / "card.pdf", "-"], capture_output=True, check=True)
    return told.stdout.decode()


# --- the feed ---------------------------------------------------------------------------------------------------------------


def test_a_feed_has_every_appointment_and_nobodys_name(house: House) -> None:
    token = feeds.make(house.desk, house.clinic.acting())
    answer = house.browser.get(f"/feeds/{token}.ics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/calendar")
    told = events(answer.text)
    assert len(told) == 12
    assert told[0]["summary"] == "Infrared, P-0001"
    assert not any(word in answer.text for name in NAMES.values() for word in name.split())
    assert "knee" not in answer.text


def test_what_is_moved_or_called_off_is_the_same_event_in_another_version(house: House) -> None:
    token = feeds.make(house.desk, house.clinic.acting())
    first = house.booked[0].id
    appointments.move(house.desk, house.clinic.acting(), first, at("2026-11-23 15:00"))
    appointments.cancel(house.desk, house.clinic.acting(), first, "has a cold")
    (told,) = [one for one in events(house.browser.get(f"/feeds/{token}.ics").text) if one["uid"] == f"{first}@irctl"]
    assert (told["status"], told["sequence"]) == ("CANCELLED", "2")


def test_a_revoked_address_is_not_found(house: House) -> None:
    token = feeds.make(house.desk, house.clinic.acting())
    feeds.revoke(house.desk, house.clinic.acting())
    assert house.browser.get(f"/feeds/{token}.ics").status_code == 404


def test_another_address_takes_the_place_of_the_first_and_leaves_other_people_theirs(house: House) -> None:
    theirs = feeds.make(house.desk, house.clinic.acting(CLINICIAN))
    first, second = (feeds.make(house.desk, house.clinic.acting()) for _ in range(2))
    codes = [house.browser.get(f"/feeds/{token}.ics").status_code for token in (first, second, theirs)]
    assert codes == [404, 200, 200]


def test_a_guessed_address_is_not_found(house: House) -> None:
    feeds.make(house.desk, house.clinic.acting())
    assert house.browser.get("/feeds/guessed.ics").status_code == 404


def test_the_address_ends_with_the_account(house: House) -> None:
    token = feeds.make(house.desk, house.clinic.acting())
    admin = Person("admin", "A. Admin", frozenset({Role.ADMINISTRATOR}))
    house.desk.accounts.change("helper", 1, active=False, by=admin, at=house.clinic.moment)
    assert house.browser.get(f"/feeds/{token}.ics").status_code == 404


def test_the_token_itself_is_kept_nowhere(house: House, tmp_path: Path) -> None:
    token = feeds.make(house.desk, house.clinic.acting())
    house.desk.database.close()
    assert all(token.encode() not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def test_who_makes_no_appointments_gets_no_feed(house: House) -> None:
    with pytest.raises(Refused, match="schedule"):
        feeds.make(house.desk, house.clinic.acting(TECHNICIAN))


# --- for the patient ----------------------------------------------------------------------------------------------------------


def test_the_card_has_the_name_the_next_appointments_and_when_to_call(house: House, tmp_path: Path) -> None:
    house.signs_in(ASSISTANT)
    answer = house.browser.get("/patients/P-0001/card.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    told = text_of(answer.content, tmp_path)
    for wanted in ("Ada Example", "Monday, 23 November 2026", "10:30", "25 minutes", "Call us at once, 555 0100",
                   "blister", "Mill Lane Clinic", "irctl is not a certified medical device."):  # fmt: skip
        assert wanted in told
    assert "P-0001" in answer.headers["content-disposition"]
    assert [view["why"] for view in house.desk.patients.views("P-0001")] == ["patient card"]


def test_the_card_speaks_german_to_a_german_screen(house: House, tmp_path: Path) -> None:
    house.signs_in(ASSISTANT)
    answer = house.browser.get("/patients/P-0001/card.pdf", headers={"accept-language": "de"})
    told = text_of(answer.content, tmp_path)
    assert "Montag, 23. November 2026" in told
    assert "Rufen Sie sofort an" in told


def test_the_card_of_the_same_day_is_the_same_bytes(house: House) -> None:
    cards = [patient_card.card_pdf(house.desk, house.clinic.acting(), "P-0001") for _ in range(2)]
    assert cards[0] == cards[1]


def test_a_cancelled_appointment_is_on_no_card(house: House) -> None:
    for one in house.booked:
        appointments.cancel(house.desk, house.clinic.acting(), one.id, "moves away")
    language.set("en")
    assert patient_card.card(house.desk, house.clinic.acting(), "P-0001").visits == ()


def test_the_patients_file_says_when_and_where_and_not_what_for(house: House) -> None:
    house.signs_in(CLINICIAN)
    answer = house.browser.get("/patients/P-0001/appointments.ics")
    told = events(answer.text)
    assert len(told) == 12
    assert {one["summary"] for one in told} == {"Infrared treatment, Mill Lane Clinic"}
    assert not any(word in answer.text for word in ("Ada", "P-0001", "knee", "luminous"))


@pytest.mark.parametrize("path", ["/patients/P-0001/card.pdf", "/patients/P-0001/appointments.ics"])
def test_without_a_sign_in_the_permission_or_an_open_screen_there_is_nothing(house: House, path: str) -> None:
    assert house.browser.get(path).status_code == 401
    house.signs_in(TECHNICIAN)
    refused = house.browser.get(path)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    house.signs_in(ASSISTANT)
    house.doors.lock(house.visitor)
    assert house.browser.get(path).status_code == 403
    assert house.desk.patients.views("P-0001") == []


def test_a_patient_who_is_nobody_is_refused_with_a_reason(house: House) -> None:
    house.signs_in(ASSISTANT)
    answer = house.browser.get("/patients/P-9999/card.pdf")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["limit"] == "is nobody here"


def test_a_feed_ends_where_a_telephone_needs_no_more(house: House) -> None:
    house.clinic.moment = at("2027-02-01 08:00")
    token = feeds.make(house.desk, house.clinic.acting())
    assert events(house.browser.get(f"/feeds/{token}.ics").text) == []
    assert len(appointments.between(house.desk, date(2026, 11, 1), date(2027, 1, 1))) == 12
