"""The patients' pages, drawn without a browser: who sees whom, and what an emergency opens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nicegui import Client, ui
from starlette.requests import Request

from irctl.clinic.care import patients
from irctl.clinic.desk import Desk
from irctl.clinic.doors.doors import Doors
from irctl.clinic.office.notices import open_notices
from irctl.clinic.pages.patient import patient_record
from irctl.clinic.pages.patients import all_patients, may_see
from irctl.clinic.screens.screen import COOKIE, Here
from irctl.domain.people import Role
from irctl.records.audit import Audit
from irctl.records.people import Person
from tests.clinic.treated import ADA, CLINICIAN, NOW, a_desk, by
from tests.records.people import ADMIN, GOOD, some_accounts, who


@dataclass
class Clinic:
    desk: Desk
    doors: Doors
    ada: str

    def here(self, login: str) -> Here:
        """A screen that this person has just opened."""
        cookie, visitor = self.doors.open(who(self.desk.accounts, login))
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode()), (b"host", b"clinic")]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/patients",
            "headers": headers,
            "query_string": b"",
            "scheme": "http",
        }
        return Here(self.desk, self.doors, visitor, None, Request(scope))  # pyright: ignore[reportArgumentType]

    def looks(self) -> list[tuple[str, str]]:
        return [(one["by"], one["why"]) for one in self.desk.patients.views(self.ada)]


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    desk = a_desk(tmp_path)
    desk.accounts = some_accounts(desk.database)
    desk.accounts.create(ADMIN, "Rose Okafor", [Role.ADMINISTRATOR], GOOD, None, NOW)
    for login, role in (("doctor", Role.CLINICIAN), ("tech", Role.TECHNICIAN), ("auditor", Role.AUDITOR)):
        desk.accounts.create(login, login, [role], GOOD, who(desk.accounts, ADMIN), NOW)
    ada = patients.register(desk, by(CLINICIAN), ADA)
    yield Clinic(desk, Doors(desk.accounts), ada)
    desk.database.close()


def seen(draw: Callable[[], Awaitable[Any] | None]) -> str:
    """Every text that a page shows."""

    async def drawing() -> str:
        client = Client(ui.page("/patients"), request=None)
        with client:
            done = draw()
            if done is not None:
                await done
        told: list[str] = []
        for element in client.elements.values():
            told += [str(getattr(element, name, "")) for name in ("text", "content", "value")]
            told += [f"{element.props.get('label', '')}", f"{element.props.get('innerHTML', '')}"]
        client.delete()
        return "\n".join(told)

    return asyncio.run(drawing())


def test_a_clinician_sees_whom_the_clinic_has_seen_lately(clinic: Clinic) -> None:
    told = seen(lambda: all_patients(clinic.here("doctor")))

    assert ADA.name in told
    assert "New patient" in told
    assert clinic.looks() == [("doctor", "recent")]


def test_an_auditor_sees_patients_and_writes_none_down(clinic: Clinic) -> None:
    told = seen(lambda: all_patients(clinic.here("auditor")))

    assert ADA.name in told
    assert "New patient" not in told
    record = seen(lambda: patient_record(clinic.here("auditor"), clinic.ada))
    assert "History of versions" in record
    assert "Why is it changed?" not in record


@pytest.mark.parametrize("login", ["tech", ADMIN])
def test_whoever_may_not_see_patients_is_offered_the_emergency_and_shown_nobody(clinic: Clinic, login: str) -> None:
    for draw in (lambda: all_patients(clinic.here(login)), lambda: patient_record(clinic.here(login), clinic.ada)):
        told = seen(draw)
        assert "Emergency access" in told
        assert ADA.name not in told
    assert clinic.looks() == []


def test_an_emergency_opens_patients_on_that_screen_alone_and_is_in_the_audit(clinic: Clinic) -> None:
    here = clinic.here("tech")
    patients.in_emergency(clinic.desk, clinic.doors, here.visitor, "collapsed in the waiting room", NOW)

    assert ADA.name in seen(lambda: all_patients(here))
    assert clinic.looks() == [("tech", "EMERGENCY: collapsed in the waiting room")]
    assert not seen_by(clinic, "tech"), "another screen of the same person is closed as before"
    assert "emergency-access" in [entry.what for entry in Audit(clinic.desk.database).listed()]
    (told,) = open_notices(clinic.desk)
    assert told.priority == "high"
    assert here.visitor.standing.person.name in told.text


def test_a_patient_who_is_called_like_a_script_stays_a_name_on_the_page(clinic: Clinic) -> None:
    patients.register(clinic.desk, by(CLINICIAN), Person("<script>alert(1)</script>", date(1990, 1, 1)))
    told = seen(lambda: all_patients(clinic.here("doctor")))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in told
    assert "<script" not in told


def seen_by(clinic: Clinic, login: str) -> bool:
    found: list[bool] = []
    seen(lambda: found.append(may_see(clinic.here(login))))
    return found[0]
